"""The live show: sound in, pictures out, for hours, and never black.

Four threads: capture, ears, painter, and the main one that draws. What passes between them is the
newest value; onsets add up until they are seen.
"""

import sys
import time
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from typing import Protocol

import numpy as np

from synth.generators import Generator
from synth.keyframes import Cues
from synth.performance import BLACKOUT
from synth.visual import Visual

from .desk import Desk
from .ears import Ears, Source
from .keep import Keeper, Keeping
from .mailbox import Frame
from .overlay import Overlay, Status
from .painter import Painter, Step
from .supervisor import Supervisor

_PANEL = 0.1  # seconds between two drawings of the overlay
_FADE = BLACKOUT  # seconds, of the last fade too
_TWICE = 1.0  # seconds within which a second Escape ends at once
_LATE = 0.1  # seconds
_KEPT = 20000  # latencies that are kept for the report
_TURN = 0.0002  # seconds that a Python thread may keep others waiting; a compiler is one of them
_INTERVAL = 0.2  # of each new frame in the mean interval


class Screen(Protocol):
    """What shows frames; see `window`."""

    faults: list[str]

    @property
    def is_open(self) -> bool: ...

    def toggle_full(self) -> None: ...

    def frame(self, picture: np.ndarray, interval: float) -> None: ...

    def panel(self, panel: np.ndarray | None) -> None: ...

    def draw(self, fit: str, shade: float) -> bool: ...


@dataclass
class Report:
    """What became of a show; `latency_ms` is from sound in hand to picture on screen."""

    seconds: float = 0.0
    frames_shown: int = 0  # drawn by the window
    frames_generated: int = 0
    frames_replaced: int = 0  # generated and never shown
    frames_late: int = 0  # shown more than a tenth of a second after their sound
    onsets_heard: int = 0
    onsets_shown: int = 0
    latency_ms: dict[str, float] = field(default_factory=dict)
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)  # wait, draw, show
    drops: int = 0  # samples lost, and overflows of the device
    record_drops: int = 0  # pictures that the film of the show lacks
    flashes_held: int = 0
    faults: list[str] = field(default_factory=list)
    generator: str = ""
    preset: str = ""

    def values(self) -> dict[str, object]:
        """As plain values for JSON."""
        return asdict(self)


class Show:
    """One evening."""

    def __init__(
        self,
        source: Source,
        desk: Desk,
        generator: Generator,
        ladder: Sequence[Step],
        *,
        level: int = 0,
        governs: bool = True,
        ahead: int = 1,
        keepers: Sequence[Keeper] = (),
        cues: Cues | None = None,
    ) -> None:
        self.supervisor = Supervisor()
        self.desk = desk
        self.visual = Visual(desk.preset.knobs, generator.embed, cues)
        self.keeping = Keeping(keepers)
        desk.tell = self.keeping.event
        self.ears = Ears(
            source, self.visual, desk.before_hop, lambda hop, _latent: self.keeping.hop(hop)
        )
        self.painter = Painter(
            self.ears.moments, ladder, generator, level=level, governs=governs, ahead=ahead
        )
        self.picture: np.ndarray | None = None  # drawn last
        self.overlay_on = True
        self.hints: list[Callable[[], str]] = []  # more that the overlay shall tell
        self.learn: Callable[[], None] | None = None  # what L does
        self.black = False
        self._source = source
        self._overlay = Overlay()
        self._notice, self._trouble, self._lost = "", "", ""
        self._shade = 0.0
        self._ending: float | None = None  # when the last fade began
        self._onset_seen = 0.0
        self._latencies: deque[float] = deque(maxlen=_KEPT)
        self._stages: deque[tuple[float, float, float]] = deque(maxlen=_KEPT)
        self._shown, self._onsets_shown = 0, 0
        self._interval, self._last_frame = 0.05, 0.0
        self._draws: deque[float] = deque(maxlen=120)
        self._arrivals: deque[float] = deque(maxlen=60)
        self._panel_at = 0.0

    # ---- keys

    def key(self, screen: Screen, key: str) -> None:
        """What a key does; see `KEYS`."""
        match key:
            case " ":
                self.freeze(not self.painter.frozen)
            case "b":
                self.blackout(not self.black)
            case "f":
                screen.toggle_full()
            case "h":
                self.overlay_on = not self.overlay_on
            case "left" | "right":
                self.desk.step(1 if key == "right" else -1)
            case "t":
                bpm = self.desk.tap(time.monotonic())
                self._notice = f"tapped {bpm:.1f} BPM" if bpm else "tap on; the tempo is heard"
            case "g":
                self.desk.cue("next")
            case "l" if self.learn is not None:
                self.learn()
            case "escape":
                self._escape(time.monotonic())
            case _ if key in "123456789":
                self.desk.number(int(key))

    def freeze(self, on: bool) -> None:
        """Hold the picture, or let it go on."""
        self.painter.frozen = on
        self.keeping.event({"hop": self.ears.hops, "freeze": on})

    def blackout(self, on: bool) -> None:
        """Fade to black, or back."""
        self.black = on
        self.keeping.event({"hop": self.ears.hops, "blackout": on})

    def _escape(self, now: float) -> None:
        """Once fades out, twice ends; after a second Escape begins to mean the first again."""
        if self._ending is not None and now - self._ending < _TWICE:
            self._ending = -1e9
        else:
            self._ending = now

    # ---- the loop

    def run(self, screen: Screen, seconds: float | None = None) -> Report:
        """Play until the window closes, the song or the seconds end, or Ctrl-C is pressed."""
        begun = time.monotonic()
        turn = sys.getswitchinterval()
        sys.setswitchinterval(_TURN)
        self.supervisor.start()
        self._source.start()
        self.ears.start()
        self.painter.start()
        try:
            while screen.is_open and not self._over(begun, seconds):
                self._once(screen)
        except KeyboardInterrupt:  # Ctrl-C is one way to end an evening
            pass
        finally:
            self._source.stop()
            self.ears.stop()
            self.painter.stop()
            self.keeping.close()
            self.supervisor.stop()
            sys.setswitchinterval(turn)
        return self._report(screen, time.monotonic() - begun)

    def _over(self, begun: float, seconds: float | None) -> bool:
        now = time.monotonic()
        if self._ending is not None and now - self._ending > _FADE:
            return True
        if seconds is not None and now - begun >= seconds:
            return True
        if self._source.ended and self._ending is None:
            self._ending = now
        return False

    def _once(self, screen: Screen) -> None:
        now = time.monotonic()
        self.desk.watch(now)
        self.painter.limits_flashes = self.visual.knobs.look.flash_limit
        frame = self.painter.frames.take(now, self.ears.moments.heard)
        if frame is not None:
            self._arrived(now)
            self.picture = frame.picture
            screen.frame(frame.picture, self._interval)
        self._lost = screen.faults[-1] if screen.faults else ""
        if now - self._panel_at >= _PANEL:
            self._panel_at = now
            screen.panel(self._overlay.draw(self.status(now)) if self.overlay_on else None)
        dt = now - self._draws[-1] if self._draws else 0.0
        aim = 0.0 if self.black or self._ending is not None else 1.0
        self._shade += np.clip(aim - self._shade, -dt / _FADE, dt / _FADE)
        if screen.draw(self.visual.knobs.look.fit, self._shade):
            self._shown += 1
            if frame is not None:
                self._seen(frame, time.monotonic())
                self.keeping.picture(_shaded(frame.picture, self._shade), frame.hop)
        self._draws.append(now)

    def _arrived(self, now: float) -> None:
        if self._last_frame:
            self._interval += _INTERVAL * (now - self._last_frame - self._interval)
        self._last_frame = now
        self._arrivals.append(now)

    def _seen(self, frame: Frame, now: float) -> None:
        self._onsets_shown += frame.onsets
        if frame.onsets:
            self._onset_seen = now
        late = now - frame.captured
        self._latencies.append(late)
        if frame.due <= frame.done:  # the first of its batch
            self.painter.delay += _INTERVAL * (late - self.painter.delay)
        self._stages.append(
            (frame.begun - frame.captured, frame.done - frame.begun, now - frame.done)
        )

    # ---- what is told

    def status(self, now: float) -> Status:
        """The show as the overlay tells it."""
        heard = self.visual.heard
        level = 20 * np.log10(max(self.ears.level, 1e-5))
        cue = self.visual.cues.playing if self.visual.cues is not None else ""
        troubles = (
            self._source.trouble,
            self.ears.trouble,
            self.desk.trouble,
            self._trouble,
            self._lost,
            *self.keeping.faults,
        )
        state = [
            word
            for word, on in (
                ("frozen (space)", self.painter.frozen),
                ("blackout (B)", self.black),
                ("ending; Escape again quits", self._ending is not None),
                (f"“{cue}”", bool(cue)),
            )
            if on
        ]
        return Status(
            source=self._source.name,
            level=float(level),
            chroma=heard.chroma if heard is not None else np.zeros(12),
            onset=now - self._onset_seen < 0.1,
            beat_phase=heard.beat_phase if heard is not None else 0.0,
            bpm=heard.bpm if heard is not None else 0.0,
            drawn_rate=_rate(self._arrivals, now),
            shown_rate=_rate(self._draws, now),
            latency=1000 * float(np.median(list(self._latencies)[-60:] or [0.0])),
            generator=f"{self.painter.generator.name} {self.painter.generator.resolution}",
            preset=self.desk.preset.name,
            flashes=self.painter.flashes.rate,
            state=", ".join(state),
            notice=" ".join(
                part
                for part in (
                    self.painter.notice or self._notice,
                    *(hint() for hint in self.hints),
                )
                if part
            ),
            trouble="; ".join(t for t in troubles if t),
        )

    def tell(self, trouble: str) -> None:
        """Show trouble in the overlay and keep it for the report."""
        self._trouble = trouble
        self.painter.faults.append(trouble)

    def _report(self, screen: Screen, seconds: float) -> Report:
        waits, draws, shows = zip(*(self._stages or [(0.0, 0.0, 0.0)]), strict=True)
        faults = [*self._source.faults, *self.ears.faults, *self.painter.faults]
        faults += [*screen.faults, *self.keeping.faults]
        faults += [str(fault) for fault in self.supervisor.faults]
        faults += [self.desk.trouble] if self.desk.trouble else []
        return Report(
            seconds=round(seconds, 3),
            frames_shown=self._shown,
            frames_generated=self.painter.drawn,
            frames_replaced=self.painter.frames.replaced,
            onsets_heard=self.ears.moments.heard,
            onsets_shown=self._onsets_shown,
            frames_late=sum(late > _LATE for late in self._latencies),
            latency_ms=_percentiles(self._latencies),
            stages_ms={
                "wait": _percentiles(waits),
                "draw": _percentiles(draws),
                "show": _percentiles(shows),
            },
            drops=self._source.overflows + self._source.ring.lost,
            record_drops=self.keeping.dropped,
            flashes_held=self.painter.flashes.held,
            faults=faults,
            generator=f"{self.painter.generator.name} {self.painter.generator.resolution}",
            preset=self.desk.preset.name,
        )


def _percentiles(seconds: Collection[float]) -> dict[str, float]:
    """Milliseconds."""
    values = 1000 * np.array(seconds or [0.0])
    return {f"p{p}": round(float(np.percentile(values, p)), 2) for p in (50, 95, 99)}


def _shaded(picture: np.ndarray, shade: float) -> np.ndarray:
    return picture if shade >= 1 else np.rint(picture * np.float32(shade)).astype(np.uint8)


def _rate(moments: deque[float], now: float) -> float:
    recent = [m for m in moments if now - m < 1.0]
    return float(len(recent))

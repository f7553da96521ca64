"""The live show: sound in, pictures out, for hours, and never black.

Capture, analysis, drawing and every server work in threads of their own under one supervisor; the
main one draws the window. What passes between them is the newest value; onsets add up until they
are seen.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from synth.engine import Engine
from synth.generators import Generator
from synth.latents.keyframes import Cues
from synth.session import BLACKOUT

from .control.keys import press
from .control.parameters import Parameters
from .engine.analysis_thread import AnalysisThread, Source
from .engine.handoff import Frame
from .engine.ladder import Step
from .engine.render_thread import RenderThread
from .faults import Fault, reason_of
from .output.overlay import Overlay, Status
from .output.writer_thread import Recording, Recordings
from .report import Durations, Report, Reporter
from .signals import stopping
from .supervisor import Supervisor

_PANEL = 0.1  # seconds between two drawings of the overlay
_FADE = BLACKOUT  # seconds, of the last fade too
_TWICE = 1.0  # seconds within which a second Escape ends at once
_LATE = 0.1  # seconds
_TOLD = 10.0  # seconds for which the overlay tells a fault
_TURN = 0.0002  # seconds that a Python thread may keep others waiting; a compiler is one of them
_INTERVAL = 0.2  # of each new frame in the mean interval
_PAUSE = 1 / 60  # seconds after a round of drawing that failed
_POLITE = 5.0  # seconds that threads have to end
_HURRIED = 1.0  # seconds that all has to end, once whoever plays is in a hurry
_WRITING = 20.0  # seconds that files have to become whole, unless whoever plays is in a hurry
_REPORTING = 0.3, 2.0  # seconds that the report has, hurried and not


class Screen(Protocol):
    """What shows frames; see `window`."""

    @property
    def is_open(self) -> bool: ...

    @property
    def trouble(self) -> str:
        """What is wrong with the screen at this moment, in words."""
        ...

    def toggle_full(self) -> None: ...

    def frame(self, picture: np.ndarray, interval: float) -> None: ...

    def panel(self, panel: np.ndarray | None) -> None: ...

    def draw(self, fit: str, shade: float) -> bool: ...


class Show:
    """One evening."""

    def __init__(
        self,
        source: Source,
        parameters: Parameters,
        generator: Generator,
        ladder: Sequence[Step],
        *,
        level: int = 0,
        governs: bool = True,
        ahead: int = 1,
        cues: Cues | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self.supervisor = supervisor or Supervisor()
        self.parameters: Parameters = parameters
        self.recordings = Recordings()
        parameters.tell = self.recordings.event
        engine = Engine(parameters.preset.knobs, generator.embed, cues)
        self.analysis = AnalysisThread(
            source,
            engine,
            parameters.before_hop,
            lambda hop, _: self.recordings.hop(hop),
            generator.name,
            self.recordings.event,
        )
        self.renderer: RenderThread = RenderThread(
            self.analysis.moments,
            ladder,
            generator,
            level=level,
            governs=governs,
            ahead=ahead,
            changed=self._play_on,
        )
        self._play_on(generator)
        self.picture: np.ndarray | None = None  # drawn last
        self.overlay_on = True
        self.learn: Callable[[], None] | None = None  # what L does
        self.card: tuple[str, np.ndarray | None] = ("", None)  # the page's address, its QR code
        self.card_on = False
        self.farewells: list[Callable[[], object]] = []  # what else ends with the show
        self.black: bool = False
        self._source = source
        self._loop = self.supervisor.guard("main loop")
        self._overlay = Overlay()
        self._shade = 0.0
        self._ending: float | None = None  # when the last fade began
        self._ended = ""  # by what
        self._stopped = False  # by Ctrl-C or a signal
        self._hurried, self._hurried_at = False, 0.0  # Escape was pressed twice, and when
        self._begun = 0.0
        self._onset_seen = 0.0
        self._latencies: deque[float] = deque(maxlen=60)
        self._latency, self._screen, self._pictures = Durations(), Durations(), Durations()
        self._stages = {stage: Durations() for stage in ("wait", "draw", "show")}
        self._shown, self._onsets_shown, self._late = 0, 0, 0
        self._interval, self._last_frame = 0.05, 0.0
        self._last_round = 0.0
        self._draws: deque[float] = deque(maxlen=120)
        self._arrivals: deque[float] = deque(maxlen=60)
        self._panel_at = 0.0

    @property
    def engine(self) -> Engine:
        """The instrument that plays; another one where hearing had to begin anew."""
        return self.analysis.engine

    def _play_on(self, generator: Generator) -> None:
        """Another generator draws: its classes are mixed, and a bank of another one waits."""
        self.analysis.play_on(generator.name, generator.embed)
        cues = self.engine.cues
        if cues is not None and not cues.bank.is_for(generator.name):
            made = cues.bank.about.get("generator")
            text = f"{generator.name} plays; the bank was made for {made} and waits"
            self.supervisor.faults.tell("cues", text)

    # ---- keys

    def key(self, screen: Screen, key: str) -> None:
        """What a key does; see `control.keys`. Nothing that it leads to is raised."""
        self._loop.do(lambda _shift: press(self, screen, key))

    def show_card(self) -> None:
        """Where phones open the page, or not any more."""
        address, code = self.card
        if code is None:
            self.supervisor.notices.say(
                f"{address or 'no page is served'}; --page --oscquery 0.0.0.0:9001 is for phones"
            )
        self.card_on = code is not None and not self.card_on

    def freeze(self, on: bool) -> None:
        """Hold the picture, or let it go on."""
        if on != self.renderer.frozen:
            self.renderer.frozen = on
            self.recordings.event({"hop": self.analysis.hops, "freeze": on})

    def blackout(self, on: bool) -> None:
        """Fade to black, or back."""
        if on != self.black:
            self.black = on
            self.recordings.event({"hop": self.analysis.hops, "blackout": on})

    def escape(self, now: float) -> None:
        """Once fades out, twice ends; after a second Escape begins to mean the first again."""
        if self._ending is not None and now - self._ending < _TWICE:
            self._hurried = True
        else:
            self._ending, self._ended = now, "Escape"

    # ---- the loop

    def run(
        self,
        screen: Screen,
        seconds: float | None = None,
        *,
        recordings: Callable[[], Sequence[Recording]] = lambda: (),
        report: Path | None = None,
    ) -> Report:
        """Play until the window closes, the song or the seconds end, or Ctrl-C is pressed.

        What `recordings` gives is written from the beginning; the report every ten seconds and at
        the end. UserError where the show cannot begin, and then nothing is left behind.
        """
        self._begun = self._last_round = time.monotonic()
        reporter = Reporter(report, self.report) if report is not None else None
        with _short_turns(), stopping(self._told_to_stop, lambda: self._abandon(reporter)):
            try:
                self._start(recordings, reporter)
                while self._goes_on(screen, seconds):
                    self._once(screen)
            finally:
                self._stop(screen)
                outcome = self.report()
                if reporter is not None and reporter.is_begun:
                    reporter.finish(outcome, _REPORTING[not self._hurried])
                self.supervisor.stop()
        return outcome

    def _told_to_stop(self) -> None:
        """By Ctrl-C or a signal: once ends in good order, twice at once."""
        self._hurried = self._stopped
        self._stopped, self._ended = True, self._ended or "Ctrl-C or a signal"

    def _abandon(self, reporter: Reporter | None) -> None:
        """A signal came and the main thread hangs: files and report are finished without it."""
        self._ended = self._ended or "Ctrl-C or a signal"
        self.supervisor.faults.tell("main loop", "hangs; the show was ended without it")
        self.recordings.close()
        latest = time.monotonic() + _POLITE
        while not self.recordings.closed and time.monotonic() < latest:
            time.sleep(_PAUSE)
        if reporter is not None and reporter.is_begun:
            reporter.finish(self.report(), _REPORTING[1])

    def _start(
        self, recordings: Callable[[], Sequence[Recording]], reporter: Reporter | None
    ) -> None:
        self._source.start(self.supervisor)
        self.recordings.start(recordings(), self.supervisor)
        self.supervisor.faults.listeners.append(self._log)
        self.parameters.start(self.supervisor)
        self.analysis.start(self.supervisor)
        self.renderer.start(self.supervisor)
        if reporter is not None:
            reporter.start(self.supervisor)
        self.supervisor.start()

    def _log(self, fault: Fault) -> None:
        self.recordings.event({"hop": self.analysis.hops, "fault": str(fault)})

    def _stop(self, screen: Screen) -> None:
        """End every thread side by side, then wait for what is still to be written."""
        stops = (self._source.stop, self.analysis.stop, self.renderer.stop, self.parameters.stop)
        threads = [
            threading.Thread(target=self._said_goodbye, args=(stop,), name="farewell", daemon=True)
            for stop in (*stops, *self.farewells)
        ]
        for thread in threads:
            thread.start()
        latest = time.monotonic() + _POLITE
        while any(thread.is_alive() for thread in threads):
            self._once(screen)
            if time.monotonic() > (min(latest, self._hurry) if self._hurried else latest):
                self.supervisor.left_behind = True
                break
        self.recordings.close()
        latest = time.monotonic() + _WRITING
        while not self.recordings.closed:
            self._once(screen)
            if time.monotonic() > (min(latest, self._hurry) if self._hurried else latest):
                break
        self.recordings.dismiss()

    @property
    def _hurry(self) -> float:
        """Until when what ends may take its time, once whoever plays is in a hurry."""
        self._hurried_at = self._hurried_at or time.monotonic()
        return self._hurried_at + _HURRIED

    def _said_goodbye(self, stop: Callable[[], object]) -> None:
        try:
            stop()
        except Exception as error:  # the others end all the same
            self.supervisor.faults.tell("end", reason_of(error))

    def _goes_on(self, screen: Screen, seconds: float | None) -> bool:
        now = time.monotonic()
        if self._hurried or self._stopped:
            return False
        if self._ending is not None and now - self._ending > _FADE:
            return False
        if seconds is not None and now - self._begun >= seconds:
            self._ended = self._ended or "its time"
            return False
        if not self._is_open(screen):
            self._ended = self._ended or "the window was closed"
            return False
        if self._source.ended and self._ending is None:
            self._ending, self._ended = now, self._source.trouble or "the end of the song"
        return True

    def _is_open(self, screen: Screen) -> bool:
        """Whether the window was not closed; one that cannot say so was not."""
        found = [True]
        self._loop.do(lambda _shift: found.append(screen.is_open))
        return found[-1]

    def _once(self, screen: Screen) -> None:
        """One round; what fails in one of its parts keeps no other part from being done."""
        now = time.monotonic()
        taken: list[Frame] = []
        self._loop.do(lambda _shift: taken.extend(self._taken(screen, now)))
        self._loop.do(lambda _shift: self._tell(screen, now))
        drawn = self._last_round
        self._loop.do(lambda _shift: self._draw(screen, now, taken))
        if self._last_round == drawn:
            self._last_round = now
            time.sleep(_PAUSE)

    def _taken(self, screen: Screen, now: float) -> list[Frame]:
        """The frame that is due, if there is one; the screen has it from now on."""
        self.renderer.limits_flashes = self.engine.knobs.look.flash_limit
        frame = self.renderer.frames.take(now, self.analysis.moments.heard)
        if frame is None:
            return []
        self._arrived(now)
        self.picture = frame.picture
        screen.frame(frame.picture, self._interval)
        return [frame]

    def _tell(self, screen: Screen, now: float) -> None:
        """Draw the overlay anew, where it is time."""
        if now - self._panel_at >= _PANEL:
            self._panel_at = now
            screen.panel(self._panel(screen.trouble, now))

    def _panel(self, screen_trouble: str, now: float) -> np.ndarray | None:
        address, code = self.card
        if self.card_on and code is not None:
            return self._overlay.card(address, code)
        return self._overlay.draw(self.status(now, screen_trouble)) if self.overlay_on else None

    def _draw(self, screen: Screen, now: float, taken: list[Frame]) -> None:
        dt = now - self._draws[-1] if self._draws else 0.0
        self._draws.append(now)
        aim = 0.0 if self.black or self._ending is not None else 1.0
        self._shade += float(np.clip(aim - self._shade, -dt / _FADE, dt / _FADE))
        drawn = screen.draw(self.engine.knobs.look.fit, self._shade)
        self._screen.add(now - self._last_round)
        self._last_round = now
        self._shown += drawn
        for frame in taken:
            if drawn:
                self._seen(frame, time.monotonic())
            self.recordings.picture(_shaded(frame.picture, self._shade), frame.hop)

    def _arrived(self, now: float) -> None:
        if self._last_frame and not self.renderer.frozen:
            self._interval += _INTERVAL * (now - self._last_frame - self._interval)
            self._pictures.add(now - self._last_frame)
        self._last_frame = now
        self._arrivals.append(now)

    def _seen(self, frame: Frame, now: float) -> None:
        self._onsets_shown += frame.onsets
        if frame.onsets:
            self._onset_seen = now
        late = now - frame.captured
        self._latencies.append(late)
        self._latency.add(late)
        self._late += late > _LATE
        if frame.due <= frame.done:  # the first of its batch
            self.renderer.delay += _INTERVAL * (late - self.renderer.delay)
        self._stages["wait"].add(frame.begun - frame.captured)
        self._stages["draw"].add(frame.done - frame.begun)
        self._stages["show"].add(now - frame.done)

    # ---- what is told

    def status(self, now: float, screen_trouble: str = "") -> Status:
        """The show as the overlay tells it."""
        heard = self.engine.heard
        level = 20 * np.log10(max(self.analysis.level, 1e-5))
        cue = self.engine.cues.playing if self.engine.cues is not None else ""
        state = [
            word
            for word, on in (
                ("frozen (space)", self.renderer.frozen),
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
            latency=1000 * float(np.median(self._latencies or [0.0])),
            generator=self._generator,
            preset=self.parameters.preset.name,
            flashes=self.renderer.flashes.rate,
            state=", ".join(state),
            notice=self.supervisor.notices.newest,
            trouble="; ".join(self._troubles(screen_trouble)),
        )

    @property
    def _generator(self) -> str:
        return f"{self.renderer.generator.name} {self.renderer.generator.resolution}"

    def _troubles(self, screen_trouble: str) -> list[str]:
        """What is wrong at this moment, then what went wrong lately."""
        now = (self._source.trouble, self.analysis.trouble, self.parameters.trouble, screen_trouble)
        standing = [trouble for trouble in now if trouble]
        lately = self.supervisor.faults.lately(_TOLD)
        return standing + [str(f) for f in lately if not any(f.latest in t for t in standing)]

    def report(self) -> Report:
        """What became of the show so far."""
        faults = self.supervisor.faults
        return Report(
            seconds=round(time.monotonic() - self._begun, 3),
            ended=self._ended,
            frames_shown=self._shown,
            frames_generated=self.renderer.drawn,
            frames_replaced=self.renderer.frames.replaced,
            onsets_heard=self.analysis.moments.heard,
            onsets_shown=self._onsets_shown,
            frames_late=self._late,
            latency_ms=self._latency.percentiles(50, 95, 99),
            stages_ms={name: spans.percentiles(50, 95, 99) for name, spans in self._stages.items()},
            screen_ms=_with_longest(self._screen),
            pictures_ms=_with_longest(self._pictures),
            drops=self._source.overflows + self._source.ring.lost,
            record_drops=self.recordings.dropped,
            flashes_held=self.renderer.flashes.held,
            restarts=self.supervisor.restarts,
            faults_told=faults.total,
            faults=faults.values(),
            generator=self._generator,
            preset=self.parameters.preset.name,
        )


@contextmanager
def _short_turns() -> Iterator[None]:
    """Python's threads take turns quickly meanwhile."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _with_longest(spans: Durations) -> dict[str, float]:
    return spans.percentiles(50, 99, 99.9) | {"longest": round(1000 * spans.longest, 2)}


def _shaded(picture: np.ndarray, shade: float) -> np.ndarray:
    return picture if shade >= 1 else np.rint(picture * np.float32(shade)).astype(np.uint8)


def _rate(moments: deque[float], now: float) -> float:
    recent = [m for m in moments if now - m < 1.0]
    return float(len(recent))

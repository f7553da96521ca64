"""Where hands and files meet the instrument: knobs, presets, tempo, turned between two hops.

Anything may ask at any time from any thread; the ears carry it out before the next hop, so that
what is heard and what is turned have one order, which can be written down and played again.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from synth.hop import HOP, RATE
from synth.knobs import Knobs, value_of, with_values
from synth.performance import Event, changed
from synth.preset import Preset, preset_of, shipped
from synth.trouble import Trouble
from synth.visual import Visual

from .supervisor import Shift, Supervisor

_TAP_GAP = 2.0  # seconds after which a tap begins a new count
_TAPS = 8  # that are averaged
_LONGEST_WAIT = 2 * RATE // HOP  # hops that a look waits for its beat
_LOOK = 0.5  # seconds between two looks at a preset's file

Told = Callable[[Event], None]
Cue = int | Literal["next", "release"]


@dataclass(slots=True)
class _Ramp:
    """A knob on its way."""

    start: float
    target: float
    hops: int
    begun: int | None = None  # the hop at which it set out


@dataclass(frozen=True, slots=True)
class _LookChange:
    """A preset that was asked for."""

    knobs: Knobs
    fade: float | None  # seconds; the preset's own when None


class Desk:
    """Holds the current preset, what its knobs shall be, and queues what is to be turned.

    `tell` hears of everything that changed, as events of a performance.
    """

    def __init__(
        self,
        preset: Preset,
        settings: list[str],
        path: Path | None,
        tell: Told = lambda _event: None,
    ) -> None:
        self.preset = preset
        self.wanted = preset.knobs  # every knob as it was asked for last
        self.trouble = ""
        self.tell = tell
        self._settings = settings
        self._folder = path.parent if path is not None else None
        self._path, self._stamp = path, _stamp_of(path)
        self._looked = 0.0
        self._lock = threading.Lock()
        self._turns: deque[dict[str, Any] | Knobs | _LookChange] = deque()
        self._waiting: tuple[_LookChange, int] | None = None  # for a beat, at most until a hop
        self._ramps: dict[str, _Ramp] = {}
        self._cues: deque[Cue] = deque()
        self._taps: deque[float] = deque(maxlen=_TAPS)

    # ---- in the ears' thread

    def before_hop(self, visual: Visual, number: int) -> None:
        """Carry out what was asked for; the ears call this."""
        with self._lock:
            self._advance_ramps(number)
            turns, self._turns = self._turns, deque()
            cues, self._cues = self._cues, deque()
        for turn in turns:
            if isinstance(turn, _LookChange) and visual.knobs.preset.on_beat:
                self._waiting = (turn, number + _LONGEST_WAIT)
            else:
                self._carry_out(turn, visual, number)
        if self._waiting is not None and self._is_due(self._waiting[1], visual, number):
            turn, self._waiting = self._waiting[0], None
            self._carry_out(turn, visual, number)

        for cue in cues if visual.cues is not None else ():
            assert visual.cues is not None
            if cue == "release":
                visual.cues.release()
                self.tell({"hop": number, "cue": None})
                continue
            chosen = visual.cues.position + 1 if cue == "next" else cue
            visual.cues.go(chosen)
            self.tell({"hop": number, "cue": chosen})

    def _carry_out(
        self, turn: dict[str, Any] | Knobs | _LookChange, visual: Visual, number: int
    ) -> None:
        before, changes = visual.knobs, visual.changes
        match turn:
            case _LookChange():
                visual.change(turn.knobs, turn.fade)
            case Knobs():
                visual.turn(turn)
            case _:
                visual.turn(with_values(visual.knobs, turn, "desk"))
        if visual.changes != changes or visual.knobs != before:
            fade: float | None = None
            if visual.changes != changes:
                asked = turn.fade if isinstance(turn, _LookChange) else None
                fade = visual.knobs.preset.fade if asked is None else asked
            self.tell({"hop": number, "set": changed(before, visual.knobs), "fade": fade})

    def _is_due(self, latest: int, visual: Visual, number: int) -> bool:
        """Whether a look that waits may begin: with the predicted beat, or at last."""
        heard = visual.heard
        if heard is None or not heard.bpm:
            return True
        return heard.next_beat - heard.time <= visual.dt or number >= latest

    def _advance_ramps(self, number: int) -> None:
        for name, ramp in list(self._ramps.items()):
            ramp.begun = number if ramp.begun is None else ramp.begun
            part = min(1.0, (number + 1 - ramp.begun) / ramp.hops)
            self._put(name, ramp.start + (ramp.target - ramp.start) * part)
            if part == 1.0:
                del self._ramps[name]

    # ---- for hands, from any thread

    def turn(self, name: str, value: object) -> None:
        """Set one knob, `group.knob`; Trouble when the value is none of its."""
        with self._lock:
            self._ramps.pop(name, None)
            self._put(name, value)

    def ramp(self, name: str, target: float, seconds: float) -> None:
        """Bring a knob there in so many seconds; a turn of the same knob ends it."""
        with self._lock:
            start = float(value_of(self.wanted, name))
            self._ramps[name] = _Ramp(start, target, max(1, round(seconds * RATE / HOP)))

    def _put(self, name: str, value: object) -> None:
        self.wanted = with_values(self.wanted, {name: value}, name)
        checked = value_of(self.wanted, name)
        if not self._turns or not isinstance(self._turns[-1], dict):
            self._turns.append({})
        last = self._turns[-1]
        assert isinstance(last, dict)
        last[name] = checked

    def load(self, name: str, fade: float | None = None) -> None:
        """Fade to another preset; trouble is told and the old look stays."""
        try:
            preset = preset_of(name, self._settings)
        except Trouble as trouble:
            self.trouble = str(trouble)
            return
        with self._lock:
            self.trouble = ""
            self.preset, self.wanted = preset, preset.knobs
            self._path = Path(name) if name.endswith(".toml") else None
            self._stamp = _stamp_of(self._path)
            self._ramps.clear()
            self._turns.clear()  # what was turned before is over with the look
            self._turns.append(_LookChange(preset.knobs, fade))

    def cue(self, cue: Cue) -> None:
        """Cue a keyframe of the bank by number, the next one, or let all go."""
        with self._lock:
            self._cues.append(cue)

    def presets(self) -> dict[str, str]:
        """Every preset that may be loaded, and what `load` calls it: shipped ones, and those in
        the folder of the file that the show began with."""
        own = sorted(self._folder.glob("*.toml")) if self._folder is not None else []
        return {name: name for name in shipped()} | {path.stem: str(path) for path in own}

    def step(self, by: int) -> None:
        """The next preset by name, or the one before."""
        names = list(self.presets())
        here = names.index(self.preset.name) if self.preset.name in names else -by
        self.load(self.presets()[names[(here + by) % len(names)]])

    def number(self, number: int) -> None:
        """The preset of a number key, from 1."""
        names = list(self.presets().values())
        if number <= len(names):
            self.load(names[number - 1])

    def tap(self, now: float) -> float:
        """One tap of the tempo; returns the beats a minute that follow, 0 after the first tap."""
        if self._taps and now - self._taps[-1] > _TAP_GAP:
            self._taps.clear()
        self._taps.append(now)
        if len(self._taps) < 2:
            self.turn("hear.bpm", 0.0)
            return 0.0
        bpm = min(300.0, 60 * (len(self._taps) - 1) / (self._taps[-1] - self._taps[0]))
        self.turn("hear.bpm", bpm)
        return bpm

    def start(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._worker = supervisor.employ("presets", self._watch)

    def stop(self) -> None:
        if hasattr(self, "_worker"):
            self._supervisor.dismiss(self._worker, 1.0)

    def _watch(self, shift: Shift) -> None:
        self.watch(time.monotonic())
        shift.wait(0.1)

    def watch(self, now: float) -> None:
        """Take a saved preset file over; a broken one is told and the old look stays."""
        if self._path is None or now - self._looked < _LOOK:
            return
        self._looked = now
        stamp = _stamp_of(self._path)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            preset = preset_of(str(self._path), self._settings)
        except Trouble as trouble:
            self.trouble = str(trouble)
            return
        with self._lock:
            self.trouble = ""
            self.preset, self.wanted = preset, preset.knobs
            self._turns.append(preset.knobs)


def _stamp_of(path: Path | None) -> float:
    try:
        return path.stat().st_mtime if path is not None else 0.0
    except OSError:
        return -1.0

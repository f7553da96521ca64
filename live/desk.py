"""Where hands and files meet the instrument: knobs, presets, tempo, turned between two hops.

Anything may ask at any time from any thread; the ears carry it out before the next hop, so that
what is heard and what is turned have one order, which can be written down and played again.
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from synth.hop import HOP, RATE
from synth.performance import Event, changed
from synth.preset import Preset, preset_of, shipped
from synth.trouble import Trouble
from synth.visual import Visual

_TAP_GAP = 2.0  # seconds after which a tap begins a new count
_TAPS = 8  # that are averaged
_LONGEST_WAIT = 2 * RATE // HOP  # hops that a look waits for its beat
_LOOK = 0.5  # seconds between two looks at a preset's file

Turn = Callable[[Visual], None]
Told = Callable[[Event], None]


class Desk:
    """Holds the current preset and queues what is to be turned.

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
        self.trouble = ""
        self.tell = tell
        self._settings = settings
        self._path, self._stamp = path, _stamp_of(path)
        self._looked = 0.0
        self._queue: deque[Turn] = deque()
        self._looks: deque[tuple[Turn, int | None]] = deque()  # with the hop to wait for at most
        self._lock = threading.Lock()
        self._taps: deque[float] = deque(maxlen=_TAPS)

    def before_hop(self, visual: Visual, number: int) -> None:
        """Carry out what was asked for; the ears call this."""
        while self._queue:
            self._carry_out(self._queue.popleft(), visual, number)
        while self._looks and self._is_due(visual, number):
            self._carry_out(self._looks.popleft()[0], visual, number)

    def _carry_out(self, turn: Turn, visual: Visual, number: int) -> None:
        before, changes = visual.knobs, visual.changes
        turn(visual)
        fades = visual.changes != changes
        if fades or visual.knobs is not before:
            fade = visual.knobs.preset.fade if fades else None
            self.tell({"hop": number, "set": changed(before, visual.knobs), "fade": fade})

    def _is_due(self, visual: Visual, number: int) -> bool:
        """Whether the first look that waits may begin: at once, or with the predicted beat."""
        turn, latest = self._looks[0]
        heard = visual.heard
        if not visual.knobs.preset.on_beat or heard is None or not heard.bpm:
            return True
        if latest is None:
            self._looks[0] = (turn, latest := number + _LONGEST_WAIT)
        return heard.next_beat - heard.time <= visual.dt or number >= latest

    def load(self, name: str) -> None:
        """Fade to another preset; trouble is told and the old look stays."""
        try:
            preset = preset_of(name, self._settings)
        except Trouble as trouble:
            self.trouble = str(trouble)
            return
        with self._lock:
            self.trouble = ""
            self.preset = preset
            self._path = Path(name) if name.endswith(".toml") else None
            self._stamp = _stamp_of(self._path)
            self._looks.append((lambda visual: visual.change(preset.knobs), None))

    def step(self, by: int) -> None:
        """The next preset by name, or the one before."""
        names = shipped()
        here = names.index(self.preset.name) if self.preset.name in names else -by
        self.load(names[(here + by) % len(names)])

    def number(self, number: int) -> None:
        """The preset of a number key, from 1."""
        names = shipped()
        if number <= len(names):
            self.load(names[number - 1])

    def tap(self, now: float) -> float:
        """One tap of the tempo; returns the beats a minute that follow, 0 after the first tap."""
        if self._taps and now - self._taps[-1] > _TAP_GAP:
            self._taps.clear()
        self._taps.append(now)
        if len(self._taps) < 2:
            self.set_knob("hear", "bpm", 0.0)
            return 0.0
        bpm = 60 * (len(self._taps) - 1) / (self._taps[-1] - self._taps[0])
        self.set_knob("hear", "bpm", min(300.0, bpm))
        return bpm

    def set_knob(self, group: str, key: str, value: object) -> None:
        """Turn one knob; the value has been checked by whoever asks."""

        def turn(visual: Visual) -> None:
            part = getattr(visual.knobs, group).model_copy(update={key: value})
            visual.turn(visual.knobs.model_copy(update={group: part}))

        self._queue.append(turn)

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
        self.trouble = ""
        self.preset = preset
        self._queue.append(lambda visual: visual.turn(preset.knobs))


def _stamp_of(path: Path | None) -> float:
    try:
        return path.stat().st_mtime if path is not None else 0.0
    except OSError:
        return -1.0

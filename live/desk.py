"""Where hands and files meet the instrument: knobs, presets, tempo, turned between two hops.

Anything may ask at any time from any thread; the ears carry it out before the next hop, so that
what is heard and what is turned have one order, which can be written down and played again.
"""

import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

from synth.knobs import Knobs
from synth.preset import Preset, preset_of, shipped
from synth.trouble import Trouble
from synth.visual import Visual

_TAP_GAP = 2.0  # seconds after which a tap begins a new count
_TAPS = 8  # that are averaged
_LOOK = 0.5  # seconds between two looks at a preset's file

Turn = Callable[[Visual], None]


class Desk:
    """Holds the current preset and queues what is to be turned."""

    def __init__(self, preset: Preset, settings: list[str], path: Path | None) -> None:
        self.preset = preset
        self.trouble = ""
        self.turned: list[tuple[int, Knobs, float | None]] = []  # hop, knobs, fade of a change
        self._settings = settings
        self._path, self._stamp = path, _stamp_of(path)
        self._looked = 0.0
        self._queue: deque[Turn] = deque()
        self._lock = threading.Lock()
        self._taps: deque[float] = deque(maxlen=_TAPS)

    def before_hop(self, visual: Visual, number: int) -> None:
        """Carry out what was asked for; the ears call this."""
        while self._queue:
            before = visual.knobs
            self._queue.popleft()(visual)
            if visual.knobs is not before:
                changed = visual.knobs.steer.seed != before.steer.seed
                changed |= visual.knobs.steer.classes != before.steer.classes
                fade = visual.knobs.preset.fade if changed else None
                self.turned.append((number, visual.knobs, fade))

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
            self._queue.append(lambda visual: visual.change(preset.knobs))

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

"""Notes played by fluidsynth's library, one instrument at a time, to the sample.

The program `fluidsynth` renders whole files; here each instrument is wanted apart, for a mix.
"""

import ctypes
from collections.abc import Sequence
from ctypes.util import find_library
from pathlib import Path
from typing import NamedTuple

import numpy as np

from synth.constants import RATE

_DRUMS = 9  # the channel on which General MIDI has drums
_POLYPHONY = 128
_GAIN = 0.5


class Note(NamedTuple):
    """One note; seconds, MIDI number, velocity 1..127."""

    begin: float
    length: float
    pitch: int
    velocity: int


class SoundFont:
    """One sound font, loaded."""

    def __init__(self, path: Path) -> None:
        """OSError where fluidsynth's library or the file is not there."""
        self.name = path.stem
        name = find_library("fluidsynth")
        if name is None:
            raise OSError("fluidsynth's library is not there; install Debian's fluidsynth")
        self._library = ctypes.CDLL(name)
        for made in ("new_fluid_settings", "new_fluid_synth"):
            getattr(self._library, made).restype = ctypes.c_void_p
        settings = ctypes.c_void_p(self._library.new_fluid_settings())
        for key, value in {"synth.reverb.active": 0, "synth.chorus.active": 0}.items():
            self._library.fluid_settings_setint(settings, key.encode(), value)
        self._library.fluid_settings_setint(settings, b"synth.polyphony", _POLYPHONY)
        for key, number in {"synth.sample-rate": float(RATE), "synth.gain": _GAIN}.items():
            self._library.fluid_settings_setnum(settings, key.encode(), ctypes.c_double(number))
        self._synth = ctypes.c_void_p(self._library.new_fluid_synth(settings))
        self._font = self._library.fluid_synth_sfload(self._synth, str(path).encode(), 1)
        if self._font < 0:
            raise OSError(f"{path}: no sound font that fluidsynth reads")

    def play(
        self, notes: Sequence[Note], seconds: float, program: int, *, drums: bool = False
    ) -> np.ndarray:
        """Mono samples (seconds * RATE,), float32; `program` is General MIDI's, 0..127."""
        channel = _DRUMS if drums else 0
        self._library.fluid_synth_system_reset(self._synth)
        self._library.fluid_synth_program_change(self._synth, channel, program)
        moments = [(n.begin, 1, n.pitch, n.velocity) for n in notes]
        moments += [(n.begin + n.length, 0, n.pitch, 0) for n in notes]
        both = np.zeros((2, round(seconds * RATE)), np.float32)
        done = 0
        for at, on, pitch, velocity in sorted(moments):
            done = self._render(both, done, min(round(at * RATE), both.shape[1]))
            if on:
                self._library.fluid_synth_noteon(self._synth, channel, pitch, velocity)
            else:
                self._library.fluid_synth_noteoff(self._synth, channel, pitch)
        self._render(both, done, both.shape[1])
        mono: np.ndarray = both.mean(0)
        return mono

    def _render(self, both: np.ndarray, begin: int, end: int) -> int:
        if end > begin:
            left, right = (row[begin:end].ctypes.data_as(ctypes.c_void_p) for row in both)
            self._library.fluid_synth_write_float(self._synth, end - begin, left, 0, 1, right, 0, 1)
        return max(begin, end)

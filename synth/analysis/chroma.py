"""Chroma: which of the twelve pitch classes sound, from the magnitudes and phases of one spectrum.

Four things make it steady. Magnitudes are compressed and their local mean is taken away, so that
drums and hiss, which fill every bin alike, leave little, and a loud overtone outweighs no soft
fundamental. Weight lies on the octaves where harmony is played (Dan Ellis, "Chroma feature
analysis and synthesis", 2007). Below 400 Hz, where a bin is wider than a semitone, each bin
counts at the frequency that its phase's advance tells (James Flanagan and Roger Golden, "Phase
vocoder", 1966). And a moment in which noise covers the tones moves the chroma little: what was
heard clearly stays until it is heard clearly again.
"""

import numpy as np
from scipy.ndimage import uniform_filter1d

from .envelope import RunningPeak

_WIDTH = 0.25  # semitones, standard deviation around a pitch
_CENTRE, _SPREAD = 4.0, 1.0  # octave of most weight and its standard deviation; C4 is 262 Hz
_HIGHEST = 8.2  # octaves; above, overtones say nothing about harmony
_BY_PHASE = 400.0  # Hz, below which frequency comes from phase
_COMPRESSION = 0.25  # log(1 + x / 4)
_FLOOR = 1.2  # times the local mean that is taken away,
_NEIGHBOURS = 30  # bins to each side of it
_CLEAREST_FOR = 4.6  # seconds until the most tonal moment is forgotten
_PITCHES = np.arange(12)[:, None]


def sharpened(magnitudes: np.ndarray) -> tuple[np.ndarray, float]:
    """Compressed magnitudes (bins,) above their local mean, and what share 0..1 of all they are.

    Peaks stay, noise goes. A chord has a large share, drums and hiss a small one.
    """
    compressed = np.log1p(_COMPRESSION * magnitudes)
    floor = uniform_filter1d(compressed, 2 * _NEIGHBOURS + 1)
    peaks = np.maximum(compressed - _FLOOR * floor, 0)
    return peaks, float(peaks.sum() / max(compressed.sum(), 1e-6))


def _weights(hertz: np.ndarray) -> np.ndarray:
    """How much each frequency (n,) belongs to each pitch class: (12, n)."""
    note = 12 * np.log2(np.maximum(hertz, 1.0) / 440) + 69  # MIDI note numbers
    off = (note - _PITCHES + 6) % 12 - 6
    octave = note / 12 - 1
    heard = np.exp(-0.5 * ((octave - _CENTRE) / _SPREAD) ** 2) * (octave < _HIGHEST)
    weights: np.ndarray = np.exp(-0.5 * (off / _WIDTH) ** 2) * heard
    return weights


def upper_bank(window: int, rate: int) -> np.ndarray:
    """Filterbank rows (12, window / 2 + 1) for the bins that are narrow enough."""
    hertz = np.arange(window // 2 + 1) * rate / window
    return (_weights(hertz) * (hertz >= _BY_PHASE)).astype(np.float32)


class LowerPitches:
    """The bins below 400 Hz, each at its own measured frequency."""

    def __init__(self, window: int, hop: int, rate: int) -> None:
        self._bins = np.arange(1, int(np.ceil(_BY_PHASE * window / rate)))
        self._hertz_per_bin = rate / window
        self._bins_per_radian = window / (2 * np.pi * hop)
        self._advance = 2 * np.pi * self._bins * hop / window
        self._before: np.ndarray | None = None

    def step(self, peaks: np.ndarray, phases: np.ndarray) -> np.ndarray:
        """Chroma (12,) of the lower bins of sharpened magnitudes and phases (bins,)."""
        here = phases[self._bins]
        offset = np.zeros(len(self._bins))
        if self._before is not None:
            ahead = here - self._before - self._advance
            offset = (ahead - 2 * np.pi * np.round(ahead / (2 * np.pi))) * self._bins_per_radian
        self._before = here.copy()
        chroma: np.ndarray = (
            _weights((self._bins + offset) * self._hertz_per_bin) @ peaks[self._bins]
        )
        return chroma


class Clarity:
    """The mean of what was heard: tonal moments replace it, noisy ones hardly move it."""

    def __init__(self, dt: float) -> None:
        self._dt = dt
        self._clearest = RunningPeak(release=_CLEAREST_FOR)
        self._mean = np.zeros(12)

    def step(self, energy: np.ndarray, tonality: float) -> np.ndarray:
        """The mean (12,) after energies (12,) of a moment whose tonality is 0..1."""
        share = self._clearest.normalised(tonality, self._dt, floor=1e-6)
        self._mean = self._mean + share**2 * (energy - self._mean)
        return self._mean

"""Novelty of the sound and the onsets in it, without waiting for a peak to pass.

Novelty is how much each band grew, where a neighbouring band had not the same energy already, so
that vibrato and glides count little (Sebastian Böck and Gerhard Widmer, "Maximum filter vibrato
suppression for onset detection", 2013). Each band is measured against its own recent peak, so that
hats count beside kicks (Dan Stowell and Mark Plumbley, "Adaptive whitening for improved real-time
audio onset detection", 2007). An onset is told in the hop in which novelty crosses its threshold;
aubio's own picker waits for the peak, two or three hops more.
"""

import math
from collections import deque

import numpy as np

from .envelope import RunningPeak

BANDS = 32
LOWEST, HIGHEST = 40.0, 16000.0  # Hz
BODY_BANDS = 23  # bands below about 3 kHz: drums and chords without the hats

_COMPRESSION = 3.0  # log(1 + 3 x): loud and soft hits come closer
_PEAK_FOR = 15.0  # seconds until a band's peak is forgotten
FAINTEST_PEAK = 0.1  # of a band at listening level; hiss below it is not blown up
_THRESHOLD = 0.07  # novelty of the softest hit
_ABOVE_USUAL = 1.5  # times the median novelty of the last moments
_USUAL = 0.15  # seconds of those moments
_TAIL = 0.1  # of a hit's novelty, by which the flutter of its tail may rise,
_TAIL_FOR = 0.05  # seconds until that is forgotten
_REST = 0.05  # seconds after an onset in which no other begins


def band_weights(bins: int, rate: int) -> np.ndarray:
    """Overlapping triangles on a logarithmic scale, (BANDS, bins), each of sum one."""
    frequency = np.arange(bins) * rate / (2 * (bins - 1))
    edges = np.geomspace(LOWEST, HIGHEST, BANDS + 2)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (frequency - low) / (centre - low), (high - frequency) / (high - centre)
    weights = np.clip(np.minimum(rising, falling), 0, None)
    nearest = np.abs(frequency - centre).argmin(1)
    empty = weights.sum(1) == 0  # a band narrower than a bin takes the nearest one
    weights[empty, nearest[empty]] = 1
    summed: np.ndarray = weights / weights.sum(1, keepdims=True)
    return summed.astype(np.float32)


class Novelty:
    """Growth of the bands over the last two hops, each band against its own recent peak."""

    def __init__(self, dt: float) -> None:
        self._fading = math.exp(-dt / _PEAK_FOR)
        self._peaks = np.zeros(BANDS)
        self._before = deque([np.zeros(BANDS)] * 2, maxlen=2)

    def step(self, bands: np.ndarray, faintest: float) -> tuple[float, float]:
        """Mean growth 0..1 over all bands and over the body, from magnitudes (BANDS,).

        Magnitudes are as played, without any gain that changes; `faintest` is the smallest peak.
        """
        self._peaks = np.maximum(bands, self._peaks * self._fading)
        peaks = np.maximum(self._peaks, faintest)
        grown = np.maximum(_compressed(bands / peaks) - _compressed(self._before[0] / peaks), 0)
        wide = bands.copy()
        np.maximum(wide[1:], bands[:-1], out=wide[1:])
        np.maximum(wide[:-1], bands[1:], out=wide[:-1])
        self._before.append(wide)
        return float(grown.mean()), float(grown[:BODY_BANDS].mean())


def _compressed(relative: np.ndarray) -> np.ndarray:
    """0 for nothing, 1 for the peak."""
    compressed: np.ndarray = np.log1p(_COMPRESSION * relative) / math.log1p(_COMPRESSION)
    return compressed


class OnsetPicker:
    """Tells an onset in the hop in which it is heard."""

    def __init__(self, dt: float) -> None:
        self._dt = dt
        self._recent: deque[float] = deque(maxlen=max(1, round(_USUAL / dt)))
        self._hit = RunningPeak(release=_TAIL_FOR)
        self._tail = 0.0
        self._rested = _REST

    def step(self, novelty: float) -> bool:
        """Whether an onset is told at this hop, from its novelty."""
        usual = sorted(self._recent)[len(self._recent) // 2] if self._recent else 0.0
        threshold = _THRESHOLD + _ABOVE_USUAL * usual + self._tail
        self._recent.append(novelty)
        self._tail = _TAIL * self._hit.update(novelty, self._dt)
        self._rested += self._dt
        if novelty < threshold or self._rested < _REST:
            return False
        self._rested = 0.0
        return True

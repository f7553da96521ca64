"""What the network hears in each hop: two spectra in logarithmic bands, and how they grew.

A short window tells when something begins, a long one what sounds. Levels are logarithmic and
follow the gain that brings music to one level, so that a soft room and a loud one look alike.
"""

import numpy as np
from scipy import fft

from .onsets import band_weights

SHORT, LONG = 1024, 4096  # samples of the windows; both end with the newest sample
_OCTAVE = 6  # bands of the long window
_LOWEST, _HIGHEST = 40.0, 5000.0  # Hz
_SHORT_BACK, _LONG_BACK = 2, 4  # hops over which growth counts
_LOUDNESS = 1000.0  # of log10(1 + 1000 x)


def _long_weights(rate: int) -> np.ndarray:
    """Triangles, six an octave, (bands, bins), each of sum one; a band wider than its bins."""
    count = int(np.log2(_HIGHEST / _LOWEST) * _OCTAVE)
    centres = _LOWEST * 2 ** (np.arange(-1, count + 1) / _OCTAVE)
    hertz = np.arange(LONG // 2 + 1) * rate / LONG
    least = rate / LONG  # Hz: a triangle that is narrower would miss every bin
    rows = []
    for below, centre, above in zip(centres, centres[1:], centres[2:], strict=False):
        low, high = max(centre - below, least), max(above - centre, least)
        row = np.minimum((hertz - centre) / low + 1, 1 - (hertz - centre) / high).clip(0)
        rows.append(row / row.sum())
    return np.stack(rows).astype(np.float32)


class Bands:
    """Both spectra of sounds in bands; for one hop, or for all hops of a piece."""

    def __init__(self, rate: int) -> None:
        self._banks = band_weights(SHORT // 2 + 1, rate).T.copy(), _long_weights(rate).T.copy()
        self._windows = tuple(
            (2 * np.hanning(size + 1)[:-1] / size * 2).astype(np.float32) for size in (SHORT, LONG)
        )

    @property
    def sizes(self) -> tuple[int, int]:
        """Bands of the short and of the long window."""
        return self._banks[0].shape[1], self._banks[1].shape[1]

    def of(
        self, short: np.ndarray, long: np.ndarray, gain: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Logarithmic bands (..., n) of the newest samples (..., SHORT) and (..., LONG).

        `gain` (..., 1) is what brings them to one level.
        """
        heard = []
        for samples, window, bank in zip((short, long), self._windows, self._banks, strict=True):
            magnitudes = np.abs(fft.rfft(samples * window, axis=-1)) @ bank
            heard.append(np.log10(1 + _LOUDNESS * gain * magnitudes).astype(np.float32))
        return heard[0], heard[1]


class Spectra:
    """Follows a sound hop by hop."""

    def __init__(self, rate: int) -> None:
        self._bands = Bands(rate)
        self._samples = np.zeros(LONG, np.float32)
        short, long = self._bands.sizes
        self._shorts = [np.zeros(short, np.float32)] * _SHORT_BACK
        self._longs = [np.zeros(long, np.float32)] * _LONG_BACK
        self.size = 2 * (short + long)

    def step(self, hop: np.ndarray, gain: float) -> np.ndarray:
        """What the network hears after another hop (n,): float32 (size,)."""
        self._samples = np.concatenate([self._samples[len(hop) :], hop])
        short, long = self._bands.of(
            self._samples[-SHORT:], self._samples, np.array([gain], np.float32)
        )
        heard = _with_growth(short, self._shorts[0], long, self._longs[0])
        self._shorts = [*self._shorts[1:], short]
        self._longs = [*self._longs[1:], long]
        return heard


def spectra_of(samples: np.ndarray, gains: np.ndarray, rate: int, hop: int) -> np.ndarray:
    """What `Spectra` tells after each hop of a whole piece: (hops, size), much faster."""
    bands = Bands(rate)
    hops = len(gains)
    padded = np.concatenate([np.zeros(LONG - hop, np.float32), samples[: hops * hop]])
    frames = np.lib.stride_tricks.sliding_window_view(padded, LONG)[::hop]
    short, long = bands.of(frames[:, -SHORT:], frames, gains[:, None].astype(np.float32))
    before = [
        np.concatenate([np.zeros_like(x[:back]), x[:-back]])
        for x, back in ((short, _SHORT_BACK), (long, _LONG_BACK))
    ]
    return _with_growth(short, before[0], long, before[1])


def _with_growth(
    short: np.ndarray, short_before: np.ndarray, long: np.ndarray, long_before: np.ndarray
) -> np.ndarray:
    grown = np.maximum(short - short_before, 0), np.maximum(long - long_before, 0)
    return np.concatenate([short, grown[0], long, grown[1]], axis=-1)

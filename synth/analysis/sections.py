"""Drops and breaks: where the sound's colour leaves what it was for the last seconds.

Novelty of form as Jonathan Foote showed it ("Automatic audio segmentation using a measure of audio
novelty", 2000), made causal: a quick mean of the spectrum's coarse shape against a slow one.
"""

import numpy as np

from .onsets import BANDS

_GROUPS = 8  # bands of the coarse shape
_QUICK = 0.6  # seconds: a beat or two
_SLOW = 20.0  # seconds that a section's usual colour remembers
_FAINTEST = 0.02  # magnitude that counts as nothing
_CHANGED = 0.85  # root mean square of log ratios, about 7 dB
_SHORTEST = 4.0  # seconds of a section


class Sections:
    """Counts sections; a new one begins in the hop in which the change is heard."""

    def __init__(self, dt: float) -> None:
        self._dt = dt
        self._quick, self._usual = np.zeros(_GROUPS), np.zeros(_GROUPS)
        self._age = 0.0  # seconds of this section
        self._number = 0

    def step(self, bands: np.ndarray) -> int:
        """The section's number from 0 on, after one hop's magnitudes (BANDS,)."""
        shape = bands.reshape(_GROUPS, BANDS // _GROUPS).mean(1)
        self._age += self._dt
        quick = 1 - np.exp(-self._dt / _QUICK)
        slow = 1 - np.exp(-self._dt / _SLOW)
        young = min(self._dt / self._age, quick)  # a young section's usual is its mean so far
        self._quick += quick * (shape - self._quick)
        self._usual += max(slow, young) * (shape - self._usual)
        ratio = np.log((self._quick + _FAINTEST) / (self._usual + _FAINTEST))
        if self._age > _SHORTEST and np.sqrt(np.mean(ratio**2)) > _CHANGED:
            self._number += 1
            self._age = 0.0
            self._usual = self._quick.copy()
        return self._number

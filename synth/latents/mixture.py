"""Which classes show, and how much: chroma filtered over seconds, shared out over the classes."""

from itertools import islice

import numpy as np

from ..analysis.envelope import follow
from ..settings.knobs import Steer

_CLASSIC_STEPS = 22050 / 512  # steps a second of the system whose sensitivities these are
_FAINTEST = 0.03  # what a silent class keeps of the strongest one, and what calms near-ties


def time_constant(pitch_sensitivity: float) -> float:
    """Seconds of the classic filter c <- (c + chroma / P) / (1 + 1 / P), P = 300 - sensitivity."""
    return (300 - pitch_sensitivity) / _CLASSIC_STEPS


def class_of_pitch(count: int) -> np.ndarray:
    """Which of `count` classes each of the 12 pitch classes belongs to.

    Twelve take one each. Fewer share neighbours on the circle of fifths, so that the notes of a
    chord and of its close relatives fall together.
    """
    pitches = np.arange(12)
    return pitches if count == 12 else pitches * 7 % 12 * count // 12


def chosen_classes(steer: Steer) -> tuple[int, ...]:
    """The preset's classes, or twelve drawn from the seed; never one to avoid."""
    allowed = tuple(c for c in steer.classes if c not in steer.avoid)
    if allowed:
        return allowed
    stream = np.random.RandomState(steer.seed)
    drawn = (int(c) for c in stream.permutation(1000))
    return tuple(islice((c for c in drawn if c not in steer.avoid), 12))


class Mixture:
    """Weights (n,) 0..1 of up to 12 classes."""

    def __init__(self, count: int) -> None:
        self._classes = class_of_pitch(count)
        self._level = np.full(count, 0.5)

    def step(self, chroma: np.ndarray, presence: float, steer: Steer, dt: float) -> np.ndarray:
        """Hear `dt` seconds of chroma (12,); at `presence` 0 (silence) the mixture stands still."""
        loudest = np.zeros(len(self._level))
        np.maximum.at(loudest, self._classes, chroma**2)  # energy: overtones fall behind notes
        tau = time_constant(steer.pitch_sensitivity)
        self._level = follow(self._level, loudest, tau=tau, dt=dt * presence)
        return _contrasted(self._level) * steer.depth


def _contrasted(level: np.ndarray) -> np.ndarray:
    """Strongest class 1; with more than six classes the weakest goes to nearly 0."""
    base = level.min() if len(level) > 6 else 0.0
    weights: np.ndarray = (level - base + _FAINTEST) / (level.max() - base + _FAINTEST)
    return weights

"""What an ear is: it tells of each hop which drum or note began, and where the beat is.

There are two, by knob `hear.way`: one that has learnt, and the classic one, which explains itself.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ..settings.knobs import Hear
from .beat import Lead, Pulse


@dataclass(frozen=True, slots=True)
class Sound:
    """One hop as it is handed to an ear."""

    samples: np.ndarray  # (hop,) float32, without rumble and hum, as loud as played
    gain: float  # that brings them to one level
    level: float  # 0..1, their share of the recent peak
    bands: np.ndarray  # (BANDS,) magnitudes of `onsets.band_weights`, as played


@dataclass(frozen=True, slots=True)
class Told:
    """What an ear makes of a hop."""

    onset: bool
    pulse: Pulse
    kick: float = 0.0  # 0..1, how sure it is that the drum was struck just now; likewise
    snare: float = 0.0
    hat: float = 0.0


class Ear(Protocol):
    """Hears hop by hop."""

    delay: float  # seconds by which it tells an onset after it began, in the mean

    def step(self, sound: Sound, knobs: Hear, lead: Lead | None) -> Told:
        """Take in a hop; while there is a `lead`, its beats stand in for those that are heard."""

"""Followers and running normalisers: every time constant is in seconds."""

import math
from typing import Any, TypeVar

import numpy as np

Value = TypeVar("Value", float, np.ndarray[Any, np.dtype[np.float64]])


def share(dt: float, tau: float) -> float:
    """How much of a step a one-pole filter of time constant `tau` takes in `dt` seconds: 0..1."""
    return 1.0 if tau <= 0 else 1.0 - math.exp(-dt / tau)


def follow(now: Value, target: Value, *, tau: float, dt: float) -> Value:
    """Move `now` toward `target` with time constant `tau`."""
    return now + (target - now) * share(dt, tau)


class RunningPeak:
    """The largest recent value: risen to at once, forgotten with time constant `release`.

    Scaling the input and `floor` scales the peak, so `value / peak` does not depend on gain;
    `floor` is the smallest peak, under which values are noise and are shown as small. `start` is
    what is taken for the peak before anything was seen.
    """

    def __init__(self, *, release: float, start: float = 0.0) -> None:
        self._release = release
        self._peak = start

    def update(self, value: float, dt: float, *, floor: float = 0.0) -> float:
        """Take in the value of the last `dt` seconds and return the peak, at least the floor."""
        decayed = follow(self._peak, 0.0, tau=self._release, dt=dt)
        self._peak = max(value, decayed)
        return max(self._peak, floor)

    def normalised(self, value: float, dt: float, *, floor: float) -> float:
        """`value` as a share of the recent peak, 0..1."""
        return value / self.update(value, dt, floor=floor)

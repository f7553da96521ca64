"""The noise vector's walk: louder and more sudden sound moves it faster; walls turn it back.

Every unit lives between the walls -2 and +2 of the truncated normal it starts from; truncation
scales the whole afterwards, so that it may change at any time and the walls still hold.
"""

import numpy as np

from ..analysis.envelope import follow, share

SIZE = 128
WALL = 2.0

_CLASSIC_STEPS = 22050 / 512  # steps a second of the system whose sensitivities these are
_INERTIA = 1 / _CLASSIC_STEPS / -np.log(3 / 4)  # seconds; v <- (u + 3 v) / 4 at classic steps
_GAIT = 200 / _CLASSIC_STEPS  # seconds between two throws of the jitter


def truncated_normal(stream: np.random.RandomState, size: int) -> np.ndarray:
    """(size,) draws of a standard normal, redrawn until all lie within the walls."""
    drawn = stream.standard_normal(size)
    while (outside := np.abs(drawn) > WALL).any():
        drawn[outside] = stream.standard_normal(int(outside.sum()))
    return drawn


def folded(position: np.ndarray) -> np.ndarray:
    """Reflect any position into the walls, as a ball between two mirrors."""
    return np.abs((position - WALL) % (4 * WALL) - 2 * WALL) - WALL


class Walk:
    """Position (128,) within the walls and velocity in units a second."""

    def __init__(self, stream: np.random.RandomState) -> None:
        self._stream = stream
        self.position = truncated_normal(stream, SIZE)
        self._velocity = np.zeros(SIZE)
        self._way = np.where(self.position < 0, 1.0, -1.0)
        self._slow = np.zeros(SIZE)
        self._until_throw = 0.0

    def step(self, push: float, *, sensitivity: float, jitter: float, dt: float) -> np.ndarray:
        """Walk `dt` seconds under a push of 0 (silence) to 2 (loud and rising)."""
        self._until_throw -= dt
        if self._until_throw <= 0:
            self._until_throw += _GAIT
            self._slow = self._stream.randint(0, 2, SIZE).astype(float)
        pace = sensitivity * _CLASSIC_STEPS * push * (1 - jitter * self._slow)
        self._velocity = follow(self._velocity, pace * self._way, tau=_INERTIA, dt=dt)
        self.position = folded(self.position + self._velocity * dt)
        self._turn_before_the_walls(dt)
        return self.position

    def _turn_before_the_walls(self, dt: float) -> None:
        stopping = np.abs(self._velocity) * (dt / share(dt, _INERTIA))
        near = np.abs(self.position) + stopping >= WALL
        self._way = np.where(near, -np.sign(self.position), self._way)

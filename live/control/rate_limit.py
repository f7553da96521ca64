"""How much may pass: so many at once, and so many a second."""

import time
from collections.abc import Callable


class RateLimit:
    """Fills at `rate` a second up to `burst`; what costs more than is there leaves a debt."""

    def __init__(
        self, rate: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate, self._burst, self._clock = rate, burst, clock
        self._left, self._filled = burst, clock()

    @property
    def left(self) -> float:
        """How much may pass now; below one is nothing, below zero a debt."""
        now = self._clock()
        self._left = min(self._burst, self._left + (now - self._filled) * self._rate)
        self._filled = now
        return self._left

    def spend(self, cost: float = 1.0) -> bool:
        """Let pass what costs so much, where anything is left."""
        if self.left < 1:
            return False
        self._left -= cost
        return True

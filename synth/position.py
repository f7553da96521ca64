"""How far the song is, hop by hop: told by who plays it, counted where nobody tells."""

import math
from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Position:
    """Counts on from the last jump, so that few words in a log give every hop's place exactly."""

    dt: float  # seconds of a hop
    seconds: float = 0.0  # of the song at the end of the last hop
    _hops: int = 0
    _since: int = 0  # the hop at whose end the song was
    _from: float = 0.0  # there, and has gone on from since
    _stands: bool = False

    def step(self, at: float | None = None) -> dict[str, Any] | None:
        """One hop on, at whose end the song is `at` seconds, or as far as counting says.

        Returns the jump, as a log holds it, where the two differ by more than half a hop.
        """
        before, self.seconds = self.seconds, self._next()
        told: dict[str, Any] | None = None
        if at is not None and math.isfinite(at) and abs(at - self.seconds) > self.dt / 2:
            told = {"at": at, "still": abs(at - before) <= self.dt / 2}
            self.jump(**told)
            self.seconds = at
        self._hops += 1
        return told

    def jump(self, at: float, still: bool = False) -> None:
        """At the end of the coming hop the song is there, and goes on, or stands still."""
        self._since, self._from, self._stands = self._hops + 1, at, still

    def _next(self) -> float:
        """Where it is at the end of the coming hop, counted."""
        gone = 0 if self._stands else self._hops + 1 - self._since
        return self._from + gone * self.dt

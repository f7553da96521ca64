"""How fine the pictures may be so that they come in time: a pure step with a long memory.

Down after two slow seconds. Up only when the finer step is expected to keep up; each time that
proves wrong the wait before the next attempt doubles, so it settles instead of swinging.
"""

from dataclasses import dataclass, replace

SLOWEST = 1 / 20  # seconds a frame may take
EASY = 1 / 34  # seconds that the finer step must be expected to take
PATIENCE = 2.0  # seconds of slow frames before stepping down
TRIAL = 8.0  # seconds of easy frames before stepping up
LONGEST_TRIAL = 256.0
_SMOOTHING = 0.1  # of each new frame in the mean


@dataclass(frozen=True, slots=True)
class Governor:
    """`level` counts down the ladder from 0, the finest; `costs` are relative, one a level."""

    costs: tuple[float, ...]
    level: int = 0
    mean: float = 0.0  # seconds a frame
    slow: float = 0.0  # seconds for which frames were slow
    easy: float = 0.0  # seconds for which the finer step would have been easy
    trial: float = TRIAL
    risen: float = -1.0  # seconds since the last step up; -1 when there was none

    def after(self, seconds: float) -> "Governor":
        """The governor after a frame that took so long."""
        mean = seconds if not self.mean else self.mean + _SMOOTHING * (seconds - self.mean)
        risen = self.risen + seconds if self.risen >= 0 else -1.0
        now = replace(
            self,
            mean=mean,
            risen=risen,
            slow=self.slow + seconds if mean > SLOWEST else 0.0,
            easy=self.easy + seconds if self._finer(mean) < EASY else 0.0,
        )
        if now.slow > PATIENCE and self.level < len(self.costs) - 1:
            return now._down()
        if now.easy > self.trial and self.level > 0:
            return now._stepped(self.level - 1, risen=0.0)
        return now

    def refused(self) -> "Governor":
        """The governor after a step that could not be taken: it stays, and waits twice as long."""
        trial = min(LONGEST_TRIAL, self.trial * 2)
        return replace(self, mean=0.0, slow=0.0, easy=0.0, trial=trial)

    def _finer(self, mean: float) -> float:
        """Seconds that a frame of the next finer level is expected to take."""
        if self.level == 0:
            return float("inf")
        return mean * self.costs[self.level - 1] / self.costs[self.level]

    def _down(self) -> "Governor":
        rash = 0 <= self.risen < self.trial
        trial = min(LONGEST_TRIAL, self.trial * 2) if rash else self.trial
        return replace(self._stepped(self.level + 1, risen=-1.0), trial=trial)

    def _stepped(self, level: int, *, risen: float) -> "Governor":
        return replace(self, level=level, mean=0.0, slow=0.0, easy=0.0, risen=risen)

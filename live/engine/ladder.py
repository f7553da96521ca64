"""The ladder of quality: generators from the finest to the coarsest, each made when it is wanted.

A finer one is made in a thread of its own while the present one draws on. A coarser one that is
wanted because the present one failed is made at once, for there is nothing else to draw.
"""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synth.generators import Generator

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker

PART = "loading"  # what its faults go by
LONGEST = 60.0  # seconds that a generator may take to load
_WAIT = 0.1  # seconds


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder of quality: how to get a generator, and its relative cost."""

    name: str
    cost: float
    make: Callable[[], Generator]


class Ladder:
    """Steps, and what was made of them."""

    def __init__(self, first: Generator, steps: Sequence[Step] = (), level: int = 0) -> None:
        """`first` stands on `level`. Before `start`, all is made in the caller's thread."""
        self.steps, self.level = steps, level
        self.hung: set[int] = set()  # levels that never came back, or have not yet
        self._made = {level: first}
        self._failed: set[int] = set()  # since they were asked for
        self._wanted: int | None = None
        self._news = threading.Event()
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Load finer generators in a thread of their own from now on."""
        self._supervisor = supervisor
        self._worker = supervisor.employ(PART, self._load, renew=self._give_up)

    def stop(self) -> None:
        """Load no more; what is being loaded is left behind."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, 1.0)

    @property
    def first(self) -> Generator:
        """What stands on the level that it begins on; not kept once that level is forgotten."""
        return self._made[self.level]

    @property
    def costs(self) -> tuple[float, ...]:
        """What a frame of each step costs, relative to one another."""
        return tuple(step.cost for step in self.steps)

    def made(self, level: int) -> Generator:
        """The generator of a level, made now where it was not; raises whatever that does."""
        if level not in self._made:
            self._made[level] = self.steps[level].make()
        return self._made[level]

    def forget(self, level: int) -> None:
        """What was made of a level is of no use any more."""
        self._made.pop(level, None)

    def asked(self, level: int) -> bool | None:
        """Whether a level can be had at once; None while it is being made beside.

        False, once, where that failed; the next time it is tried again.
        """
        if level in self._made:
            return True
        if level in self._failed:
            self._failed.discard(level)
            return False
        if self._wanted is None:
            self._wanted = level
            self._news.set()
        if self._worker is None:
            self._make(level)
            self._wanted = None
            return self.asked(level)
        return None

    # ---- in the thread that loads

    def _load(self, shift: Shift) -> None:
        self._news.wait(_WAIT)
        self._news.clear()
        if (level := self._wanted) is None:
            return
        shift.allow(LONGEST)
        self._make(level)
        self.hung.discard(level)
        if not shift.over:
            self._wanted = None

    def _make(self, level: int) -> None:
        try:
            self._made[level] = self.steps[level].make()
        except Exception as error:  # a rung that cannot be had is no rung
            self._failed.add(level)
            text = f"{self.steps[level].name} cannot be used ({reason_of(error)})"
            self._supervisor.faults.tell(PART, text)

    def _give_up(self) -> None:
        """It never came back; another thread loads what is asked for next."""
        level, self._wanted = self._wanted, None
        if level is not None:
            self.hung.add(level)
            self._failed.add(level)

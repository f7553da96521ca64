"""What went wrong, as data: a night of one fault a second costs no more than one of each kind.

A fault belongs to a part of the show (its thread's name) and is of a kind; of each kind the first
and the last words, their times and the count are kept. Newest notices stand beside them, for what
is no fault but worth a line.
"""

import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

Clock = Callable[[], float]  # monotonic seconds

_KINDS = 128  # that are told apart; later ones are counted together
_OTHERS = "other faults"
_LONGEST = 240  # characters of a fault's words
_NOTICED = 8.0  # seconds for which a notice stands


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault of one part; times are seconds since the show began."""

    part: str
    kind: str
    count: int
    first: float
    last: float
    text: str  # of the first
    latest: str  # of the last

    def __str__(self) -> str:
        often = f" ({self.count} times)" if self.count > 1 else ""
        return f"{self.part}: {self.latest}{often}"


class Faults:
    """Every fault of a show; told from any thread."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.listeners: list[Callable[[Fault], None]] = []
        self._clock, self._begun = clock, clock()
        self._lock = threading.Lock()
        self._kinds: dict[tuple[str, str], Fault] = {}

    def tell(self, part: str, text: str, *, kind: str = "") -> None:
        """Count a fault; without a `kind`, words that differ only in their numbers are one.

        Listeners hear of the first of a kind and of every doubling of its count. They are called
        in this thread: they must neither wait nor raise.
        """
        text = _cut(text)
        now = self._clock() - self._begun
        with self._lock:
            key = self._key(part, kind or re.sub(r"\d+(\.\d+)?", "#", text))
            known = self._kinds.get(key)
            if known is None:
                fault = Fault(*key, 1, now, now, text, text)
            else:
                fault = replace(known, count=known.count + 1, last=now, latest=text)
            self._kinds[key] = fault
        if fault.count.bit_count() == 1:
            for listener in list(self.listeners):
                listener(fault)

    def _key(self, part: str, kind: str) -> tuple[str, str]:
        full = len(self._kinds) >= _KINDS and (part, kind) not in self._kinds
        return ("show", _OTHERS) if full else (part, kind)

    def __iter__(self) -> Iterator[Fault]:
        """Each kind, in the order in which they came first."""
        with self._lock:
            return iter(list(self._kinds.values()))

    def __len__(self) -> int:
        """How many kinds there were."""
        return len(self._kinds)

    @property
    def total(self) -> int:
        """How many faults there were in all."""
        return sum(fault.count for fault in self)

    def lately(self, seconds: float) -> list[Fault]:
        """What was told within the last seconds, the newest first."""
        since = self._clock() - self._begun - seconds
        return sorted((f for f in self if f.last >= since), key=lambda f: -f.last)

    def values(self) -> list[dict[str, Any]]:
        """As plain values for JSON."""
        return [
            asdict(fault) | {"first": round(fault.first, 3), "last": round(fault.last, 3)}
            for fault in self
        ]


class Notices:
    """The newest thing worth a line; it goes by itself."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._text, self._until = "", 0.0

    def say(self, text: str) -> None:
        """Show this instead of what was said before."""
        self._text, self._until = text, self._clock() + _NOTICED

    @property
    def newest(self) -> str:
        """What was said last; empty once it has stood long enough."""
        return self._text if self._clock() < self._until else ""


def reason_of(error: BaseException) -> str:
    """An exception in one line: its kind and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {_cut(lines[0])}" if lines else type(error).__name__


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"

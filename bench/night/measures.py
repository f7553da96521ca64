"""What is measured from outside, and what a row of measurements says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from scipy.stats import theilslopes

_PAGE = 4096  # bytes
_MINUTE, _HOUR = 60.0, 3600.0  # seconds
_FEWEST = 4  # minutes of which a slope is told

Span = tuple[float, float]  # monotonic seconds


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process holds."""

    at: float  # monotonic seconds
    memory: float  # MB, resident
    descriptors: int
    threads: int


def usage(pid: int, at: float) -> Usage:
    """What the process holds now; OSError where it is gone."""
    place = Path(f"/proc/{pid}")
    resident = int((place / "statm").read_text("ascii").split()[1]) * _PAGE
    descriptors, threads = (len(list((place / part).iterdir())) for part in ("fd", "task"))
    return Usage(at, resident / 1e6, descriptors, threads)


@dataclass(frozen=True, slots=True)
class Slope:
    """How fast something grows, an hour, with its 95 % interval."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:+.2f} (95 %: {self.low:+.2f} to {self.high:+.2f})"


def slope(times: Sequence[float], values: Sequence[float]) -> Slope | None:
    """Theil and Sen's slope of the median of each minute; None where there are too few.

    Neighbouring measurements tell nearly the same: minutes are counted, not measurements.
    """
    minutes: dict[int, list[int]] = {}
    for number, at in enumerate(times):
        minutes.setdefault(int(at // _MINUTE), []).append(number)
    if len(minutes) < _FEWEST:
        return None
    x = [median(times[k] for k in rows) / _HOUR for rows in minutes.values()]
    y = [median(values[k] for k in rows) for rows in minutes.values()]
    middle, _, low, high = theilslopes(y, x, 0.95)
    return Slope(float(middle), float(low), float(high))


def unexplained(gaps: Iterable[Span], stops: Sequence[Span]) -> list[Span]:
    """Those gaps that overlap no time at which the whole program was stopped."""
    return [
        (begin, end)
        for begin, end in gaps
        if not any(begin < stop_end and stop_begin < end for stop_begin, stop_end in stops)
    ]


def longest(gaps: Iterable[Span]) -> float:
    """Seconds; 0 where there is none."""
    return float(np.max([end - begin for begin, end in gaps], initial=0.0))

"""What is measured from outside, and what a row of measurements says."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from zlib import crc32

from scipy.stats import theilslopes

from synth.latents.latent import Latent

_MINUTE, _HOUR = 60.0, 3600.0  # seconds
_FEWEST = 4  # minutes of which a slope is told

Span = tuple[float, float]  # monotonic seconds


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program holds, in all its processes."""

    at: float  # monotonic seconds
    memory: float  # MB that they allocated
    descriptors: int
    threads: int
    children: int = 0  # processes


def usage(pid: int, at: float) -> Usage:
    """What the process and those that it began hold now; OSError where it is gone."""
    held, others = [_held(pid)], children(pid)
    for child in others:
        with suppress(OSError):  # it has just ended
            held.append(_held(child))
    memory, descriptors, threads = zip(*held, strict=True)
    return Usage(at, sum(memory), sum(descriptors), sum(threads), len(others))


def _held(pid: int) -> tuple[float, int, int]:
    place = Path(f"/proc/{pid}")
    memory = _anonymous((place / "smaps_rollup").read_text("ascii"))
    descriptors, threads = (len(list((place / part).iterdir())) for part in ("fd", "task"))
    return memory, descriptors, threads


def _anonymous(rollup: str) -> float:
    """MB that a process allocated; memory that it shares with a server such as JACK is not its own.

    Where that server dies, its memory would count as private to whoever still maps it.
    """
    kilobytes = next(line.split()[1] for line in rollup.splitlines() if "Anonymous:" in line)
    return int(kilobytes) * 1024 / 1e6


def children(pid: int) -> list[int]:
    """Processes that a process began, and those that they began."""
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with suppress(OSError):  # a thread that has just ended
                found += map(int, (task / "children").read_text("ascii").split())
    return [one for child in found for one in (child, *children(child))]


class Digests:
    """Latents, so many at a time, as numbers that can be compared."""

    BLOCK = 500  # latents

    def __init__(self) -> None:
        self.found: list[int] = []
        self._count, self._digest = 0, 0

    def add(self, latent: Latent) -> None:
        """The next one."""
        self._digest = crc32(latent.noise.tobytes() + latent.embedding.tobytes(), self._digest)
        self._count += 1
        if self._count % self.BLOCK == 0:
            self.found.append(self._digest)
            self._digest = 0


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


def unexplained(gap: Span, stops: Sequence[Span]) -> float:
    """Seconds of a gap in which the whole program was not stopped."""
    begin, end = gap
    stopped = (min(end, last) - max(begin, first) for first, last in stops)
    return end - begin - sum(max(0.0, seconds) for seconds in stopped)

"""The beats that were told, against a text file of true ones."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from synth.analysis.agreement import f_measure
from synth.errors import UserError, shown
from synth.files import bytes_of

if TYPE_CHECKING:
    from synth.analysis.analyzer import Features

SETTLED = 5.0  # seconds from which on beats count, as mir_eval.beat.trim_beats has it
_LARGEST = 10_000_000  # bytes of a file of beats


@dataclass
class Against:
    """Collects each beat as the hop before it told it."""

    path: Path
    truth: np.ndarray  # (n,) seconds, sorted
    told: list[float] = field(default_factory=list)
    _before: "Features | None" = None

    @classmethod
    def file(cls, path: Path) -> "Against":
        """UserError where a file is no list of beats."""
        return cls(path, read_beats(path))

    def hear(self, heard: "Features") -> None:
        """The next hop."""
        if heard.beat and self._before is not None:
            self.told.append(self._before.next_beat)
        self._before = heard

    def f(self) -> float:
        """F within 70 ms, of the true beats up to where hearing ended and of those told so far."""
        end = 0.0 if self._before is None else self._before.time
        truth = self.truth[(self.truth >= SETTLED) & (self.truth <= end)]
        if not len(truth):
            raise UserError(
                f"{self.path}: has no beat between {SETTLED:g} s, from where beats count, and "
                f"{end:.1f} s, where hearing ended"
            )
        told = np.sort(self.told)
        return f_measure(truth, told[told >= SETTLED])

    def line(self) -> str:
        """The same in words."""
        return f"beats F {self.f():.3f} within 70 ms from {SETTLED:g} s on, against {self.path}"


def read_beats(path: Path) -> np.ndarray:
    """Sorted seconds (n,): the first column of each line; `#` begins a comment."""
    text = bytes_of(path, _LARGEST, what="a text file of beats").decode("utf-8-sig", "replace")
    lines = ((number, line.split("#")[0].strip()) for number, line in enumerate(_lines(text), 1))
    return np.sort([_seconds(path, number, line) for number, line in lines if line])


def _lines(text: str) -> list[str]:
    return re.split(r"\r\n|\r|\n", text)


def _seconds(path: Path, number: int, line: str) -> float:
    first = re.split(r"[\s,;]", line)[0]
    try:
        seconds = float(first)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds < np.inf:
        raise UserError(f"{path}, line {number}: {shown(first)} is no time; use seconds, as 12.5")
    return seconds

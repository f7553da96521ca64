"""What became of a show, in numbers whose size does not depend on its length."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .deck import Deck
from .statistics import Statistics
from .supervisor import Shift, Supervisor, Worker

_EVERY = 10.0  # seconds between two reports of a show that plays
_LOOK = 0.2  # seconds


@dataclass
class Report:
    """What became of a show; `latency_ms` is from sound in hand to picture on screen."""

    seconds: float = 0.0
    ended: str = ""  # by what; empty in a report of a show that still plays, or was killed
    frames_shown: int = 0  # drawn by the window
    frames_generated: int = 0
    frames_replaced: int = 0  # generated and never shown
    frames_late: int = 0  # shown more than a tenth of a second after their sound
    onsets_heard: int = 0
    onsets_shown: int = 0
    latency_ms: dict[str, float] = field(default_factory=dict)
    stages_ms: dict[str, dict[str, float]] = field(default_factory=dict)  # wait, draw, show
    screen_ms: dict[str, float] = field(default_factory=dict)  # from one drawing to the next
    pictures_ms: dict[str, float] = field(default_factory=dict)  # from one new picture to the next
    drops: int = 0  # samples lost, and overflows of the device
    record_drops: int = 0  # pictures that the film of the show lacks
    flashes_held: int = 0
    restarts: int = 0  # threads that another one took the place of
    faults_told: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)  # first, last, count of each kind
    generator: str = ""
    preset: str = ""
    written = True  # whether it is on disk, where it was asked for

    def values(self) -> dict[str, object]:
        """As plain values for JSON."""
        return asdict(self)

    def write(self, path: Path) -> None:
        """Put it in its place in one step, so that whoever reads finds a whole one."""
        working = path.with_name(f".{path.name}.writing")
        working.write_text(json.dumps(self.values(), indent=2) + "\n", "utf-8")
        working.replace(path)


def report_of(deck: Deck, statistics: Statistics, ended: str) -> Report:
    """What became of a show so far."""
    faults = deck.supervisor.faults
    return Report(
        seconds=round(time.monotonic() - statistics.begun, 3),
        ended=ended,
        frames_generated=deck.renderer.drawn,
        frames_replaced=deck.renderer.frames.replaced,
        onsets_heard=deck.analysis.moments.heard,
        drops=deck.source.overflows + deck.source.ring.lost,
        record_drops=deck.recordings.dropped,
        flashes_held=deck.renderer.flashes.held,
        restarts=deck.supervisor.restarts,
        faults_told=faults.total,
        faults=faults.values(),
        generator=deck.renderer.title,
        preset=deck.parameters.preset.name,
        **statistics.values(),
    )


class Reporter:
    """Keeps a report on disk while the show plays, so that there is one however it ends."""

    def __init__(self, path: Path, made: Callable[[], Report]) -> None:
        """`made` is called in the reporter's thread."""
        self._path, self._made = path, made
        self._due, self._written = threading.Event(), -_EVERY
        self._last: Report | None = None
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Write every ten seconds from now on."""
        self._supervisor = supervisor
        self._worker = supervisor.employ("report", self._write)

    @property
    def is_begun(self) -> bool:
        """Whether there was a show to report of."""
        return self._worker is not None

    def _write(self, shift: Shift) -> None:
        self._due.wait(_LOOK)
        now = time.monotonic()
        if self._last is not None:
            self._last.write(self._path)
            self.is_written = True
            shift.end()
        elif now - self._written >= _EVERY:
            self._written = now
            self._made().write(self._path)

    def finish(self, report: Report, seconds: float) -> None:
        """Write the last one; a disk that takes longer than the seconds is told and left alone."""
        self._last = report
        self._due.set()
        if self._worker is not None and not self._worker.join(seconds):
            self._supervisor.dismiss(self._worker, 0.0)
        report.written = self.is_written

    is_written = False  # the last one


def sentences(faults: Iterable[dict[str, Any]]) -> list[str]:
    """Faults of a report in words."""
    return [
        f"{fault['part']}: {fault['latest']}"
        + (f" ({fault['count']} times)" if fault["count"] > 1 else "")
        for fault in faults
    ]

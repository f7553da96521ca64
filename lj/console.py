"""What the person at the terminal sees: progress and notes on stderr, results on stdout."""

import json
import queue
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from live.faults import Fault
    from live.supervisor import Shift, Supervisor, Worker

Advance = Callable[[int, int | None], None]  # frames so far, frames in all if known

_PATIENCE = 0.2  # seconds between two looks for something to say
_PLAIN_EVERY = 5.0  # seconds between two lines where no bar can be drawn


def note(text: str, *, quiet: bool = False) -> None:
    """One line on stderr; where nobody reads there any more, the work goes on."""
    if not quiet:
        with suppress(OSError):
            print(text, file=sys.stderr, flush=True)


class Said:
    """Faults of a show as lines on stderr, in a thread that a stalled terminal may hold up."""

    def __init__(self, supervisor: "Supervisor", *, quiet: bool) -> None:
        self._coming: queue.SimpleQueue[Fault] = queue.SimpleQueue()
        self._supervisor = supervisor
        self._worker: Worker | None = None
        if not quiet:
            supervisor.faults.listeners.append(self._coming.put)
            self._worker = supervisor.employ("terminal", self._say)

    def _say(self, _shift: "Shift") -> None:
        with suppress(queue.Empty):
            note(f"fault: {self._coming.get(timeout=_PATIENCE)}")

    def close(self) -> None:
        """Say no more."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, 2 * _PATIENCE)


def print_json(result: Any) -> None:
    """One JSON object on stdout."""
    values = asdict(result) if is_dataclass(result) and not isinstance(result, type) else result
    print(json.dumps(values, default=_plain))


def _plain(value: object) -> str:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def code_lines(code: "np.ndarray | None") -> list[str]:
    """A QR code for the terminal; nothing where stderr is none, or cannot write blocks."""
    from live.output import qr_code

    blocks = (getattr(sys.stderr, "encoding", None) or "").lower().startswith("utf")
    return qr_code.lines(code) if code is not None and sys.stderr.isatty() and blocks else []


@contextmanager
def frame_progress(fps: float, *, quiet: bool = False) -> Iterator[Advance]:
    """Show frames, frames a second, times real time and time left."""
    if quiet:
        yield lambda _done, _total: None
    elif sys.stderr.isatty():
        with _bar(fps) as advance:
            yield advance
    else:
        yield _Lines(fps).advance


@contextmanager
def _bar(fps: float) -> Iterator[Advance]:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.completed:.0f} frames"),
        BarColumn(),
        TextColumn("{task.percentage:3.0f} %"),
        TextColumn("{task.fields[pace]}"),
        TimeRemainingColumn(),
    )
    progress = Progress(*columns, console=Console(stderr=True))
    task = progress.add_task("render", total=None, pace="")
    begun = time.monotonic()

    def advance(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total, pace=_pace(done, begun, fps))

    progress.start()
    try:
        yield advance
    finally:
        with suppress(OSError):  # the terminal may be gone
            progress.stop()


class _Lines:
    """Plain lines for logs and pipes."""

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._begun = self._told = time.monotonic()

    def advance(self, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - self._told < _PLAIN_EVERY:
            return
        self._told = now
        line = f"{done} of {total or '?'} frames, {_pace(done, self._begun, self._fps)}"
        if total and done:
            line += f", {max(0.0, (now - self._begun) * (total / done - 1)):.0f} s left"
        note(line)


def _pace(done: int, begun: float, fps: float) -> str:
    rate = done / max(1e-6, time.monotonic() - begun)
    return f"{rate:.1f} fps, {rate / fps:.2f}x real time"

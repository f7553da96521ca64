"""What keeps a show on disk without slowing it: threads that write what they are handed.

The analysis thread and the screen only queue. Where a disk or an encoder cannot follow, pictures
are dropped and counted. Sound and events are kept for as long as memory may hold them; sound that
is dropped after that is written as silence of the same length, so that everything after it stays in
its place.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

import numpy as np

from synth.constants import HOP
from synth.memory import give_back_freed_blocks
from synth.session import Event
from synth.sink import Sink

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker

_PICTURES = 120  # that may wait
_HOPS = 30_000  # that may wait: about six minutes
_EVENTS = 100_000  # that may wait
_WAIT = 0.1  # seconds
_CLOSING = 30.0  # seconds that closing a file may take

Turn = Callable[["Recording"], None]


class Recording(Sink, Protocol):
    """A sink on disk that is written while the show goes on, and hears sound and hands too."""

    path: Path

    def hop(self, samples: np.ndarray) -> None:
        """The next hop (n,) of sound."""
        ...

    def event(self, event: Event) -> None:
        """Something that was turned."""
        ...

    def discard(self) -> None:
        """Remove what was begun, before anything was heard."""
        ...


class _Counts:
    """How much went through one end of a queue; one thread counts, any may read."""

    def __init__(self) -> None:
        self.pictures, self.hops, self.events = 0, 0, 0

    def count(self, kind: str) -> None:
        self.events += kind == "event"
        self.pictures += kind == "picture"
        self.hops += kind == "hop"


class Writer:
    """One recording and the thread that writes it, in order."""

    def __init__(self, recording: Recording, supervisor: Supervisor) -> None:
        self.part = f"writing {recording.path.name}"
        self.dropped = 0  # pictures
        self.ended = threading.Event()
        self._keeper, self._supervisor = recording, supervisor
        self._queued, self._written = _Counts(), _Counts()  # each belongs to one side of the queue
        self._lost = 0  # hops that were dropped since the last one that was queued
        self._queue: queue.SimpleQueue[tuple[str, Turn]] = queue.SimpleQueue()
        self._worker: Worker = supervisor.employ(self.part, self._write)

    def hop(self, samples: np.ndarray) -> None:
        """Hand over the next hop."""
        if self.ended.is_set():
            return
        if self._queued.hops - self._written.hops >= _HOPS:
            self._lost += 1
            self._supervisor.faults.tell(self.part, "too slow; sound is lost", kind="sound lost")
            return
        lost, self._lost = self._lost, 0
        if lost:
            self._put("silence", lambda recording: _silent(recording, lost))
        self._put("hop", lambda recording: recording.hop(samples))

    def event(self, event: Event) -> None:
        """Hand over something that was turned."""
        if self._queued.events - self._written.events >= _EVENTS:
            self._supervisor.faults.tell(self.part, "too slow; an event is lost", kind="event lost")
            return
        self._put("event", lambda recording: recording.event(event))

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """Hand over a picture, or drop it where too many wait."""
        if self._queued.pictures - self._written.pictures >= _PICTURES:
            self.dropped += 1
            self._supervisor.faults.tell(self.part, "too slow; a picture was dropped")
        else:
            self._put("picture", lambda recording: recording.frame(picture, shade, seconds))

    def _put(self, kind: str, turn: Turn) -> None:
        if self.ended.is_set():
            return
        self._queued.count(kind)
        self._queue.put((kind, turn))

    def _write(self, shift: Shift) -> None:
        try:
            kind, turn = self._queue.get(timeout=_WAIT)
        except queue.Empty:
            return
        self._written.count(kind)
        if self.ended.is_set():
            return  # it was queued for a file that is written no further
        if kind == "close":
            shift.allow(_CLOSING)
        self._hand(turn)
        if kind == "close":
            self.ended.set()
            shift.end()

    def _hand(self, turn: Turn) -> None:
        try:
            turn(self._keeper)
        except Exception as error:  # a full disk ends the keeping, never the show
            text = f"{self._keeper.path}: written no further ({reason_of(error)})"
            self._supervisor.faults.tell(self.part, text)
            self.ended.set()
            with suppress(Exception):  # its trouble is told; what is written shall be whole
                self._keeper.close()
            give_back_freed_blocks()  # of what waited, and of the encoder

    def close(self) -> None:
        """Have what waits written, and the file closed: `ended` is set when that is done."""
        self._put("close", lambda recording: recording.close())

    def dismiss(self) -> bool:
        """No more is written; one that is not done is told and left behind."""
        return self._supervisor.dismiss(self._worker, 0.5 if self.ended.is_set() else 0.0)


def _silent(recording: Recording, hops: int) -> None:
    """Silence in place of sound that was lost."""
    for _ in range(hops):
        recording.hop(np.zeros(HOP, np.float32))


class Recordings:
    """Hands everything to every recording."""

    def __init__(self) -> None:
        self._writers: list[Writer] = []

    def start(self, recordings: Sequence[Recording], supervisor: Supervisor) -> None:
        """Begin to write; what came before is not kept."""
        self._writers = [Writer(recording, supervisor) for recording in recordings]

    @property
    def dropped(self) -> int:
        """Pictures that a film of the show lacks."""
        return sum(writer.dropped for writer in self._writers)

    def hop(self, samples: np.ndarray) -> None:
        """The next hop that was heard."""
        for writer in self._writers:
            writer.hop(samples)

    def event(self, event: Event) -> None:
        """Something that was turned."""
        for writer in self._writers:
            writer.event(event)

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """A picture that was shown, how bright, and the seconds of sound in it."""
        for writer in self._writers:
            writer.frame(picture, shade, seconds)

    def close(self) -> None:
        """Have what waits written, and the files closed; `closed` tells when that is done."""
        for writer in self._writers:
            writer.close()

    @property
    def closed(self) -> bool:
        """Whether every file is whole, or written no further."""
        return all(writer.ended.is_set() for writer in self._writers)

    def dismiss(self) -> None:
        """No more is written; what is not done is told and left behind."""
        for writer in self._writers:
            writer.dismiss()

"""Outlets: each sink beside the window has a thread and a slot of its own, so that none delays
another, nor the window.
"""

import threading
from collections.abc import Callable, Sequence

import numpy as np
from PIL import Image

from synth.sink import Sink, Size, Takes

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker

_WAIT = 0.1  # seconds
_CLOSING = 2.0  # seconds that a sink has to finish

_Picture = tuple[np.ndarray, float, float]  # with its shade, and the seconds of sound in it


class Outlet:
    """One sink, and the thread that feeds it the newest picture."""

    def __init__(self, name: str, sink: Sink, supervisor: Supervisor) -> None:
        """Its faults go by the name."""
        assert sink.wants.takes is Takes.NEWEST, "recordings have writers"
        self.replaced = 0  # pictures that it never saw
        self._sink, self._supervisor = sink, supervisor
        self._lock, self._news = threading.Lock(), threading.Event()
        self._slot: _Picture | None = None
        self._last: tuple[np.ndarray, float] | None = None  # the newest, and how bright
        self._closing, self._part = False, f"output {name}"
        self._worker: Worker = supervisor.employ(self._part, self._feed)

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """Put it into the slot, whatever lies there; the same one as bright is no news."""
        if self._last is not None and picture is self._last[0] and shade == self._last[1]:
            return
        self._last = (picture, shade)
        with self._lock:
            self.replaced += self._slot is not None
            self._slot = (picture, shade, seconds)
        self._news.set()

    def _feed(self, shift: Shift) -> None:
        if not self._news.wait(_WAIT):
            return
        self._news.clear()
        if self._closing:
            self._finish()
            shift.end()
            return
        with self._lock:
            coming, self._slot = self._slot, None
        if coming is not None:
            picture, shade, seconds = coming
            self._sink.frame(fitting(picture, self._sink.wants.longest), shade, seconds)

    def _finish(self) -> None:
        try:
            self._sink.close()
        except Exception as error:  # the show was good all the same
            self._supervisor.faults.tell(self._part, f"cannot be finished ({reason_of(error)})")

    def close(self) -> None:
        """Have its thread finish the sink; one that hangs is left behind, and told."""
        self._closing = True
        self._news.set()
        self._worker.join(_CLOSING)
        self._supervisor.dismiss(self._worker, 0.0)


class Outlets:
    """Every sink of a show beside its window and its recordings."""

    def __init__(self) -> None:
        self._outlets: list[Outlet] = []

    def start(self, sinks: Sequence[tuple[str, Sink]], supervisor: Supervisor) -> None:
        """Feed sinks, by their names, from now on."""
        self._outlets = [Outlet(name, sink, supervisor) for name, sink in sinks]

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """What is on screen now."""
        for outlet in self._outlets:
            outlet.frame(picture, shade, seconds)

    @property
    def stops(self) -> list[Callable[[], None]]:
        """What ends each of them."""
        return [outlet.close for outlet in self._outlets]


def fitting(picture: np.ndarray, longest: Size | None) -> np.ndarray:
    """A picture that fits, its shape kept; the same one where it does already."""
    height, width = picture.shape[:2]
    if longest is None or (width <= longest[0] and height <= longest[1]):
        return picture
    small = Image.fromarray(picture)
    small.thumbnail(longest)
    return np.asarray(small)

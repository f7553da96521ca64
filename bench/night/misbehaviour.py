"""Parts of a show that do as they are told, which is the worst."""

import errno
import os
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from live.output.window import Place, Window
from synth.generators import Generator
from synth.latents.latent import Latent
from synth.session import Event, SessionWriter
from synth.sink import Takes, Wants

from .measures import Span

LONG = 0.25  # seconds from which on a time without a picture is noted
_MOST = 1000  # gaps that are noted between two questions


class Mood:
    """How a part misbehaves, and until when."""

    def __init__(self) -> None:
        self._how, self._until, self._seconds = "", 0.0, 0.0
        self._all, self._seized = True, ""  # whom, and who it was

    def put(self, how: str, seconds: float, every: bool = True) -> None:
        """Misbehave for so long; not `every` one: the first that asks and none that follows it."""
        self._all, self._seized = every, ""
        self._how, self._seconds, self._until = how, seconds, time.monotonic() + seconds

    @property
    def now(self) -> str:
        """How to misbehave now; empty for not at all."""
        return self._how if time.monotonic() < self._until else ""

    def of(self, name: str) -> str:
        """How one of several shall misbehave now."""
        if self._all or not self.now:
            return self.now
        self._seized = self._seized or name
        return self.now if name == self._seized else ""

    def hang(self) -> None:
        """Hang for the whole time; whoever asks next is well again."""
        self._until = 0.0
        time.sleep(self._seconds)

    def hang_for_good(self) -> None:
        """Never come back; whoever asks next is well again."""
        self._until = 0.0
        threading.Event().wait()


class Unruly:
    """A generator in a mood."""

    def __init__(self, real: Generator, mood: Mood) -> None:
        self._which = f"{id(self)}"
        self.name, self.embedding_size = real.name, real.embedding_size
        self.resolution, self.width = real.resolution, real.width
        self._real, self._mood = real, mood

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return self._real.embed(classes)

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        match self._mood.of(self._which):
            case "raise":
                raise RuntimeError("the generator was told to fail")
            case "memory":
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            case "rubbish":
                return torch.full((1, self.resolution, 3), float("nan"))
            case "die":
                self._mood.put("", 0.0)
                raise SystemExit("the generator ends its thread")
            case "hang":
                self._mood.hang_for_good()
        return self._real.frames(latents)


class Watch:
    """Notes the times between ticks; one thread ticks, another one asks."""

    def __init__(self) -> None:
        self.last = time.monotonic()
        self._longest, self._gaps = 0.0, list[Span]()
        self._lock = threading.Lock()

    def tick(self) -> None:
        with self._lock:
            before, self.last = self.last, time.monotonic()
            self._longest = max(self._longest, self.last - before)
            if self.last - before > LONG and len(self._gaps) < _MOST:
                self._gaps.append((before, self.last))

    def taken(self) -> tuple[float, list[Span]]:
        """The longest time since this was asked last, seconds, and every long one.

        One that still lasts is told now, and again when it has ended.
        """
        with self._lock:
            now = time.monotonic()
            longest, gaps = max(self._longest, now - self.last), self._gaps
            self._longest, self._gaps = 0.0, []
            lasting = (self.last, now)
        return longest, gaps + [lasting] * (lasting[1] - lasting[0] > LONG)


class Watched(Window):
    """A window that notes when it drew, which is when the screen had it all; that may raise, and
    does errands in its own thread.

    While `holds` says that a picture shall be held, none is missed.
    """

    def __init__(
        self,
        place: Place,
        *,
        title: str,
        on_key: Callable[[str], None],
        tell: Callable[[str], None],
        holds: Callable[[], bool],
    ) -> None:
        self._holds, self._comes = holds, False  # whether a new picture waits to be drawn
        self.drawings, self.pictures, self.mood = Watch(), Watch(), Mood()
        self.errands: list[Callable[[], object]] = []
        super().__init__(place, title=title, on_key=on_key, tell=tell)

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        self._comes = True
        super().frame(picture, shade, seconds)

    def draw(self, fit: str, shade: float) -> bool:
        while self.errands:
            self.errands.pop(0)()
        if self.mood.now == "raise":
            raise RuntimeError("the driver was told to fail")
        drawn = super().draw(fit, shade)
        if drawn or self._is_nothing:
            self.drawings.tick()
            if self._comes or self._holds():
                self.pictures.tick()
            self._comes = False
        return drawn

    @property
    def _is_nothing(self) -> bool:
        """Whether the window has no pixels, as minimised ones have on some systems."""
        handle = self._handle
        return handle is not None and self._glfw.get_framebuffer_size(handle) == (0, 0)


class Clock:
    """Real time, and what was added to it."""

    def __init__(self, real: Callable[[], float]) -> None:
        self.more, self._real = 0.0, real

    def __call__(self) -> float:
        return self._real() + self.more


class Counted(SessionWriter):
    """A session writer that knows what it wrote."""

    hops, events = 0, 0

    def hop(self, samples: np.ndarray) -> None:
        super().hop(samples)
        self.hops += 1

    def event(self, event: Event) -> None:
        super().event(event)
        self.events += 1


class Stuck:
    """A file on a disk that does not answer at its first hop."""

    wants = Wants(Takes.QUEUED)

    def __init__(self, path: Path, mood: Mood) -> None:
        self.path, self._mood = path, mood

    def hop(self, samples: np.ndarray) -> None:  # noqa: ARG002
        match self._mood.now:
            case "hang":
                self._mood.hang()
            case "full":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def event(self, event: Event) -> None:
        """Nothing is kept."""

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing was opened."""

    def discard(self) -> None:
        """Nothing was begun."""

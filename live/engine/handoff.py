"""What passes between threads: the newest value, with the onsets that must not be lost."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.analysis.analyzer import Features
from synth.latents.latent import Latent


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture and where it comes from; times are monotonic seconds."""

    number: int
    picture: np.ndarray  # uint8 (h, w, 3)
    captured: float  # when the sound in it was in hand
    begun: float  # when drawing it began
    done: float
    onsets: int  # that reach the screen with it
    hop: int  # whose latent it shows
    due: float = 0.0  # when it shall be shown
    heard: int = 0  # onsets in all when it was begun


class Frames:
    """Frames on their way to the screen. A newer batch replaces what is left of the one before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._coming: list[Frame] = []
        self.replaced = 0  # frames that were never shown

    def put(self, batch: Sequence[Frame]) -> None:
        """Frames in order of their due times; the first takes over onsets that were not shown."""
        with self._lock:
            missed = sum(frame.onsets for frame in self._coming)
            self.replaced += len(self._coming)
            first, *rest = batch
            self._coming = [replace(first, onsets=first.onsets + missed), *rest]

    def take(self, now: float, heard: int = 0) -> Frame | None:
        """The newest frame that is due, with the onsets of those it replaces.

        Frames that were drawn ahead of an onset foresaw something else: with more onsets `heard`
        than they knew of, they are dropped. A frame with onsets of its own is always shown.
        """
        with self._lock:
            valid = [f for f in self._coming if f.heard >= heard or f.onsets or f.due <= f.done]
            due = [f for f in valid if f.due <= now]
            self.replaced += len(self._coming) - len(valid) + max(0, len(due) - 1)
            self._coming = valid[len(due) :]
        if not due:
            return None
        return replace(due[-1], onsets=sum(frame.onsets for frame in due))


@dataclass(frozen=True, slots=True)
class Moment:
    """What one hop came to."""

    heard: Features
    latent: Latent
    captured: float  # monotonic seconds at which the hop's last sample was in hand
    onsets: int = 0  # onsets since the moment before that was taken
    before: Latent | None = None  # of the hop before; None where looking ahead would mislead
    hop: int = 0  # its number
    heard_onsets: int = 0  # onsets in all by then
    space: str = ""  # the generator whose class embeddings the latent holds


class Moments:
    """The newest moment. Onsets add up until taken, and the strongest of them is what is seen."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._newest: Moment | None = None
        self._struck: Moment | None = None  # the strongest moment since an untaken onset
        self._onsets = 0
        self.heard = 0  # onsets in all
        self.space = ""  # of the newest moment

    def put(self, moment: Moment) -> None:
        """The newest moment; onsets of those that nobody took are added to it."""
        with self._lock:
            if moment.space != self.space:  # what was struck is of another space
                self.space, self._struck = moment.space, None
            if moment.heard.onset:
                self._onsets += 1
                self.heard += 1
                self._struck = moment
            elif self._struck is not None and moment.latent.kick > self._struck.latent.kick:
                self._struck = moment
            self._newest = moment
            self._lock.notify()

    def take(self, timeout: float) -> Moment | None:
        """The moment to draw, with every onset since the last take; None when nothing is new."""
        with self._lock:
            if self._newest is None:
                self._lock.wait(timeout)
            newest, struck, onsets = self._newest, self._struck, self._onsets
            heard = self.heard
            self._newest, self._struck, self._onsets = None, None, 0
        if newest is None:
            return None
        if struck is None:
            return replace(newest, onsets=onsets, heard_onsets=heard)
        return replace(  # a peak is a peak
            struck, heard=newest.heard, onsets=onsets, before=None, heard_onsets=heard
        )

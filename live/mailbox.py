"""What passes between threads: the newest value, with the onsets that must not be lost."""

import threading
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from synth.features import Features
from synth.latents import Latent

T = TypeVar("T")


class Newest(Generic[T]):
    """One value; a new one replaces the old, taken or not."""

    def __init__(self) -> None:
        self._value: T | None = None
        self._news = threading.Event()

    def put(self, value: T) -> None:
        self._value = value
        self._news.set()

    def take(self, timeout: float = 0.0) -> T | None:
        """The value if it was not taken yet, waiting for one up to `timeout` seconds."""
        if not self._news.wait(timeout):
            return None
        self._news.clear()
        return self._value


@dataclass(frozen=True, slots=True)
class Moment:
    """What one hop came to."""

    heard: Features
    latent: Latent
    captured: float  # monotonic seconds at which the hop's last sample was in hand
    onsets: int = 0  # onsets since the moment before that was taken
    before: Latent | None = None  # of the hop before; None where looking ahead would mislead
    hop: int = 0  # its number


class Moments:
    """The newest moment. Onsets add up until taken, and the strongest of them is what is seen."""

    def __init__(self) -> None:
        self._lock = threading.Condition()
        self._newest: Moment | None = None
        self._struck: Moment | None = None  # the strongest moment since an untaken onset
        self._onsets = 0
        self.heard = 0  # onsets in all

    def put(self, moment: Moment) -> None:
        with self._lock:
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
            self._newest, self._struck, self._onsets = None, None, 0
        if newest is None:
            return None
        if struck is None:
            return replace(newest, onsets=onsets)
        return replace(struck, heard=newest.heard, onsets=onsets, before=None)  # a peak is a peak

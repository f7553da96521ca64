"""A small picture of what is on screen, for whoever asks."""

import io
import threading
import time
from collections.abc import Callable

import numpy as np
from PIL import Image

from synth.sink import Takes, Wants, shaded

from .outlets import fitting

_SIDE = 320  # pixels
_QUALITY = 70  # of JPEG
_LASTS = 0.2  # seconds for which one does


class Preview:
    """A sink that keeps the newest picture, and makes a JPEG of it only when it is asked for."""

    wants = Wants(Takes.NEWEST)

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._made = clock, 0.0  # when the JPEG was
        self._lock = threading.Lock()
        self._newest: tuple[np.ndarray, float] | None = None
        self._jpeg = b""

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:  # noqa: ARG002
        """Keep it; the JPEG is made when somebody asks."""
        with self._lock:
            self._newest = (picture, shade)

    def jpeg(self) -> bytes:
        """What is on screen as JPEG, for any thread; empty before the first picture.

        One does for everybody for a while.
        """
        with self._lock:
            newest, now = self._newest, self._clock()
            if newest is not None and not (self._jpeg and now - self._made < _LASTS):
                picture, shade = newest
                small, data = fitting(picture, (_SIDE, _SIDE)), io.BytesIO()
                Image.fromarray(shaded(small, shade)).save(data, "JPEG", quality=_QUALITY)
                self._jpeg, self._made = data.getvalue(), now
            return self._jpeg

    def close(self) -> None:
        """Nothing was opened."""

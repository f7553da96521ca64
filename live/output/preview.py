"""A small picture of what is on screen, for whoever asks."""

import io
import threading

import numpy as np
from PIL import Image

from synth.sink import Takes, Wants, shaded

_SIDE = 320  # pixels
_QUALITY = 70  # of JPEG


class Preview:
    """A sink that keeps the newest picture, and makes a JPEG of it only when it is asked for."""

    wants = Wants(Takes.NEWEST, (_SIDE, _SIDE))

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._newest: tuple[np.ndarray, float] | None = None
        self._jpeg = b""

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:  # noqa: ARG002
        """Keep it; the JPEG is made when somebody asks."""
        with self._lock:
            self._newest, self._jpeg = (picture, shade), b""

    def jpeg(self) -> bytes:
        """What is on screen as JPEG, for any thread; empty before the first picture."""
        with self._lock:
            if self._newest is not None and not self._jpeg:
                data = io.BytesIO()
                Image.fromarray(shaded(*self._newest)).save(data, "JPEG", quality=_QUALITY)
                self._jpeg = data.getvalue()
            return self._jpeg

    def close(self) -> None:
        """Nothing was opened."""

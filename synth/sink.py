"""Where pictures go: a window, a film, a recorder, a preview, another machine.

A sink says how it takes pictures and at what size; whoever feeds it obeys. One that is slow or
fails costs nobody else a picture.
"""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np

Size = tuple[int, int]  # width, height in pixels


class Takes(Enum):
    """What becomes of pictures that come faster than a sink takes them."""

    NEWEST = "newest"  # only the newest is kept, as on a screen
    QUEUED = "queued"  # so many wait; of more, the newest are dropped and counted
    ALL = "all"  # whoever draws waits, as for a film


@dataclass(frozen=True, slots=True)
class Wants:
    """What a sink asks for."""

    takes: Takes
    longest: Size | None = None  # pictures are shrunk to fit into this; None as they are drawn


class Sink(Protocol):
    """Takes pictures until it is closed; which thread calls it, its feeder decides: always one."""

    wants: Wants

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """The next picture, uint8 (h, w, 3) sRGB, and the seconds of sound that it shows.

        It shall be as bright as `shade` says, 0 to 1: a blackout, or a fade.
        """
        ...

    def close(self) -> None:
        """Finish; a second time is nothing."""
        ...


def shaded(picture: np.ndarray, shade: float) -> np.ndarray:
    """A picture as bright as a shade of 0 to 1 says; the same one where that is 1."""
    return picture if shade >= 1 else np.rint(picture * np.float32(shade)).astype(np.uint8)

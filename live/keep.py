"""What keeps a show on disk without slowing it: a thread that writes what it is handed.

The ears and the screen only queue; when the disk or the encoder cannot follow, pictures are
dropped and counted, sound and events never.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from synth.performance import Event

_PICTURES = 120  # that may wait

Turn = Callable[["Keeper"], None]


class Keeper(Protocol):
    """A file that is written while the show goes on."""

    path: Path

    def hop(self, samples: np.ndarray) -> None: ...

    def event(self, event: Event) -> None: ...

    def picture(self, picture: np.ndarray, hop: int) -> None: ...

    def close(self) -> None: ...


class Keeping:
    """Hands everything to the keepers, in order, in a thread of its own."""

    def __init__(self, keepers: Sequence[Keeper]) -> None:
        self.dropped = 0  # pictures
        self.faults: list[str] = []
        self._keepers = list(keepers)
        self._waiting = 0  # pictures
        self._queue: queue.SimpleQueue[tuple[bool, Turn] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="keeper", daemon=True)
        self._thread.start()

    def hop(self, samples: np.ndarray) -> None:
        """The next hop that was heard."""
        if self._keepers:
            self._queue.put((False, lambda keeper: keeper.hop(samples)))

    def event(self, event: Event) -> None:
        """Something that was turned."""
        if self._keepers:
            self._queue.put((False, lambda keeper: keeper.event(event)))

    def picture(self, picture: np.ndarray, hop: int) -> None:
        """A picture that was shown, and the number of the hop in it."""
        if self._waiting >= _PICTURES:
            self.dropped += 1
        elif self._keepers:
            self._waiting += 1
            self._queue.put((True, lambda keeper: keeper.picture(picture, hop)))

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            is_picture, turn = item
            for keeper in list(self._keepers):
                self._hand(turn, keeper)
            self._waiting -= is_picture

    def _hand(self, turn: Turn, keeper: Keeper) -> None:
        try:
            turn(keeper)
        except Exception as error:  # a full disk ends the keeping, never the show
            self.faults.append(f"{keeper.path}: written no further ({error})")
            self._keepers.remove(keeper)

    def close(self) -> None:
        """Write what waits and close the files."""
        self._queue.put(None)
        self._thread.join()
        for keeper in list(self._keepers):
            self._hand(lambda keeper: keeper.close(), keeper)

"""A PortAudio that does as the test says, in the process of an input or output.

The folder of the variable SOUND holds `calls`, a line for each opening with its process's number,
`played`, the samples that an output took, and a file `hangs`, `falls` or `refuses`, the fate of
whoever opens, or `stops` or `aborts`, the fate of streams.
"""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

FOLDER = Path(os.environ["SOUND"])
BLOCK = 441  # samples

PortAudioError = OSError
default = SimpleNamespace(device=(0, 0))


def _exit_handler() -> None:
    """Nothing is open at exit."""


def query_devices() -> list[dict[str, Any]]:
    return [{"name": "room", "max_input_channels": 2, "default_samplerate": 44100.0}]


def check_input_settings(**_settings: object) -> None:
    """Every rate will do."""


class _Stream:
    """Goes on until it shall stop."""

    active = True

    def __init__(self, *, callback: Any, channels: int, **_options: object) -> None:
        with (FOLDER / "calls").open("a") as calls:
            calls.write(f"{os.getpid()}\n")
        if (FOLDER / "hangs").exists():
            threading.Event().wait()
        if (FOLDER / "falls").exists():
            os.abort()
        if (FOLDER / "refuses").exists():
            raise PortAudioError("device unavailable\nand what else there is to say")
        self._callback, self._channels = callback, channels

    def start(self) -> None:
        threading.Thread(target=self._play, daemon=True).start()

    def _play(self) -> None:
        due = time.monotonic()
        try:
            while not (FOLDER / "stops").exists():
                if (FOLDER / "aborts").exists():
                    os.abort()
                self._block(self._channels)
                due += BLOCK / 44100
                time.sleep(max(0.0, due - time.monotonic()))
        finally:
            self.active = False

    def _block(self, channels: int) -> None:
        raise NotImplementedError


class InputStream(_Stream):
    """Gives a half from the first channel and a quarter from the second."""

    def _block(self, channels: int) -> None:
        block = np.array([[0.5, 0.25][:channels]] * BLOCK, np.float32)
        self._callback(block, BLOCK, None, None)


class OutputStream(_Stream):
    """Writes down what it is to play."""

    def _block(self, channels: int) -> None:
        block = np.full((BLOCK, channels), 9.0, np.float32)
        self._callback(block, BLOCK, None, None)
        with (FOLDER / "played").open("ab") as played:
            played.write(block.tobytes())

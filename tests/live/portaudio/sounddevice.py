"""A PortAudio that does as the test says, in the process of an input.

The folder of the variable SOUND holds `calls`, a line for each opening with its process's number,
and a file `hangs`, `falls` or `refuses`: the fate of whoever opens.
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


class InputStream:
    """Gives a half from the first channel and a quarter from the second."""

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
        block = np.array([[0.5, 0.25][: self._channels]] * BLOCK, np.float32)
        try:
            while not (FOLDER / "stops").exists():
                self._callback(block, BLOCK, None, None)
                time.sleep(BLOCK / 44100)
        finally:
            self.active = False

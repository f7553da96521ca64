"""A MIDI system for mido whose wires are files: what a test writes into them is played.

It runs in the process of the driver (MIDO_BACKEND=wires), in the folder of the variable WIRES:
`ports` lists names; NAME.in and NAME.out hold messages in hexadecimal, a line each; a file
WORD-hangs, WORD-falls or WORD-raises is the fate of whoever looks, opens, sends or closes.
"""

import ctypes
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from mido import Message
from mido.ports import BaseInput, BaseOutput

FOLDER = Path(os.environ["WIRES"])


def _meet(word: str) -> None:
    """Whatever fate the test has in store."""
    with (FOLDER / "calls").open("a") as calls:
        calls.write(word + "\n")
    if (FOLDER / f"{word}-hangs").exists():
        ctypes.PyDLL(None).sleep(3600)  # with Python's lock in hand, as real libraries do
    if (FOLDER / f"{word}-falls").exists():
        os.kill(os.getpid(), signal.SIGSEGV)
    if (FOLDER / f"{word}-raises").exists():
        raise OSError("the server is gone")


def get_devices(**_: Any) -> list[dict[str, Any]]:
    _meet("look")
    names = (FOLDER / "ports").read_text("utf-8").splitlines()
    return [{"name": name, "is_input": True, "is_output": True} for name in names]


class Input(BaseInput):
    def _open(self, callback: Any = None, **_: Any) -> None:
        _meet("open")
        self.callback = callback
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        path, place = FOLDER / f"{self.name}.in", 0
        while self.callback is not None:
            content = path.read_bytes() if path.exists() else b""
            for line in content[place : content.rfind(b"\n") + 1].splitlines(keepends=True):
                place += len(line)
                self.callback(Message.from_hex(line.decode()))
            time.sleep(0.001)

    def _close(self) -> None:
        self.callback = None
        _meet("close")


class Output(BaseOutput):
    def _send(self, message: Message) -> None:
        _meet("send")
        with (FOLDER / f"{self.name}.out").open("a") as out:
            out.write(message.hex() + "\n")

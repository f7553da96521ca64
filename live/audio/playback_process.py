"""The process of a sound output: what hangs or falls in PortAudio there is not the show.

    python -m live.audio.playback_process JSON

JSON is {"rate": HZ, "ahead": SECONDS}. What is to be played comes on standard input as mono
float32; sound that waits for longer than a fifth of a second is dropped, for it is late. The
process ends with its input, and tells OPENED or FAILED as `messages` has them.
"""

import json
import os
import sys
import threading
from collections import deque
from typing import Any

import numpy as np

from .devices import portaudio
from .messages import OPENED, Teller

NO_OUTPUT = "there is no sound output"
_MOST = 0.2  # seconds that may wait
_BLOCK = 4096  # bytes that are read at once, at most
_LOOK = 0.1  # seconds


class Queue:
    """Sound on its way, in order and without gaps."""

    def __init__(self, rate: int, ahead: float) -> None:
        """`ahead` seconds of silence go before what comes when nothing waits."""
        self._waiting: deque[np.ndarray] = deque()
        self._silence = np.zeros(round(ahead * rate), np.float32)
        self._rest = np.zeros(0, np.float32)
        self._most = round(_MOST * rate)

    def put(self, samples: np.ndarray) -> None:
        """Samples (n,) to play after the others."""
        if not self._waiting and not len(self._rest):
            self._waiting.append(self._silence)  # so that late sound makes no gap
        self._waiting.append(samples)
        while sum(map(len, list(self._waiting))) > self._most:
            self._waiting.popleft()

    def fill(self, block: np.ndarray, frames: int, _time: object, _status: object) -> None:
        """In PortAudio's thread: what waits, then silence."""
        done = 0
        while done < frames:
            if not len(self._rest):
                if not self._waiting:
                    break
                self._rest = self._waiting.popleft()
            part = self._rest[: frames - done]
            block[done : done + len(part), 0] = part
            self._rest = self._rest[len(part) :]
            done += len(part)
        block[done:] = 0


def _opened(waiting: Queue, rate: int, ahead: float) -> Any:
    """The stream; raises whatever PortAudio does."""
    sounddevice = portaudio()
    if sounddevice.default.device[1] < 0:
        raise ValueError(NO_OUTPUT)
    stream = sounddevice.OutputStream(
        samplerate=rate, channels=1, dtype="float32", latency=ahead, callback=waiting.fill
    )
    stream.start()
    return stream


def _end_with(stream: Any) -> None:
    """A stream that ended plays nothing any more."""
    while stream.active:
        threading.Event().wait(_LOOK)
    os._exit(0)


def main() -> None:
    """Play until the stream or the sound ends."""
    teller = Teller()
    asked = json.loads(sys.argv[1])
    waiting = Queue(**asked)
    try:
        stream = _opened(waiting, **asked)
    except Exception as error:  # PortAudio's errors are of many kinds; all mean: no output
        teller.fail(error)
    teller.say(OPENED, json.dumps({"name": "", "rate": asked["rate"]}).encode())
    threading.Thread(target=_end_with, args=(stream,), daemon=True).start()
    left = b""
    while data := os.read(0, _BLOCK):
        whole = len(left + data) // 4 * 4
        waiting.put(np.frombuffer((left + data)[:whole], np.float32))
        left = (left + data)[whole:]
    os._exit(0)  # closing a stream may take for ever


if __name__ == "__main__":
    main()

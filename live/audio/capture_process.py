"""The process of a sound input: what hangs or falls in PortAudio there is not the show.

    python -m live.audio.capture_process JSON

JSON is {"wanted": NAME, "channels": [1, …], "rate": HZ or 0, "gain": FACTOR}.

Sound servers hang, and PortAudio ends a whole program where its JACK part outlives its server. A
process is begun for each attempt, lists the devices as they are then, and is killed when it is no
longer wanted; it ends by itself when its standard input is closed. On its output it tells what
`messages` reads.
"""

import json
import os
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import IO, Any, BinaryIO

import numpy as np

from .devices import RATES, chosen, inputs, portaudio

OPENED, SAMPLES, LOST, FAILED = b"n", b"s", b"o", b"f"
_HEAD = struct.Struct("<cI")  # of each message: its kind, and how many bytes follow
_LONGEST = 1 << 20  # bytes of a message
_WAITING = 2.0  # seconds of sound that may wait; the oldest is lost
_LOOK = 0.1  # seconds


def messages(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Everything that is told: OPENED with {"name", "rate"} as JSON, then SAMPLES as mono float32
    and LOST with how often some were lost as JSON, or FAILED with the reason.

    It ends where the process does; ValueError for what no such process tells.
    """
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        kind, length = _HEAD.unpack(head)
        if length > _LONGEST:
            raise ValueError(f"a message of {length} bytes")
        if len(body := stream.read(length)) == length:
            yield kind, body


class _Voice:
    """Tells in a thread of its own, for PortAudio's must not wait."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._waiting: deque[bytes] = deque()
        self._bytes, self._lost = 0, 0
        self._news, self._lock = threading.Event(), threading.Lock()
        self.most = 0  # bytes that may wait
        threading.Thread(target=self._tell_on, name="voice", daemon=True).start()

    def sound(self, samples: np.ndarray) -> None:
        """Samples (n,) float32, in PortAudio's thread."""
        data = samples.tobytes()
        with self._lock:
            self._waiting.append(data)
            self._bytes += len(data)
            while self._bytes > self.most and len(self._waiting) > 1:
                self._bytes -= len(self._waiting.popleft())
                self._lost += 1
        self._news.set()

    def overflowed(self) -> None:
        """The device gave more than was taken."""
        with self._lock:
            self._lost += 1

    def say(self, kind: bytes, body: bytes) -> None:
        """Write one message; the process ends where nobody reads."""
        try:
            self._output.write(_HEAD.pack(kind, len(body)) + body)
        except OSError:
            os._exit(0)

    def _tell_on(self) -> None:
        while self._news.wait():
            self._news.clear()
            with self._lock:
                waiting, self._waiting = list(self._waiting), deque()
                self._bytes, lost, self._lost = 0, self._lost, 0
            if lost:
                self.say(LOST, json.dumps(lost).encode())
            for data in waiting:
                self.say(SAMPLES, data)


def _opened(voice: _Voice, wanted: str | None, channels: list[int], rate: int, gain: float) -> Any:
    """The stream; raises whatever PortAudio does."""
    sounddevice = portaudio()
    device = chosen(inputs(), wanted)
    picked = _picked(channels, device.channels)
    rate = rate or _usable_rate(sounddevice, device.number, device.rate)
    voice.most = round(4 * rate * _WAITING)
    stream = sounddevice.InputStream(
        device=device.number,
        samplerate=rate,
        channels=max(picked) + 1,
        dtype="float32",
        latency="low",
        callback=_callback(voice, picked, gain),
    )
    stream.start()
    voice.say(OPENED, json.dumps({"name": device.name, "rate": rate}).encode())
    return stream


def _picked(channels: Sequence[int], there: int) -> list[int]:
    wanted = channels or range(1, min(there, 2) + 1)
    if any(not 1 <= channel <= there for channel in wanted):
        named = ",".join(map(str, wanted))
        raise ValueError(f"--channels {named}: the input has {there}; use 1 to {there}")
    return [channel - 1 for channel in wanted]


def _usable_rate(sounddevice: Any, device: int, own: float) -> int:
    """The first of the known rates that the device takes; its own when none."""
    for rate in RATES:
        try:
            sounddevice.check_input_settings(device=device, samplerate=rate)
        except (sounddevice.PortAudioError, ValueError):
            continue
        return rate
    return int(own)


def _callback(voice: _Voice, picked: list[int], gain: float) -> Any:
    share = np.float32(gain / len(picked))

    def heard(block: np.ndarray, _frames: int, _time: object, status: object) -> None:
        if status:
            voice.overflowed()
        voice.sound(block[:, picked].sum(axis=1, dtype=np.float32) * share)

    return heard


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _own_output() -> BinaryIO:
    """Standard output for ourselves alone: sound servers' libraries write there as well."""
    own = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return own


def _end_when_alone() -> None:
    """Nobody wants to hear any more."""
    while os.read(0, 64):
        pass
    os._exit(0)


def main() -> None:
    """Hear until the stream ends or nobody listens."""
    threading.Thread(target=_end_when_alone, name="parent", daemon=True).start()
    voice = _Voice(_own_output())
    try:
        stream = _opened(voice, **json.loads(sys.argv[1]))
    except Exception as error:  # PortAudio's errors are of many kinds; all mean: not now
        voice.say(FAILED, _reason(error).encode())
        os._exit(1)
    while stream.active:
        time.sleep(_LOOK)
    os._exit(0)  # closing a stream may take for ever


if __name__ == "__main__":
    main()

"""The process of a sound input: what hangs or falls in PortAudio there is not the show.

    python -m live.audio.capture_process JSON

JSON is {"wanted": NAME, "channels": [1, …], "rate": HZ or 0, "gain": FACTOR}.

Sound servers hang, and PortAudio ends a whole program where its JACK part outlives its server. A
process is begun for each attempt, lists the devices as they are then, and is killed when it is no
longer wanted; it ends by itself when its standard input is closed. What it tells is in `messages`.
"""

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from .devices import RATES, chosen, inputs, portaudio
from .messages import LOST, OPENED, SAMPLES, Teller

_WAITING = 2.0  # seconds of sound that may wait; the oldest is lost
_LOOK = 0.1  # seconds


class _Voice:
    """Tells of sound in a thread of its own, for PortAudio's must not wait."""

    def __init__(self, teller: Teller, rate: int) -> None:
        self._teller = teller
        self._waiting: deque[bytes] = deque()
        self._bytes, self._lost = 0, 0
        self._news, self._lock = threading.Event(), threading.Lock()
        self._most = round(4 * rate * _WAITING)  # bytes that may wait

    def begin(self) -> None:
        """Tell what waits, and all that comes."""
        threading.Thread(target=self._tell_on, name="voice", daemon=True).start()

    def sound(self, samples: np.ndarray) -> None:
        """Samples (n,) float32, in PortAudio's thread."""
        data = samples.tobytes()
        with self._lock:
            self._waiting.append(data)
            self._bytes += len(data)
            while self._bytes > self._most and len(self._waiting) > 1:
                self._bytes -= len(self._waiting.popleft())
                self._lost += 1
        self._news.set()

    def overflowed(self) -> None:
        """The device gave more than was taken."""
        with self._lock:
            self._lost += 1

    def _tell_on(self) -> None:
        while self._news.wait():
            self._news.clear()
            with self._lock:
                waiting, self._waiting = list(self._waiting), deque()
                self._bytes, lost, self._lost = 0, self._lost, 0
            if lost:
                self._teller.say(LOST, json.dumps(lost).encode())
            for data in waiting:
                self._teller.say(SAMPLES, data)


def _opened(teller: Teller, wanted: str | None, channels: list[int], rate: int, gain: float) -> Any:
    """The stream; raises whatever PortAudio does."""
    sounddevice = portaudio()
    device = chosen(inputs(), wanted)
    picked = _picked(channels, device.channels)
    rate = rate or _usable_rate(sounddevice, device.number, device.rate)
    voice = _Voice(teller, rate)
    stream = sounddevice.InputStream(
        device=device.number,
        samplerate=rate,
        channels=max(picked) + 1,
        dtype="float32",
        latency="low",
        callback=_callback(voice, picked, gain),
    )
    stream.start()
    teller.say(OPENED, json.dumps({"name": device.name, "rate": rate}).encode())
    voice.begin()
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


def _end_when_alone() -> None:
    """Nobody wants to hear any more."""
    while os.read(0, 64):
        pass
    os._exit(0)


def main() -> None:
    """Hear until the stream ends or nobody listens."""
    threading.Thread(target=_end_when_alone, name="parent", daemon=True).start()
    teller = Teller()
    try:
        stream = _opened(teller, **json.loads(sys.argv[1]))
    except Exception as error:  # PortAudio's errors are of many kinds; all mean: not now
        teller.fail(error)
    while stream.active:
        time.sleep(_LOOK)
    os._exit(0)  # closing a stream may take for ever


if __name__ == "__main__":
    main()

"""A sound input as a stream into a ring, that comes back by itself when it goes.

The callback copies and returns. Everything that can block (opening, closing, asking for devices)
happens in threads that nobody waits for: a sound server that hangs must not hang the show.
"""

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from synth.trouble import Trouble

from .inputs import RATES, chosen, inputs, portaudio
from .line import Action, Line, Phase, looked_at, opened, refused
from .ring import Ring

_LOOK = 0.1  # seconds between two looks at the line
_OPENING = 6.0  # seconds after which an attempt to open is given up


class Microphone:
    """Listens to the wanted input for ever, in a thread of its own."""

    def __init__(
        self,
        wanted: str | None = None,
        *,
        channels: Sequence[int] = (),
        rate: int | None = None,
        gain: float = 1.0,
    ) -> None:
        """`channels` count from 1, all when none; `gain` is a factor."""
        self._wanted, self._channels, self._rate, self._gain = wanted, channels, rate, gain
        self.line = Line()
        self.name = wanted or "the default input"
        self.ring = Ring(rate or RATES[0], 1)
        self.overflows = 0
        self.faults: list[str] = []
        self._stream: Any = None
        self._closing = 0
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="microphone", daemon=True)

    def start(self) -> None:
        """Begin; Trouble where sound can never be heard, for want of a library."""
        portaudio()
        self._keeper.start()

    def stop(self) -> None:
        """End; a stream that will not close within a second is left to the system."""
        self._stop.set()
        self._close().join(1.0)

    @property
    def trouble(self) -> str:
        """What is wrong with the input at this moment, in words; empty when nothing is."""
        if self.line.phase is Phase.OPEN or not self.line.trouble:
            return ""
        return f"{self.name}: {self.line.trouble}; trying again"

    @property
    def ended(self) -> bool:
        """Never: a room has no end."""
        return False

    def _keep(self) -> None:
        while not self._stop.wait(_LOOK):
            active = bool(self._stream is not None and self._stream.active)
            before = self.line
            self.line, action = looked_at(
                before, time.monotonic(), active=active, newest=self.ring.last_write
            )
            if action is Action.CLOSE:
                self.faults.append(f"{self.name}: {self.line.trouble}")
                self._close()
            elif action is Action.OPEN:
                self._open(again=before.tries > 0)

    def _open(self, *, again: bool) -> None:
        outcome: list[Exception | None] = []
        attempt = threading.Thread(
            target=self._try_to_open, args=(again, outcome), name="opening", daemon=True
        )
        attempt.start()
        attempt.join(_OPENING)
        now = time.monotonic()
        if not outcome:
            self.line = refused(self.line, now, "the sound server does not answer")
        elif (error := outcome[0]) is not None:
            self.line = refused(self.line, now, _reason(error))
        else:
            self.line = opened(self.line, now)

    def _try_to_open(self, again: bool, outcome: list[Exception | None]) -> None:
        try:
            sounddevice = portaudio()
            if again and not self._closing:  # devices come and go; PortAudio lists them at start
                sounddevice._terminate()
                sounddevice._initialize()
            device = chosen(inputs(), self._wanted)
            picked = self._picked(device.channels)
            rate = self._rate or _usable_rate(sounddevice, device.number, device.rate)
            ring = Ring(rate, 1)
            stream = sounddevice.InputStream(
                device=device.number,
                samplerate=rate,
                channels=max(picked) + 1,
                dtype="float32",
                latency="low",
                callback=self._callback(ring, picked),
            )
            stream.start()
        except Exception as error:  # PortAudio's errors are of many kinds; all mean: not now
            outcome.append(error)
            return
        self.name, self.ring, self._stream = device.name, ring, stream
        outcome.append(None)

    def _picked(self, there: int) -> list[int]:
        wanted = self._channels or range(1, min(there, 2) + 1)
        if any(not 1 <= channel <= there for channel in wanted):
            named = ",".join(map(str, wanted))
            raise Trouble(f"--channels {named}: the input has {there}; use 1 to {there}")
        return [channel - 1 for channel in wanted]

    def _callback(self, ring: Ring, picked: list[int]) -> Any:
        mixed = np.zeros((1 << 16, 1), np.float32)
        share = np.float32(self._gain / len(picked))

        def copy(block: np.ndarray, frames: int, _time: object, status: object) -> None:
            if status:
                self.overflows += 1
            mono = mixed[:frames]
            np.multiply(block[:, picked[0], None], share, out=mono)
            for channel in picked[1:]:
                mono += share * block[:, channel, None]
            ring.write(mono)

        return copy

    def _close(self) -> threading.Thread:
        """Close on a thread of its own: closing blocks while a server hangs."""
        stream, self._stream = self._stream, None
        self._closing += stream is not None

        def close() -> None:
            if stream is None:
                return
            try:
                stream.abort()
                stream.close()
            except Exception as error:  # it is thrown away; say why it went badly
                self.faults.append(f"{self.name}: closing failed ({_reason(error)})")
            finally:
                self._closing -= 1

        thread = threading.Thread(target=close, name="closing", daemon=True)
        thread.start()
        return thread


def _usable_rate(sounddevice: Any, device: int, own: float) -> int:
    """The first of the known rates that the device takes; its own when none."""
    for rate in RATES:
        try:
            sounddevice.check_input_settings(device=device, samplerate=rate)
        except (sounddevice.PortAudioError, ValueError):
            continue
        return rate
    return int(own)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

"""A sound input as a stream into a ring, that comes back by itself when it goes.

The callback copies and returns. Everything that can block (opening, closing, asking for devices)
happens in threads that nobody waits for: a sound server that hangs must not hang the show. There is
one attempt to open at a time; one that hangs is waited for, since PortAudio may not be asked for
anything beside it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from synth.trouble import Trouble

from .inputs import RATES, check_installed, chosen, inputs, portaudio
from .line import Action, Line, Phase, looked_at, opened, refused
from .ring import Ring
from .supervisor import Shift, Supervisor, Worker

PART = "capture"  # what its faults go by
_LOOK = 0.1  # seconds between two looks at the line
_OPENING = 6.0  # seconds after which an attempt to open counts as hanging
_FAREWELL = 1.0  # seconds
_ASLEEP = 1.0  # seconds between two looks from which on it was we who were away


class Microphone:
    """Listens to the wanted input for ever."""

    start_at: float | None = None  # a room is no song

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
        self._stream: Any = None
        self._closing: list[threading.Thread] = []
        self._attempt: _Attempt | None = None
        self._looked = 0.0
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin; Trouble where sound can never be heard, for want of a library.

        PortAudio itself begins with the first attempt: a sound server that hangs hangs it too.
        """
        check_installed()
        self._supervisor, self._looked = supervisor, time.monotonic()
        self._worker = supervisor.employ(PART, self._keep)

    def stop(self) -> None:
        """End; a stream that will not close within a second is left to the system."""
        latest = time.monotonic() + _FAREWELL
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, _FAREWELL)
        if self._attempt is not None:
            self._attempt.abandon()
        self._close()
        for thread in self._closing:
            thread.join(max(0.0, latest - time.monotonic()))

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

    def _tell(self, text: str) -> None:
        self._supervisor.faults.tell(PART, f"{self.name}: {text}")

    def _keep(self, shift: Shift) -> None:
        shift.wait(_LOOK)
        now = time.monotonic()
        away, self._looked = now - self._looked > _ASLEEP, now
        if away:  # no sound can have come while the whole program stood still
            self.line = replace(self.line, heard=now)
        elif self._attempt is not None:
            self._await(self._attempt, now)
        else:
            self._look(now)

    def _look(self, now: float) -> None:
        active = bool(self._stream is not None and self._stream.active)
        before = self.line
        self.line, action = looked_at(before, now, active=active, newest=self.ring.last_write)
        if action is Action.CLOSE:
            self._tell(self.line.trouble)
            self._close()
        elif action is Action.OPEN:
            self._closing = [thread for thread in self._closing if thread.is_alive()]
            # devices come and go, and PortAudio lists them when it begins
            afresh = before.tries > 0 and not self._closing
            self._attempt = _Attempt(lambda: self._opened(afresh=afresh), now)

    def _await(self, attempt: "_Attempt", now: float) -> None:
        if not attempt.ended:
            if now - attempt.begun > _OPENING and not attempt.told:
                attempt.told = True
                self._say("the sound server does not answer")
            return
        self._attempt = None
        if attempt.error is not None:
            trouble = _reason(attempt.error)
            if trouble != self.line.trouble:
                self._tell(trouble)
            self.line = refused(self.line, now, trouble)
            return
        device, ring, stream = attempt.result
        self.name, self.ring, self._stream = device.name, ring, stream
        self.line = opened(self.line, now)

    def _say(self, trouble: str) -> None:
        """Trouble while it is still being opened."""
        self.line = replace(self.line, trouble=trouble)
        self._tell(trouble)

    def _opened(self, *, afresh: bool) -> tuple[Any, Ring, Any]:
        """The device, its ring, and the stream that fills it; raises whatever PortAudio does."""
        sounddevice = portaudio()
        if afresh:
            with suppress(sounddevice.PortAudioError):  # it did not begin the last time
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
        try:
            stream.start()
        except Exception:
            stream.close()
            raise
        return device, ring, stream

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

    def _close(self) -> None:
        """Close on a thread of its own: closing blocks while a server hangs."""
        stream, self._stream = self._stream, None
        if stream is None:
            return

        thread = closing_of(stream, lambda reason: self._tell(f"closing failed ({reason})"))
        self._closing.append(thread)
        thread.start()


class _Attempt:
    """One attempt to open an input, in a thread that nobody waits for."""

    def __init__(self, work: Callable[[], tuple[Any, Ring, Any]], now: float) -> None:
        self.begun, self.told = now, False
        self.ended = False
        self.error: Exception | None = None
        self.result: Any = None
        self._work, self._wanted, self._lock = work, True, threading.Lock()
        threading.Thread(target=self._run, name="opening", daemon=True).start()

    def _run(self) -> None:
        try:
            result = self._work()
        except Exception as error:  # PortAudio's errors are of many kinds; all mean: not now
            self.error, self.ended = error, True
            return
        with self._lock:
            if self._wanted:
                self.result, self.ended = result, True
                return
        with suppress(Exception):  # nobody wants it any longer, nor how it went
            _close_now(result[2])

    def abandon(self) -> None:
        """It is not wanted any longer: it closes what it opened, now or when it comes back."""
        with self._lock:
            self._wanted, result = False, self.result
        if result is not None:
            closing_of(result[2], lambda _reason: None).start()


def closing_of(stream: Any, failed: Callable[[str], None]) -> threading.Thread:
    """A thread that closes a stream of PortAudio's, for that waits as long as a server hangs."""

    def close() -> None:
        try:
            _close_now(stream)
        except Exception as error:  # it is thrown away; say why it went badly
            failed(_reason(error))

    return threading.Thread(target=close, name="closing", daemon=True)


def _close_now(stream: Any) -> None:
    stream.abort()
    stream.close()


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

"""Sound out, where there is an output: never waited for, and never missed when it goes."""

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np

from synth.constants import RATE

from ..supervisor import Shift, Supervisor, Worker
from .devices import portaudio

PART = "output"  # what its faults go by
_AHEAD = 0.05  # seconds of sound between the song and the room
_MOST = 0.2  # seconds that may wait; older sound is dropped, for it is late
_LOOK = 0.1  # seconds
_OPENING = 10.0  # seconds that opening may take before it counts as hanging


class Speaker:
    """Plays what it is given. Without an output, or once it is lost, the song goes on silently."""

    def __init__(self) -> None:
        self._waiting: deque[np.ndarray] = deque()
        self._rest = np.zeros(0, np.float32)
        self._settled = threading.Event()  # it plays, or never will
        self._stream: Any = None
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Open the default output, in a thread of its own."""
        self._supervisor = supervisor
        self._worker = supervisor.employ(PART, self._keep)

    def stop(self) -> None:
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, 0.5)
        self._close()

    def wait(self, seconds: float, shift: Shift) -> None:
        """Until it plays or will not, or the seconds are over."""
        shift.allow(seconds + 1.0)
        end = time.monotonic() + seconds
        while not self._settled.is_set() and time.monotonic() < end and not shift.wait(0.01):
            pass

    def play(self, hop: np.ndarray) -> None:
        """Sound (n,) that is due now."""
        if self._stream is None:
            return
        self._waiting.append(hop)
        while len(self._waiting) * len(hop) > _MOST * RATE:
            self._waiting.popleft()

    def _keep(self, shift: Shift) -> None:
        if self._stream is None:
            shift.allow(_OPENING)
            self._open(shift)
            self._settled.set()
        elif not self._stream.active:
            self._supervisor.faults.tell(PART, "was lost; the song goes on silently")
            self._close()
            shift.end()
        shift.wait(_LOOK)

    def _open(self, shift: Shift) -> None:
        try:
            sounddevice = portaudio()
            if sounddevice.default.device[1] < 0:
                self._supervisor.notices.say("there is no sound output; the song plays silently")
                shift.end()
                return
            self._waiting.append(np.zeros(round(_AHEAD * RATE), np.float32))
            stream = sounddevice.OutputStream(
                samplerate=RATE, channels=1, dtype="float32", latency=_AHEAD, callback=self._fill
            )
            stream.start()
        except Exception as error:  # PortAudio's errors are of many kinds; all mean: no output
            self._supervisor.faults.tell(PART, f"no sound is played ({_reason(error)})")
            shift.end()
            return
        if shift.over:
            _closing_of(stream, lambda _reason: None).start()
            return
        self._stream = stream

    def _fill(self, block: np.ndarray, frames: int, _time: object, _status: object) -> None:
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

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            _closing_of(stream, lambda reason: self._supervisor.faults.tell(PART, reason)).start()


def _closing_of(stream: Any, failed: Callable[[str], None]) -> threading.Thread:
    """A thread that closes a stream of PortAudio's, for that waits as long as a server hangs."""

    def close() -> None:
        try:
            stream.abort()
            stream.close()
        except Exception as error:  # it is thrown away; say why it went badly
            failed(_reason(error))

    return threading.Thread(target=close, name="closing", daemon=True)


def _reason(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__

"""Sound out, where there is an output: never waited for, and never missed when it goes.

PortAudio works in a process of its own, see `playback_process`.
"""

import json
import threading
import time
from collections import deque

import numpy as np

from synth.constants import RATE

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker
from .device_process import DeviceProcess
from .messages import OPENED
from .playback_process import NO_OUTPUT

PART = "output"  # what its faults go by
_AHEAD = 0.05  # seconds of sound between the song and the room
_MOST = 0.2  # seconds that may wait; older sound is dropped, for it is late
_LOOK = 0.1  # seconds
_OPENING = 10.0  # seconds that opening may take before it counts as hanging


class Speaker:
    """Plays what it is given. Without an output, or once it is lost, the song goes on silently."""

    def __init__(self) -> None:
        self._waiting: deque[np.ndarray] = deque()
        self._news = threading.Event()
        self._opened, self._settled = threading.Event(), threading.Event()
        self._process: DeviceProcess | None = None
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Open the default output, in a thread of its own."""
        self._supervisor = supervisor
        self._worker = supervisor.employ(PART, self._keep, renew=self._give_up)

    def stop(self) -> None:
        """Be silent, and let go of the output."""
        if self._process is not None:
            self._process.kill()
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, 0.5)

    def wait(self, seconds: float, shift: Shift) -> None:
        """Until it plays or will not, or the seconds are over."""
        shift.allow(seconds + 1.0)
        end = time.monotonic() + seconds
        while not self._settled.is_set() and time.monotonic() < end and not shift.wait(0.01):
            pass

    @property
    def plays(self) -> bool:
        """Whether what it is given is heard."""
        process = self._process
        return process is not None and process.active and self._opened.is_set()

    def play(self, hop: np.ndarray) -> None:
        """Sound (n,) that is due now."""
        if not self.plays:
            return
        self._waiting.append(hop)
        while len(self._waiting) * len(hop) > _MOST * RATE:
            self._waiting.popleft()
        self._news.set()

    def _keep(self, shift: Shift) -> None:
        if self._process is None:
            self._begin(shift)
        elif not self._process.active:
            self._lose(shift, self._process.reason)
        elif not self._opened.is_set():
            shift.wait(_LOOK)
            if time.monotonic() - self._process.begun > _OPENING:
                self._process.kill()
                self._lose(shift, "the sound server does not answer")
        else:
            self._settled.set()
            self._hand_over(self._process)

    def _begin(self, shift: Shift) -> None:
        asked = json.dumps({"rate": RATE, "ahead": _AHEAD})
        try:
            self._process = DeviceProcess("live.audio.playback_process", asked, self._told)
        except Exception as error:  # descriptors, threads or memory are used up
            self._lose(shift, reason_of(error))

    def _give_up(self) -> None:
        """It takes no sound; another thread is about to find it gone."""
        if self._process is not None:
            self._process.kill()

    def _told(self, kind: bytes, _body: bytes) -> None:
        if kind == OPENED:
            self._opened.set()

    def _lose(self, shift: Shift, reason: str) -> None:
        """It will not play any more."""
        because = f" ({reason})" if reason else ""
        if reason == NO_OUTPUT:
            self._supervisor.notices.say(f"{reason}; the song plays silently")
        elif self._opened.is_set():
            self._supervisor.faults.tell(PART, f"was lost{because}; the song goes on silently")
        else:
            self._supervisor.faults.tell(PART, f"no sound is played{because}")
        self._settled.set()
        shift.end()

    def _hand_over(self, process: DeviceProcess) -> None:
        """What waits; a process that takes nothing makes this one hang, which is told."""
        self._news.wait(_LOOK)
        self._news.clear()
        while self._waiting:
            try:
                process.play(self._waiting.popleft().tobytes())
            except (OSError, ValueError):  # it is gone, which is found at the next round
                return

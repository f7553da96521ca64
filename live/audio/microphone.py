"""A sound input that fills a ring, and comes back by itself when it goes.

PortAudio works in a process of its own, see `capture_process`: one that hangs, or falls with its
sound server, is killed, and another one begun when it is gone. Nobody waits for it.
"""

import json
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker
from .device_process import DeviceProcess
from .devices import RATES, check_installed
from .messages import LOST, OPENED, SAMPLES
from .reconnect import Action, Line, Phase, looked_at, opened, refused
from .ring_buffer import Ring

PART = "capture"  # what its faults go by
_LOOK = 0.1  # seconds between two looks at the line
_OPENING = 6.0  # seconds after which an attempt to open counts as hanging,
_HANGING = 20.0  # and after which another one is made
_SILENT = "the sound server does not answer"
_STAYS = "the process that had it cannot be ended"
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
        self._asked = {
            "wanted": wanted,
            "channels": list(channels),
            "rate": rate or 0,
            "gain": gain,
        }
        self.line = Line()
        self.name = wanted or "the default input"
        self.ring = Ring(rate or RATES[0], 1)
        self.overflows = 0
        self._input: _Input | None = None
        self._leaving: DeviceProcess | None = None  # that was killed
        self._looked = 0.0
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin; UserError where sound can never be heard, for want of a library."""
        check_installed()
        self._supervisor, self._looked = supervisor, time.monotonic()
        self._worker = supervisor.employ(PART, self._keep)

    def stop(self) -> None:
        """End."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, _FAREWELL)
        self._give_up()
        if self._leaving is not None:
            self._leaving.is_gone(_FAREWELL)

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
        elif self.line.phase is Phase.OPENING and self._input is not None:
            self._await(self._input, now)
        elif self._leaving is not None and not self._leaving.is_gone():
            self._say(_STAYS, now - self._leaving.begun > _OPENING)
        else:
            self._look(now)

    def _look(self, now: float) -> None:
        active = self._input is not None and self._input.process.active
        self.line, action = looked_at(self.line, now, active=active, newest=self.ring.last_write)
        if action is Action.CLOSE:
            why = self._input.process.reason if self._input is not None and not active else ""
            self._tell(f"{self.line.trouble} ({why})" if why else self.line.trouble)
            self._give_up()
        elif action is Action.OPEN:
            try:
                self._input = _Input(json.dumps(self._asked), self._overflowed)
            except Exception as error:  # descriptors, threads or memory are used up
                self._refused(now, f"cannot be asked for ({reason_of(error)})")

    def _await(self, attempt: "_Input", now: float) -> None:
        if attempt.opened.is_set():
            self.name, self.ring = attempt.name, attempt.ring
            self.line = opened(self.line, now)
        elif not attempt.process.active:
            self._refused(now, attempt.process.reason or "the input stopped")
        elif now - attempt.process.begun > _HANGING:
            self._refused(now, _SILENT)
        else:
            self._say(_SILENT, now - attempt.process.begun > _OPENING)

    def _say(self, trouble: str, holds: bool) -> None:
        """UserError that lasts, told when it begins."""
        if holds and self.line.trouble != trouble:
            self.line = replace(self.line, trouble=trouble)
            self._tell(trouble)

    def _refused(self, now: float, trouble: str) -> None:
        """The attempt is over; one that fails as the one before is not told again."""
        self._give_up()
        if trouble != self.line.trouble:
            self._tell(trouble)
        self.line = refused(self.line, now, trouble)

    def _give_up(self) -> None:
        given_up, self._input = self._input, None
        if given_up is not None:
            given_up.process.kill()
            self._leaving = given_up.process

    def _overflowed(self, times: int) -> None:
        self.overflows += times


class _Input:
    """One attempt, and what it hears."""

    def __init__(self, asked: str, overflowed: Callable[[int], None]) -> None:
        """OSError or RuntimeError where no process can be begun."""
        self.opened = threading.Event()
        self.name, self.ring = "", Ring(RATES[0], 1)
        self._overflowed = overflowed
        self.process = DeviceProcess("live.audio.capture_process", asked, self._hear)

    def _hear(self, kind: bytes, body: bytes) -> None:
        if kind == SAMPLES:
            self.ring.write(np.frombuffer(body, np.float32)[:, None])
        elif kind == LOST:
            self._overflowed(int(json.loads(body)))
        elif kind == OPENED:
            told = json.loads(body)
            self.name, self.ring = str(told["name"]), Ring(int(told["rate"]), 1)
            self.opened.set()

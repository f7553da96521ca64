"""A sound input that fills a ring, and comes back by itself when it goes.

PortAudio works in a process of its own, see `soundprocess`: one that hangs, or falls with its sound
server, is killed, and another one begun. There is one at a time, and nobody waits for it.
"""

import json
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from synth.modules import command, environment

from ..supervisor import Shift, Supervisor, Worker
from .capture_process import FAILED, LOST, OPENED, SAMPLES, messages
from .devices import RATES, check_installed
from .reconnect import Action, Line, Phase, looked_at, opened, refused
from .ring_buffer import Ring

PART = "capture"  # what its faults go by
_LOOK = 0.1  # seconds between two looks at the line
_OPENING = 6.0  # seconds after which an attempt to open counts as hanging,
_HANGING = 20.0  # and after which another one is made
_SILENT = "the sound server does not answer"
_FAREWELL = 1.0  # seconds
_ASLEEP = 1.0  # seconds between two looks from which on it was we who were away
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # of its own, on Windows


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
        self._looked = 0.0
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Begin; Trouble where sound can never be heard, for want of a library."""
        check_installed()
        self._supervisor, self._looked = supervisor, time.monotonic()
        self._worker = supervisor.employ(PART, self._keep)

    def stop(self) -> None:
        """End."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, _FAREWELL)
        if self._input is not None:
            self._input.kill()
            self._input.is_gone(_FAREWELL)

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
        else:
            self._look(now)

    def _look(self, now: float) -> None:
        active = self._input is not None and self._input.active
        self.line, action = looked_at(self.line, now, active=active, newest=self.ring.last_write)
        if action is Action.CLOSE:
            self._tell(self.line.trouble)
            self._give_up()
        elif action is Action.OPEN:
            try:
                self._input = _Input(json.dumps(self._asked), now, self._overflowed)
            except OSError as error:
                self._refused(now, f"cannot be asked for ({error.strerror or error})")

    def _await(self, attempt: "_Input", now: float) -> None:
        if attempt.opened.is_set():
            self.name, self.ring = attempt.name, attempt.ring
            self.line = opened(self.line, now)
        elif not attempt.active:
            self._refused(now, attempt.reason)
        elif now - attempt.begun > _HANGING:
            self._refused(now, _SILENT)
        elif now - attempt.begun > _OPENING and self.line.trouble != _SILENT:
            self.line = replace(self.line, trouble=_SILENT)
            self._tell(_SILENT)

    def _refused(self, now: float, trouble: str) -> None:
        """The attempt is over; one that fails as the one before is not told again."""
        self._give_up()
        if trouble != self.line.trouble:
            self._tell(trouble)
        self.line = refused(self.line, now, trouble)

    def _give_up(self) -> None:
        given_up, self._input = self._input, None
        if given_up is not None:
            given_up.kill()

    def _overflowed(self, times: int) -> None:
        self.overflows += times


class _Input:
    """One process, and what it hears."""

    def __init__(self, asked: str, now: float, overflowed: Callable[[int], None]) -> None:
        """OSError where no process can be begun."""
        self.begun = now
        self.opened = threading.Event()
        self.name, self.ring = "", Ring(RATES[0], 1)
        self.reason = ""  # why it ended, where it said so
        self.active = True
        self._overflowed = overflowed
        self._process = subprocess.Popen(
            command("live.audio.capture_process", asked),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is meant for the show
            creationflags=_NO_WINDOW,
        )
        self._reader = threading.Thread(target=self._read, name="sound input", daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def is_gone(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for kind, body in messages(self._process.stdout):
                self._hear(kind, body)
        except Exception as error:  # whatever it was, another one is begun
            self.reason = f"{type(error).__name__}: {error}"
        finally:
            self._bury()

    def _hear(self, kind: bytes, body: bytes) -> None:
        if kind == SAMPLES:
            self.ring.write(np.frombuffer(body, np.float32)[:, None])
        elif kind == LOST:
            self._overflowed(int(json.loads(body)))
        elif kind == OPENED:
            told = json.loads(body)
            self.name, self.ring = str(told["name"]), Ring(int(told["rate"]), 1)
            self.opened.set()
        elif kind == FAILED:
            self.reason = body.decode("utf-8", "replace")

    def _bury(self) -> None:
        self._process.kill()
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"status {code}"
        self.reason = self.reason or f"the input's process ended with {how}"
        self.active = False
        for pipe in (self._process.stdout, self._process.stdin):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()

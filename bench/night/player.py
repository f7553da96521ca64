"""The show's process as the bench holds it: asked, watched, stopped and ended from outside."""

import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from .measures import Span, Usage, usage
from .venue import deaf_to_interrupts

_ANSWER = 15.0  # seconds that an answer may take
_BEGINNING = 120.0  # seconds until the first answer
_END = 60.0  # seconds from the last fade until the process is gone

Answer = dict[str, Any]


class Dead(Exception):
    """The show is no more, or answers no more."""


class Player:
    """Starts the show and ends it, whatever happens in between."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.stops: list[Span] = []  # when the whole was stopped, monotonic seconds
        self.ended: Answer | None = None  # what became of the show
        self._folder, self._environment = folder, environment
        self._answers: queue.SimpleQueue[Answer | None] = queue.SimpleQueue()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> "Player":
        with deaf_to_interrupts():
            self._process = subprocess.Popen(
                [sys.executable, "-m", "bench.night.show", str(self._folder)],
                env=os.environ | self._environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        threading.Thread(target=self._read, name="answers", daemon=True).start()
        try:
            self.ask("status", patience=_BEGINNING)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        process = self._running
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.wait()

    @property
    def _running(self) -> "subprocess.Popen[str]":
        assert self._process is not None
        return self._process

    def _read(self) -> None:
        assert self._running.stdout is not None
        for line in self._running.stdout:
            self._answers.put(json.loads(line))
        self._answers.put(None)

    def ask(self, what: str, *, patience: float = _ANSWER, **given: object) -> Answer:
        """Have something done in the show; Dead when there is no answer."""
        assert self._running.stdin is not None
        try:
            self._running.stdin.write(json.dumps({"do": what, **given}) + "\n")
            self._running.stdin.flush()
        except OSError:
            raise Dead(self._how_it_died()) from None
        answer = self._answered(patience)
        if "ended" in answer:
            self.ended = answer
            raise Dead(f"the show ended by itself ({answer['ended'] or 'nobody knows why'})")
        if "error" in answer:
            raise RuntimeError(f"{what}: {answer['error']}")
        return answer

    def _answered(self, seconds: float) -> Answer:
        try:
            answer = self._answers.get(timeout=seconds)
        except queue.Empty:
            raise Dead(f"the show did not answer for {seconds:g} s") from None
        if answer is None:
            raise Dead(self._how_it_died())
        return answer

    def _how_it_died(self) -> str:
        code = self._running.wait(10)
        how = signal.Signals(-code).name if code < 0 else f"with status {code}"
        return f"the show's process ended: {how}"

    @property
    def pid(self) -> int:
        return self._running.pid

    @property
    def usage(self) -> Usage:
        """What the process holds now."""
        try:
            return usage(self.pid, time.monotonic())
        except OSError:
            raise Dead(self._how_it_died()) from None

    def stand_still(self, seconds: float) -> None:
        """Stop the whole process so long."""
        begun = time.monotonic()
        self._running.send_signal(signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            self._running.send_signal(signal.SIGCONT)
            self.stops.append((begun, time.monotonic()))

    def end(self) -> Answer:
        """Press Escape and wait for the last fade and for every file; what became of it."""
        latest = time.monotonic() + _END
        answer = self.ask("end")
        while "ended" not in answer:
            answer = self._answered(max(0.0, latest - time.monotonic()))
        self.ended = answer
        self._running.wait(_END)
        return answer

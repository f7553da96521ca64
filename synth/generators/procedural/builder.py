"""Has the functions that draw built by another process, which ends when this one does."""

import atexit
import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO

from synth.cache import private_folder
from synth.errors import UserError
from synth.modules import command, environment

from ..compiling import Say
from .building import is_complete

_TOLD = 300  # characters of a reason
_PATIENCE = 5.0  # seconds for the thread that waits for the process to see it end

TIED = "--tied"  # the process ends when its standard input does: however this one dies, it closes
GENTLY = "--gently"


class Builder:
    """Builds what `place` lacks, once, now or behind whatever else runs."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._say: Say = lambda _notice: None
        self._begun: threading.Thread | None = None
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def begin(self, after: float = 0.0, say: Say = lambda _notice: None) -> None:
        """Build in `after` seconds; `say` is told if that fails, from a thread of its own."""
        self._say = say
        if self._begun is not None or is_complete(self._place):
            return
        self._ended = threading.Event()
        self._begun = threading.Thread(
            target=self._build_later, args=(after, self._ended), name="builder", daemon=True
        )
        atexit.register(self.end)
        self._begun.start()

    def end(self) -> None:
        """Build no more; what is whole stays."""
        self._ended.set()
        with self._lock:
            if self._process is not None:
                _kill(self._process)
        if self._begun is not None:
            self._begun.join(_PATIENCE)
            self._begun = None
            atexit.unregister(self.end)

    def complete(self) -> str:
        """Build what is missing, now; why that cannot be, or nothing."""
        return self._build([], threading.Event())

    def _build_later(self, after: float, ended: threading.Event) -> None:
        if ended.wait(after):
            return
        try:
            why = self._build([GENTLY], ended)
        except Exception as error:  # a thread that dies must not do so unheard
            why = repr(error)
        if why and not ended.is_set():
            self._say(f"procedural: its functions cannot be built ({why}); the plain ones draw")

    def _build(self, words: list[str], ended: threading.Event) -> str:
        if is_complete(self._place):
            return ""
        try:
            with self._lock:
                if ended.is_set():
                    return ""
                self._process = process = _started(self._place, words)
        except (OSError, UserError) as error:
            return str(error)
        try:
            assert process.stderr is not None
            last = _last_line(process.stderr)
            process.wait()
        finally:
            with self._lock:
                _kill(process)
                self._process = None
            _close(process)
        return (last or f"it ended with {process.returncode}") if process.returncode else ""


def _started(place: Path, words: list[str]) -> "subprocess.Popen[str]":
    """The process: nothing in the folder that the program was called in is imported or run."""
    private_folder(place)
    return subprocess.Popen(
        command(__package__, str(place), TIED, *words),
        cwd=place,
        env=environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,  # so that its compilers end with it, and Ctrl-C is for us
    )


def _kill(process: "subprocess.Popen[str]") -> None:
    """End a process and those that it began."""
    if process.poll() is not None:
        return
    with suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()


def _close(process: "subprocess.Popen[str]") -> None:
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            with suppress(OSError):
                stream.close()


def _last_line(lines: IO[str]) -> str:
    """What was said last."""
    last = ""
    for line in lines:
        last = line.strip()[:_TOLD] or last
    return last


def end_with_parent() -> None:
    """End this process and those that it began as soon as standard input is closed."""
    threading.Thread(target=_wait_for_the_end, name="parent", daemon=True).start()


def _wait_for_the_end() -> None:
    with suppress(OSError):
        while os.read(0, 1):  # not sys.stdin, whose lock would be held when the interpreter ends
            pass
    if hasattr(os, "killpg") and os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(1)

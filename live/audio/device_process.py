"""A process that has a sound device in place of the show, begun and ended."""

import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from synth.modules import command, environment

from .messages import FAILED, messages

_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # of its own, on Windows


class DeviceProcess:
    """One life of `capture_process` or `playback_process`."""

    def __init__(self, module: str, words: str, heard: Callable[[bytes, bytes], None]) -> None:
        """`heard` takes each message but failures, in a thread of its own.

        OSError or RuntimeError where no process or thread can be begun.
        """
        self.begun = time.monotonic()
        self.active = True
        self.reason = ""  # why it ended; empty where its stream just stopped
        self._heard = heard
        self._process = subprocess.Popen(
            command(module, words),
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=-1,
            start_new_session=True,  # Ctrl-C is meant for the show
            creationflags=_NO_WINDOW,
        )
        self._reader = threading.Thread(target=self._read, name="sound device", daemon=True)
        try:
            self._reader.start()
        except RuntimeError:
            self._bury()
            raise

    def play(self, data: bytes) -> None:
        """Hand over sound; waits while the process takes none. OSError where it is gone."""
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()

    def is_gone(self, seconds: float = 0.0) -> bool:
        """Whether it has ended within so many seconds."""
        self._reader.join(seconds)
        return not self._reader.is_alive()

    def _read(self) -> None:
        assert self._process.stdout is not None
        try:
            for kind, body in messages(self._process.stdout):
                if kind == FAILED:
                    self.reason = body.decode("utf-8", "replace")
                else:
                    self._heard(kind, body)
        except Exception as error:  # whatever it was, it is told as the reason
            self.reason = f"{type(error).__name__}: {error}"
        finally:
            self._bury()

    def _bury(self) -> None:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.1)  # for the reason why it ended
        self._process.kill()
        code = self._process.wait()
        how = f"signal {-code}" if code < 0 else f"status {code}"
        self.reason = self.reason or (f"its process ended with {how}" if code else "")
        self.active = False
        for pipe in (self._process.stdout, self._process.stdin):
            with suppress(OSError, ValueError):
                assert pipe is not None
                pipe.close()

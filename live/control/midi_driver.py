"""A MIDI driver in processes of its own, which are killed when it hangs and started anew.

One looks for ports and one has them open: JACK takes a tenth of a second for a look, in which the
library lets nothing else be done.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from synth.errors import UserError

_PROGRAM = Path(__file__).with_name("midi_process.py")
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # of its own, on Windows
_REAP = 0.1  # seconds in which a process that was killed is gone
_ASKED = 3.0  # seconds in which a driver is to answer at first
_MISSING = "MIDI needs mido and python-rtmidi; pip install 'latent-jockey[midi]', or use OSC"

Told = dict[str, Any]  # one line of what the process tells; see `midi_process`


class DriverFault(Exception):
    """What was asked for could not be done; the driver may still do other things."""


class DriverMissing(DriverFault):
    """There is no MIDI library."""


class DriverLost(DriverFault):
    """The process ended; all its ports are gone."""


class Link:
    """One life of the process. Threads ask one after another; any may kill."""

    def __init__(self, told: Callable[["Link", Told], object]) -> None:
        """`told` hears what controllers say, in a thread of its own; it must not raise."""
        self.lost = False
        self._told, self._asking = told, threading.Lock()
        self._answers: SimpleQueue[Told | None] = SimpleQueue()
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # sound servers' libraries write there what we tell
            creationflags=_NO_WINDOW,
        )
        self._reader = threading.Thread(target=self._read, name="MIDI driver", daemon=True)
        self._reader.start()

    def ask(self, *request: object, seconds: float | None = None) -> Any:
        """The answer to a request of `midi_process`; one that takes longer than `seconds` is lost.

        DriverFault says why there is none.
        """
        assert self._process.stdin is not None
        try:
            with self._asking:
                if not self.lost:
                    self._process.stdin.write(json.dumps(request).encode() + b"\n")
                    self._process.stdin.flush()
                answer = self._answers.get(timeout=seconds)
        except Empty as error:
            self.kill()
            raise DriverLost(f"the driver has not answered for {seconds:g} s") from error
        except (OSError, ValueError):  # it is gone; ValueError where its pipe is closed
            answer = None
        if answer is None:
            self._answers.put(None)  # for whoever asks next
            raise self.loss
        if "failed" in answer:
            raise (DriverMissing if answer["missing"] else DriverFault)(answer["failed"])
        return answer["answer"]

    @property
    def loss(self) -> DriverLost:
        """How it ended."""
        code = self._process.poll()
        how = f"signal {-code}" if code is not None and code < 0 else f"status {code}"
        return DriverLost(f"the driver's process ended with {how}")

    def kill(self) -> None:
        """End it at once; who waits for an answer is told that it is lost."""
        self.lost = True
        self._process.kill()

    def leave(self) -> None:
        """Have it end by itself: nobody asks any more."""
        self.lost = True
        with suppress(OSError, ValueError):
            assert self._process.stdin is not None
            self._process.stdin.close()

    def is_gone(self, seconds: float) -> bool:
        """Whether it has ended within so many seconds."""
        self._reader.join(max(0.0, seconds))
        return not self._reader.is_alive()

    def _read(self) -> None:
        process = self._process
        assert process.stdout is not None and process.stdin is not None
        try:
            for line in process.stdout:
                told = json.loads(line)
                if "answer" in told or "failed" in told:
                    self._answers.put(told)
                else:
                    self._told(self, told)
        except ValueError:  # it was killed in the middle of a line
            pass
        finally:
            self._bury()

    def _bury(self) -> None:
        process = self._process
        with suppress(subprocess.TimeoutExpired):
            process.wait(_REAP)  # for the reason why it ended
        self.kill()
        self._answers.put(None)
        process.wait()
        for pipe in (process.stdout, process.stdin):
            with suppress(OSError):
                assert pipe is not None
                pipe.close()


class Driver:
    """The newest links: one to look for ports, one to play; they live and die together."""

    def __init__(self, heard: Callable[[Told], object]) -> None:
        """`heard` is what controllers say; called in a thread of its own, it must not raise."""
        self._heard = heard
        self._lock = threading.Lock()
        self._links: tuple[Link, Link] | tuple[()] = ()
        self._over = False

    def links(self) -> tuple[Link, Link]:
        """To look and to play; new ones where one was lost. DriverFault where there are none."""
        with self._lock:
            if self._over:
                raise DriverLost("the driver's process is not started again")
            if not self._links or any(link.lost for link in self._links):
                self.kill()
                self._links = self._begun()
            return self._links

    def _begun(self) -> tuple[Link, Link]:
        try:
            looking = Link(self._from)
            try:
                return looking, Link(self._from)
            except OSError:
                looking.kill()
                raise
        except OSError as error:  # no memory, no file descriptors
            raise DriverFault(f"the driver's process cannot be started ({error})") from error

    def _from(self, link: Link, told: Told) -> None:
        if link in self._links:  # what a lost one still says is not heard
            self._heard(told)

    def kill(self) -> None:
        """End the processes; `links` starts others."""
        for link in self._links:
            link.kill()

    def end(self, seconds: float) -> bool:
        """End for good; whether all is gone, which may take so many seconds."""
        with self._lock:
            self._over = True
        end = time.monotonic() + seconds
        for link in self._links:
            link.leave()
        for link in self._links:
            if not link.is_gone(end - _REAP - time.monotonic()):
                link.kill()
        return all(link.is_gone(end - time.monotonic()) for link in self._links)


def driver_for(heard: Callable[[Told], object]) -> Driver:
    """A driver that has answered, or may yet; UserError where there is none."""
    if find_spec("mido") is None:
        raise UserError(_MISSING)
    if sys.platform == "linux" and not os.environ.get("MIDO_BACKEND"):
        try:
            Path("/dev/snd/seq").stat()  # saves a process that would find nothing
        except OSError as error:
            raise UserError(f"MIDI cannot be had here ({error}); use OSC") from error
    driver = Driver(heard)
    try:
        looking, _ = driver.links()
        looking.ask("hello", seconds=_ASKED)
        looking.ask("look", seconds=_ASKED)
    except DriverLost:
        pass  # it hangs, or fell; the worker tries again, and tells
    except DriverMissing as error:
        driver.end(2 * _REAP)
        raise UserError(_MISSING) from error
    except DriverFault as error:
        driver.end(2 * _REAP)
        raise UserError(f"MIDI cannot be had here ({error}); use OSC") from error
    return driver

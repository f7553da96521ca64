"""The process of a MIDI driver: it is asked on its standard input, and tells on its output.

MIDI libraries hold Python's lock while their driver hangs, and fall with it where its server falls.
In a process of its own that costs a restart and no picture. This file is run by itself and imports
nothing of the house. Lines of JSON go both ways: a request is a word and its arguments, its answer
{"answer": value} or {"failed": reason}; what a controller says comes between them as
{"heard": message, "port": name}, what had to be dropped as {"dropped": count}.
"""

import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO

HEARD = frozenset(
    {"control_change", "note_on", "note_off", "program_change", "clock"}
    | {"pitchwheel", "aftertouch", "polytouch"}
)
_LONGEST = 30  # seconds of one request; whoever asked gives up long before
_WAITING = 1024  # messages that may wait; then the oldest are dropped


class _Voice:
    """Writes in a thread of its own, for a driver's may be a sound server's and must not wait."""

    def __init__(self, output: BinaryIO) -> None:
        self._output = output
        self._answers, self._heard = deque[Any](), deque[Any](maxlen=_WAITING)
        self._dropped, self._lock = 0, threading.Lock()
        self._news = threading.Event()
        threading.Thread(target=self._write, daemon=True).start()

    def answer(self, answer: dict[str, Any]) -> None:
        self._answers.append(answer)
        self._news.set()

    def heard(self, port: str, message: Any) -> None:
        """One message, in a driver's thread: nothing raises."""
        try:
            if message.type not in HEARD:
                return
            self._keep({"heard": message.dict(), "port": port})
        except Exception as error:  # whatever a driver hands over
            self._keep({"lost": _reason_of(error), "port": port})

    def _keep(self, told: dict[str, Any]) -> None:
        with self._lock:
            self._dropped += len(self._heard) == _WAITING
            self._heard.append(told)
        self._news.set()

    def _write(self) -> None:
        while True:
            self._news.wait()
            self._news.clear()
            while self._answers or self._heard:
                self._say((self._answers or self._heard).popleft())
            with self._lock:
                dropped, self._dropped = self._dropped, 0
            if dropped:
                self._say({"dropped": dropped})

    def _say(self, told: dict[str, Any]) -> None:
        try:
            self._output.write(json.dumps(told).encode() + b"\n")
        except OSError:  # nobody listens any more
            os._exit(0)


class _Ports:
    """What may be asked for."""

    def __init__(self, voice: _Voice) -> None:
        self._voice = voice
        self._inputs: dict[str, Any] = {}
        self._outputs: dict[str, Any] = {}
        self.requests: dict[str, Callable[..., object]] = {
            "hello": self.hello,
            "look": self.look,
            "open": self.open,
            "lights": self.lights,
            "send": self.send,
            "close": self.close,
        }

    def hello(self) -> None:
        """Load the library."""
        import mido

        mido.backend.load()

    def look(self) -> tuple[list[str], list[str]]:
        """Names of all inputs and outputs."""
        import mido

        return mido.get_input_names(), mido.get_output_names()

    def open(self, name: str) -> None:
        """Hear an input."""
        import mido

        self.close(name)
        self._inputs[name] = mido.open_input(name, callback=lambda m: self._voice.heard(name, m))

    def lights(self, name: str) -> None:
        """Open an output."""
        import mido

        self._end(self._outputs, name)
        self._outputs[name] = mido.open_output(name)

    def send(self, name: str, messages: list[dict[str, Any]]) -> None:
        """Send messages to an output."""
        import mido

        for message in messages:
            self._outputs[name].send(mido.Message(**message))

    def close(self, name: str, output: str = "") -> None:
        """Close an input, and the output of its lights."""
        self._end(self._inputs, name)
        self._end(self._outputs, output)

    def _end(self, ports: dict[str, Any], name: str) -> None:
        port = ports.pop(name, None)
        if port is not None:
            port.close()


def _reason_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _own_output() -> BinaryIO:
    """Standard output for ourselves alone: sound servers' libraries write there as well."""
    own = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return own


def _end_in(seconds: int) -> None:
    """Have the system end this process then; 0 for not.

    A show that is killed while its driver hangs cannot end it, and no thread here could either.
    """
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


def main(longest: int = _LONGEST) -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is meant for the show
    voice = _Voice(_own_output())
    ports = _Ports(voice)
    for line in sys.stdin.buffer:
        word, *arguments = json.loads(line)
        _end_in(longest)
        try:
            voice.answer({"answer": ports.requests[word](*arguments)})
        except Exception as error:  # drivers fail in many ways
            missing = isinstance(error, ImportError)
            voice.answer({"failed": _reason_of(error), "missing": missing})
        _end_in(0)
    os._exit(0)  # a driver could hang in closing


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""Everything around the show: a screen, sound, controllers, a disk that is too small, ports."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType

import numpy as np

from demo.compose import compose, write
from synth.audio_file import hops_of
from synth.constants import HOP, RATE
from synth.latents.bank import Keyframe, save_bank
from synth.latents.latent import Latent
from tests.stage import SoundServer, as_s16, virtual_display

from .show import TITLE

LOOK = "reef"  # the shipped preset that the show begins with
CUES = ("first light", "second light", "third light", "last light")
_SMALL = "320k"  # of the disk that is soon full
_JACK = "ljnight"
_LATE = 0.1  # seconds of music that nobody took in time; they are not caught up


class Music:
    """Plays the demo song into a sound server for ever, also into one that was started again."""

    def __init__(self, server: SoundServer, song: np.ndarray) -> None:
        self._server, self._stop = server, threading.Event()
        whole = len(song) // HOP * HOP
        self._hops = np.repeat(as_s16(song[:whole]), 2).reshape(-1, 2 * HOP)
        self._next = 0
        self._thread = threading.Thread(target=self._play, name="music", daemon=True)

    def _play(self) -> None:
        while not self._stop.wait(0.05):
            with suppress(OSError):  # the server is gone, or not there yet
                end = os.open(self._server.fifo, os.O_WRONLY | os.O_NONBLOCK)
                with os.fdopen(end, "wb", buffering=0) as pipe:
                    self._feed(pipe.fileno())

    def _feed(self, pipe: int) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due, time.monotonic() - _LATE)
            time.sleep(max(0.0, due - time.monotonic()))
            with suppress(BlockingIOError):  # a server that stands still misses the music
                os.write(pipe, self._hops[self._next].tobytes())
            self._next = (self._next + 1) % len(self._hops)
            due += HOP / RATE

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(2.0)


class Helper:
    """A process beside the show that can be taken away and brought back."""

    def __init__(self, command: Sequence[str], environment: dict[str, str]) -> None:
        self._command, self._environment = command, environment
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with deaf_to_interrupts():
            self._process = subprocess.Popen(
                self._command,
                env=os.environ | self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()


class Venue:
    """Opened before the show and closed after it, whatever happens in between."""

    def __init__(self, folder: Path, *, midi: bool = True) -> None:
        self.folder, self._wants_midi = folder, midi
        self.look, self.bank = folder / "look.toml", folder / "cues.ljbank"
        self.server = SoundServer(folder)
        self.osc, self.http = free_ports(2)
        self.small: Path | None = None
        self.has_midi = False
        self.missing: list[str] = []  # what is not here, in words
        self.environment: dict[str, str] = {}
        self.jack, self.controller = self._midi()
        self._stack = ExitStack()

    def _midi(self) -> tuple[Helper, Helper]:
        jack = {
            "JACK_DEFAULT_SERVER": _JACK,
            "JACK_NO_START_SERVER": "1",
            "MIDO_BACKEND": "mido.backends.rtmidi/UNIX_JACK",
        }
        server = ["jackd", "--no-realtime", "-n", _JACK, "-d", "dummy", "-r", "44100", "-p", "1024"]
        hand = [sys.executable, "-m", "bench.night.controller"]
        return Helper(server, jack), Helper(hand, jack)

    def __enter__(self) -> "Venue":
        with ExitStack() as stack:
            self._open(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def _open(self, stack: ExitStack) -> None:
        song = self.folder / "song.wav"
        write(song, compose())
        self.write_look()
        save_bank(self.bank, [_keyframe(k) for k in range(len(CUES))], _MADE_FOR)
        with deaf_to_interrupts():
            display = stack.enter_context(virtual_display())
            stack.callback(self.server.stop)
            self.server.start()
        stack.enter_context(Music(self.server, np.concatenate(list(hops_of(song)))))
        self.small = stack.enter_context(small_disk(self.folder / "small"))
        if self.small is None:
            self.missing.append("a disk that is full is a double: no file system may be mounted")
        caches = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        self.environment = self.server.environment | {
            "DISPLAY": display,
            "PULSE_SOURCE": "pipe",
            "XDG_CACHE_HOME": caches,  # compiled code need not be compiled again
        }
        self.has_midi = self._open_midi(stack)
        given = {
            "osc": self.osc,
            "http": self.http,
            "midi": self.has_midi,
            "small": str(self.small or ""),
        }
        (self.folder / "given.json").write_text(json.dumps(given), "utf-8")

    def _open_midi(self, stack: ExitStack) -> bool:
        if not self._wants_midi or shutil.which("jackd") is None:
            why = "jackd is missing" if self._wants_midi else "it was left out by hand"
            self.missing.append(f"no MIDI: {why}")
            return False
        stack.callback(self.kill_midi)
        self.start_midi()
        time.sleep(1.0)
        if not (self.jack.runs and self.controller.runs):
            self.missing.append("no MIDI: there is no JACK server, or no python-rtmidi")
            return False
        self.environment |= self.jack._environment
        return True

    def start_midi(self) -> None:
        """A server, and a controller that waits for it."""
        self.jack.start()
        self.controller.start()

    def kill_midi(self) -> None:
        for helper in (self.controller, self.jack):
            helper.kill()

    def write_look(self, text: str | None = None) -> None:
        """Save the preset's file as an editor does; as it was where no text is given."""
        folder = Path(__file__).parents[2] / "presets"
        whole = (folder / f"{LOOK}.toml").read_text("utf-8")
        working = self.look.with_name(".look.writing")
        working.write_text(whole if text is None else text, "utf-8")
        working.replace(self.look)

    def resize(self, width: int, height: int) -> None:
        """Bring the show's window to a size, as a hand with a mouse does."""
        screen = {"DISPLAY": self.environment["DISPLAY"]}
        command = ["xdotool", "search", "--name", TITLE, "windowsize", str(width), str(height)]
        subprocess.run(command, env=os.environ | screen, check=True, timeout=10)


_MADE_FOR = {"generator": "procedural", "weights": ""}


def _keyframe(number: int) -> Keyframe:
    stream = np.random.RandomState(number)
    noise, embedding = (stream.standard_normal(128).astype(np.float32) * 0.5 for _ in range(2))
    picture = np.zeros((8, 8, 3), np.uint8)
    return Keyframe(
        CUES[number], 10.0 * number, 5.0, 0.3, 0.2, Latent(noise, embedding, 0.5), picture
    )


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A file system of its own that is soon full; None where it may not be had."""
    place.mkdir()
    size = ["-t", "tmpfs", "-o", f"size={_SMALL}", "none", str(place)]
    try:
        subprocess.run(["mount", *size], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=False, capture_output=True)


@contextmanager
def deaf_to_interrupts() -> Iterator[None]:
    """What is started meanwhile does not hear Ctrl-C: whoever started it ends it, in order."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def private_folder() -> Iterator[Path]:
    """Somewhere that only we may read, as sound servers want it."""
    with tempfile.TemporaryDirectory(prefix="lj-night-") as name:
        folder = Path(name)
        folder.chmod(0o700)
        yield folder


def free_ports(count: int) -> list[int]:
    """Ports of this machine on which nobody listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]

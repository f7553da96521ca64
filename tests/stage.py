"""A real sound server and a real screen, without a sound card or a monitor."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

_NEEDED = "; `make test` installs it where it may, else: apt-get install "


class SoundServer:
    """PulseAudio in a folder of its own, with a null sink and a source that is a FIFO."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.fifo = folder / "fifo"
        self.environment = {
            "XDG_RUNTIME_DIR": str(folder),
            "HOME": str(folder),
            "PULSE_RUNTIME_PATH": str(folder / "pulse"),
            "PULSE_STATE_PATH": str(folder / "state"),
            "PULSE_SERVER": f"unix:{folder}/native",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        modules = (
            f"module-native-protocol-unix socket={self.folder}/native auth-anonymous=1",
            f"module-pipe-source source_name=pipe file={self.fifo} "
            "format=s16le rate=44100 channels=2",
            "module-null-sink sink_name=vj norewinds=1 rate=44100 channels=2 format=s16le",
            "module-always-sink",
        )
        command = ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1"]
        command += ["--use-pid-file=no", "--disable-shm=yes", "--log-level=error"]
        command += [word for module in modules for word in ("-L", module)]
        self._process = subprocess.Popen(
            command,
            env=os.environ | self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        until(lambda: (self.folder / "native").exists() and self.fifo.exists(), "PulseAudio", 10)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()
        for left in ("native", "fifo"):  # a new server wants neither
            (self.folder / left).unlink(missing_ok=True)

    def pause(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self.resume()
            self._process.terminate()
            self._process.wait(10)


def as_s16(mono: np.ndarray) -> np.ndarray:
    return np.round(mono.clip(-1, 1) * 32767).astype("<i2")


def feed(fifo: Path, mono: np.ndarray, go_on: Callable[[int], bool]) -> None:
    """Write mono float32 into the pipe source as s16 stereo, which takes it as fast as it can.

    Before each block `go_on` is asked, with the number of samples that were written.
    """
    pcm = np.repeat(as_s16(mono), 2).tobytes()
    end = os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)  # an error where nobody reads
    os.set_blocking(end, True)
    with os.fdopen(end, "wb", buffering=0) as pipe:
        for begin in range(0, len(pcm), 4096):
            if not go_on(begin // 4):
                return
            pipe.write(pcm[begin : begin + 4096])


class Feeder:
    """Feeds noise for ever, also to a server that was started again."""

    def __init__(self, server: SoundServer) -> None:
        self._server, self._stop = server, threading.Event()
        self._thread = threading.Thread(target=self._feed, daemon=True)

    def _feed(self) -> None:
        noise = (np.random.RandomState(0).standard_normal(44100) * 0.1).astype(np.float32)
        while not self._stop.is_set():
            try:
                feed(self._server.fifo, noise, lambda _: not self._stop.is_set())
            except OSError:
                time.sleep(0.05)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stop.set()


def until(true: object, what: str, seconds: float) -> None:
    """Wait until a condition holds, or fail with what did not come."""
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


@pytest.fixture
def sound_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SoundServer]:
    assert shutil.which("pulseaudio"), "pulseaudio is missing" + _NEEDED + "pulseaudio"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o700)
        server = SoundServer(folder)
        for key, value in server.environment.items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("PULSE_SOURCE", "pipe")
        import sounddevice

        try:
            server.start()
            _leave_portaudio_alone()
            with suppress(sounddevice.PortAudioError):  # a test may have left it terminated
                sounddevice._terminate()
            sounddevice._initialize()
            yield server
        finally:
            server.stop()
            _leave_portaudio_alone()


def _leave_portaudio_alone() -> None:
    """Wait for attempts of an earlier show: PortAudio bears one caller at a time."""
    for thread in threading.enumerate():
        if thread.name in ("opening", "closing"):
            thread.join(30)


@contextmanager
def virtual_display() -> Iterator[str]:
    """The name of a virtual screen of 1280x720, which is the one to use meanwhile."""
    assert shutil.which("Xvfb"), "Xvfb is missing" + _NEEDED + "xvfb"
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "1280x720x24"]
    server = subprocess.Popen(
        [*command, "-nolisten", "tcp", "-noreset"],
        pass_fds=[write],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    with os.fdopen(read) as told:
        name = ":" + told.readline().strip()
    before = os.environ.get("DISPLAY")
    os.environ["DISPLAY"] = name
    try:
        yield name
    finally:
        if before is None:
            del os.environ["DISPLAY"]
        else:
            os.environ["DISPLAY"] = before
        server.terminate()
        server.wait(10)


@pytest.fixture(scope="session")
def display() -> Iterator[str]:
    """The name of a virtual screen."""
    with virtual_display() as name:
        yield name

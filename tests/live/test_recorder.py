"""Films of a show: what a crash leaves, and whether sound and picture stand where they belong."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from live.audio.file_player import Playback
from live.engine.analysis_thread import AnalysisThread
from live.output.recorder import Recorder
from live.supervisor import Shift
from render.timeline import latents_of
from synth.audio_file import hops_of
from synth.constants import HOP, RATE
from synth.engine import Engine
from synth.errors import UserError
from synth.files import OwnFile
from synth.latents.latent import Latent
from synth.session import Replay, SessionWriter, load_session
from synth.settings.knobs import Knobs
from tests import sounds
from tests.doubles import Lamp

SECONDS = 6.0
HOPS = int(SECONDS * RATE / HOP)
KINDS = ("noisy", "still", "silent", "frozen", "late", "never")


def grey(level: int, width: int = 64, height: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def played(recorder: Recorder, kind: str, hops: int = HOPS) -> None:
    """A show in which pictures come, or do not, in one of several ways."""
    random = np.random.RandomState(0)
    for hop in range(1, hops + 1):
        sound = 0.0 if kind == "silent" else 0.1 * random.standard_normal(HOP)
        recorder.hop(np.full(HOP, sound, np.float32))
        shown = random.randint(0, 256, (64, 64, 3)).astype(np.uint8)
        comes = {"frozen": hop == 9, "late": hop == hops // 2, "never": False}
        if comes.get(kind, hop % 3 == 0):
            recorder.frame(shown if kind == "noisy" else grey(100), 1.0, hop * HOP / RATE)


def pictures(film: Path) -> list[tuple[float, np.ndarray]]:
    with av.open(film) as file:
        return [(float(f.time), f.to_ndarray(format="rgb24")) for f in file.decode(video=0)]


def sound(film: Path) -> np.ndarray:
    with av.open(film) as file:
        return np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with films of each kind, by a process that was killed behind the last hop."""
    folder = tmp_path_factory.mktemp("killed")
    code = (
        "import os, pathlib, signal; from live.output.recorder import Recorder\n"
        "from tests.live.test_recorder import KINDS, played\n"
        f"films = [(k, Recorder(pathlib.Path({str(folder)!r}, k + '.mp4'), (64, 64)))"
        " for k in KINDS]\n"
        "for kind, film in films: played(film, kind)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False)
    assert ran.returncode == -signal.SIGKILL
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_a_killed_show_leaves_all_but_its_last_two_seconds(kind: str, killed: Path) -> None:
    film = killed / f"{kind}.mp4"
    assert pictures(film)[-1][0] > SECONDS - 2
    assert len(sound(film)) / RATE > SECONDS - 2


def test_a_picture_stands_where_a_render_of_the_same_performance_has_it(tmp_path: Path) -> None:
    """Every picture's grey is the number of its hop, as the show counts hops."""
    song = sounds.struck(sounds.kick(), [0.5, 1.0, 1.5, 2.0], 3.0) + sounds.chord((57, 64), 3.0)
    knobs, lamp = Knobs(), Lamp()
    film = Recorder(tmp_path / "a.mp4", (64, 64))
    log = SessionWriter(tmp_path / "a.ljlog", {}, knobs)
    played: list[Latent] = []
    shift = Shift(time.monotonic)

    def after_hop(samples: np.ndarray, latent: Latent) -> None:
        film.hop(samples)
        log.hop(samples)
        played.append(latent)

    source = Playback(sounds.write_wav(tmp_path / "song.wav", song), aloud=False)
    analysis = AnalysisThread(source, Engine(knobs, lamp.embed), after_hop=after_hop)
    for number, samples in enumerate(sounds.hops(song), 1):
        analysis._hear(samples, 0.0, shift)
        moment = analysis.moments.take(0.0)
        assert moment is not None
        film.frame(grey(number % 25 * 10), 1.0, moment.hop * HOP / RATE)
    film.close()
    log.close()

    session = load_session(log.path)
    replay = Replay(session, lamp.embed)
    again = latents_of(hops_of(session.sound), replay, Fraction(30))
    noise = np.stack([latent.noise.astype(float) for latent in played])
    steps = np.linalg.norm(np.diff(noise, axis=0), axis=1)
    shown = pictures(film.path)
    assert len(shown) > 85
    counted = []
    for (_, picture), latent in list(zip(shown, again, strict=False))[3:]:
        away = np.linalg.norm(noise - latent.noise, axis=1)
        detour = away[:-1] + away[1:] - steps  # by way of this latent, from each hop to the next
        hops = np.flatnonzero(detour < detour.min() + 0.05 * steps) + 1  # two where they meet
        assert round(picture.mean() / 10) in hops % 25
        counted.append(len(hops))
    assert np.mean(counted) < 1.2


def test_sound_and_pictures_coincide(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", (64, 64))
    for number, samples in enumerate(sounds.hops(sounds.struck(sounds.click(), [1.0], 2.0)), 1):
        recorder.hop(samples)
        seconds = number * HOP / RATE
        recorder.frame(grey(200 if seconds >= 1.0 else 0), 1.0, seconds)
    recorder.close()
    flash = next(time for time, picture in pictures(recorder.path) if picture.mean() > 100)
    strike = np.flatnonzero(np.abs(sound(recorder.path)) > 0.1)[0] / RATE
    assert strike == pytest.approx(1.0, abs=0.01)
    assert flash == pytest.approx(strike, abs=1 / 30)


@pytest.mark.parametrize("size", [(1, 1), (15, 9), (33, 17), (301, 64)])
def test_every_size_can_be_recorded(size: tuple[int, int], tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", size)
    for hop in range(1, 101):
        recorder.hop(np.zeros(HOP, np.float32))
        recorder.frame(grey(150, *size), 1.0, hop * HOP / RATE)
    recorder.close()
    _, last = pictures(recorder.path)[-1]
    assert last.shape[1] >= size[0] - 1
    assert last.shape[0] >= size[1] - 1
    assert last[last.shape[0] // 2, last.shape[1] // 2].mean() == pytest.approx(150, abs=5)


def test_pictures_may_change_their_size_and_keep_their_shape(tmp_path: Path) -> None:
    """A wide generator gives way to a square one, and that to a coarser one."""
    recorder = Recorder(tmp_path / "a.mp4", (128, 64))
    sizes = {20: (128, 64), 40: (64, 64), 60: (32, 32), 80: (2000, 10)}
    for hop in range(1, 121):
        recorder.hop(np.zeros(HOP, np.float32))
        if hop in sizes:
            recorder.frame(grey(200, *sizes[hop]), 1.0, hop * HOP / RATE)
    recorder.close()
    shown = dict(pictures(recorder.path))
    whole, square, coarse, strip = (
        np.argwhere(shown[min(shown, key=lambda t: abs(t - hop * HOP / RATE))].mean(2) > 100)
        for hop in (30, 50, 70, 100)
    )
    for lit, (height, width) in ((whole, (64, 128)), (square, (64, 64)), (coarse, (64, 64))):
        assert np.ptp(lit, axis=0) + 1 == pytest.approx((height, width), abs=2)
    assert np.ptp(strip[:, 1]) + 1 == pytest.approx(128, abs=2)


@pytest.mark.parametrize("broken", [np.nan, np.inf, -np.inf, 3e38])
def test_sound_that_is_none_does_not_end_the_film(broken: float, tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mp4", (64, 64))
    for hop in range(1, 101):
        recorder.hop(np.full(HOP, broken if hop == 50 else 0.0, np.float32))
    recorder.close()
    assert len(sound(recorder.path)) / RATE == pytest.approx(100 * HOP / RATE, abs=0.05)


def test_a_film_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.mp4: cannot be written"):
        Recorder(tmp_path / "a.mp4", (100_000, 100_000))
    with pytest.raises(UserError, match="cannot be written"):
        Recorder(Path("/proc/a.mp4"), (64, 64))  # where nobody may write, root neither
    assert list(tmp_path.iterdir()) == []


def test_a_show_that_did_not_begin_leaves_no_film_and_one_that_did_keeps_it(
    tmp_path: Path,
) -> None:
    recorder = Recorder(tmp_path / "a.mp4", (64, 64))
    assert recorder.path.exists()
    recorder.discard()
    Recorder(tmp_path / "a.mp4", (64, 64)).close()
    assert list(tmp_path.iterdir()) == []
    recorder = Recorder(tmp_path / "a.mp4", (64, 64))
    played(recorder, "still", 100)
    recorder.discard()
    recorder.close()
    assert len(pictures(recorder.path)) > 30


def test_a_full_disk_leaves_what_was_written_before(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's."""
    film = tmp_path / "a.mp4"
    code = (
        "import pathlib, resource, signal; from live.output.recorder import Recorder\n"
        "from tests.live.test_recorder import played\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))\n"
        f"film = Recorder(pathlib.Path({str(film)!r}), (64, 64))\n"
        "try: played(film, 'noisy')\n"
        "finally:\n"
        "    try: film.close()\n"
        "    finally: print(*[p.resolve() for p in pathlib.Path('/proc/self/fd').iterdir()])"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "OSError: [Errno 27] File too large" in ran.stderr
    assert "a.mp4" not in ran.stdout  # or a full disk would never have its room back
    with av.open(film) as file:
        decoded = [frame for packet in file.demux(audio=0) for frame in _decoded(packet)]
    assert len(decoded) > 43


def _decoded(packet: av.Packet) -> list[av.AudioFrame]:
    try:
        return list(packet.decode())  # type: ignore[arg-type]
    except av.InvalidDataError:
        return []  # cut off by the disk's end


def test_a_disk_that_hangs_in_closing_stops_no_other_thread(tmp_path: Path) -> None:
    """A pipe that nobody reads stands for it."""
    pipe = tmp_path / "a.mp4"
    recorder = Recorder(pipe, (64, 64))
    recorder.hop(np.zeros(HOP, np.float32))
    recorder._disk.close()
    pipe.unlink()
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    OwnFile.__init__(recorder._disk, pipe)

    def close() -> None:
        with suppress(OSError, av.FFmpegError):  # a pipe cannot be sought in
            recorder.close()

    closing = threading.Thread(target=close, daemon=True)
    closing.start()
    closing.join(1.0)
    assert closing.is_alive()  # and this thread goes on
    os.close(writer)
    while closing.is_alive():
        with suppress(BlockingIOError):
            os.read(reader, 1 << 16)
    os.close(reader)

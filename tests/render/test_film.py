import itertools
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from render.film import Film, rate_of, size_of
from render.song import Job, render
from synth.errors import UserError
from synth.settings.knobs import Knobs, Look, Steer
from tests import sounds
from tests.doubles import Lamp

RED, GREEN, GREY = (255, 0, 0), (0, 200, 0), (128, 128, 128)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return sounds.write_wav(tmp_path / "song.wav", sounds.chord((60, 64, 67), 2))


def flat(colour: tuple[int, int, int], side: int = 64) -> np.ndarray:
    return np.tile(np.array(colour, np.uint8), (side, side, 1))


def shoot(path: Path, song: Path, pictures: Iterable[np.ndarray], **settings: object) -> Path:
    chosen: dict[str, object] = {"size": (64, 64), "fps": Fraction(30)} | settings
    with Film(path, song=song, **chosen) as film:  # type: ignore[arg-type]
        for picture in pictures:
            film.frame(picture)
    return path


def watched(path: Path) -> list[np.ndarray]:
    with av.open(path) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


def listened(path: Path) -> np.ndarray:
    with av.open(path) as file:
        resampler = av.AudioResampler(format="flt", layout="mono", rate=sounds.RATE)
        frames = [b for f in file.decode(audio=0) for b in resampler.resample(f)]
        return np.concatenate([b.to_ndarray()[0] for b in [*frames, *resampler.resample(None)]])


def test_a_film_is_h264_and_aac_tagged_as_bt709(song: Path, tmp_path: Path) -> None:
    film = shoot(tmp_path / "a.mp4", song, [flat(GREY)] * 60)
    with av.open(film) as file:
        picture, sound = file.streams.video[0], file.streams.audio[0]
        assert picture.codec_context.name == "h264"
        assert picture.codec_context.pix_fmt == "yuv420p"
        assert sound.codec_context.name == "aac"
        context = picture.codec_context
        assert (context.color_primaries, context.color_trc, context.colorspace) == (1, 1, 1)
        assert context.color_range == 1
        assert picture.average_rate == 30
        assert picture.frames == 60
        assert float(picture.duration * picture.time_base) == pytest.approx(2.0)


@pytest.mark.parametrize("colour", [RED, GREEN, GREY, (250, 240, 20)])
def test_colours_come_back_as_they_went_in(
    colour: tuple[int, int, int], song: Path, tmp_path: Path
) -> None:
    film = shoot(tmp_path / "a.mp4", song, [flat(colour)] * 5, quality="best")
    assert np.abs(watched(film)[2][32, 32].astype(int) - colour).max() <= 4


def test_red_is_encoded_by_the_bt709_matrix(song: Path, tmp_path: Path) -> None:
    film = shoot(tmp_path / "a.mp4", song, [flat(RED)] * 5, quality="best")
    with av.open(film) as file:
        planes = next(file.decode(video=0)).to_ndarray()
    assert planes[10, 10] == pytest.approx(63, abs=2)  # BT.601 would give 81


def test_the_index_stands_before_the_data(song: Path, tmp_path: Path) -> None:
    content = shoot(tmp_path / "a.mp4", song, [flat(GREY)] * 5).read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")


@pytest.mark.parametrize("fps", ["24", "30", "60", "30000/1001"])
def test_frame_rates_are_exact_and_constant(fps: str, song: Path, tmp_path: Path) -> None:
    film = shoot(tmp_path / "a.mp4", song, [flat(GREY)] * 30, fps=rate_of(fps))
    with av.open(film) as file:
        stream = file.streams.video[0]
        assert stream.average_rate == Fraction(fps)
        times = [frame.pts * frame.time_base for frame in file.decode(stream)]
    assert {b - a for a, b in itertools.pairwise(times)} == {1 / Fraction(fps)}
    assert times[0] == 0


@pytest.mark.parametrize(("suffix", "codec"), [("mp3", "mp3"), ("m4a", "aac"), ("flac", "flac")])
def test_sound_is_copied_where_mp4_allows(suffix: str, codec: str, tmp_path: Path) -> None:
    song = sounds.encode(tmp_path / f"song.{suffix}", sounds.chord((60, 64), 2))
    with Film(tmp_path / "a.mp4", size=(64, 64), fps=Fraction(30), song=song) as film:
        for _ in range(60):
            film.frame(flat(GREY))
    assert film.sound_copied
    with av.open(film.path) as made, av.open(song) as source:
        assert made.streams.audio[0].codec.canonical_name == codec
        copied = [bytes(p) for p in made.demux(audio=0) if p.size]
        original = [bytes(p) for p in source.demux(audio=0) if p.size]
    assert copied == original[: len(copied)]


@pytest.mark.parametrize("suffix", ["wav", "ogg"])
def test_other_sound_becomes_aac(suffix: str, tmp_path: Path) -> None:
    song = sounds.encode(tmp_path / f"song.{suffix}", sounds.chord((60, 64), 2))
    film = shoot(tmp_path / "a.mp4", song, [flat(GREY)] * 60)
    with av.open(film) as file:
        assert file.streams.audio[0].codec_context.name == "aac"
    assert np.abs(listened(film)).max() > 0.1


CLICKS = [1.0, 2.0, 3.0]
KNOBS = Knobs(
    steer=Steer(kick=1.0, drift=0.0, tempo_sensitivity=0.0, smoothing=0.0, classes=tuple(range(12)))
)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30), Fraction(60)])
@pytest.mark.parametrize("suffix", ["wav", "mp3", "m4a", "opus"])
def test_clicks_in_flashes_out(suffix: str, fps: Fraction, tmp_path: Path) -> None:
    """A click flashes within one frame of where the film's own sound has it."""
    song = sounds.encode(tmp_path / f"c.{suffix}", sounds.struck(sounds.click(), CLICKS, 4.0))
    film = tmp_path / "film.mp4"
    render(Job(song, film, (64, 64), fps), Lamp(), KNOBS, lambda done, total: None)
    light = np.array([frame.mean() for frame in watched(film)])
    sound = np.abs(listened(film))
    for click in CLICKS:
        around = slice(int((click - 0.2) * sounds.RATE), int((click + 0.2) * sounds.RATE))
        heard = click - 0.2 + float(np.argmax(sound[around] > 0.15)) / sounds.RATE
        first = int((click - 0.2) * fps)
        seen = first + int(np.argmax(light[first : first + int(0.4 * fps)] > 8))
        assert heard == pytest.approx(click, abs=0.01)
        assert abs(seen / float(fps) - heard) <= 1 / float(fps) + 1e-6
        assert light[seen : seen + 3].max() > 20


def test_an_excerpt_has_the_excerpt_of_the_sound(tmp_path: Path) -> None:
    song = sounds.encode(tmp_path / "c.mp3", sounds.struck(sounds.click(), CLICKS, 4.0))
    film = tmp_path / "film.mp4"
    job = Job(song, film, (64, 64), Fraction(30), start=1.5, duration=1.0)
    outcome = render(job, Lamp(), KNOBS, lambda done, total: None)
    assert outcome.frames == 30
    sound = listened(film)
    assert float(np.argmax(np.abs(sound) > 0.15)) / sounds.RATE == pytest.approx(0.5, abs=0.005)
    assert len(sound) / sounds.RATE == pytest.approx(1.0, abs=0.1)


def test_a_start_after_the_end_is_refused(song: Path, tmp_path: Path) -> None:
    job = Job(song, tmp_path / "a.mp4", (64, 64), Fraction(30), start=99)
    with pytest.raises(UserError, match="ends before 99 s; use an earlier --start"):
        render(job, Lamp(), Knobs(), lambda done, total: None)
    assert list(tmp_path.glob("*.mp4")) == []


def test_the_name_appears_only_when_the_film_is_whole(song: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with Film(path, size=(64, 64), fps=Fraction(30), song=song) as film:
        film.frame(flat(GREY))
        assert not path.exists()
    assert path.exists()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "song.wav"]


def test_a_failure_leaves_the_old_film_and_no_rubbish(song: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("yesterday's film")

    def broken() -> Iterable[np.ndarray]:
        yield flat(GREY)
        raise RuntimeError("the generator broke")

    with pytest.raises(RuntimeError, match="the generator broke"):
        shoot(path, song, broken())
    assert path.read_text() == "yesterday's film"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.mp4", "song.wav"]


def test_ctrl_c_keeps_what_was_done_beside_the_old_film(song: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    path.write_text("yesterday's film")

    def stopped(done: int, total: int | None) -> None:
        if done >= 20:
            raise KeyboardInterrupt

    outcome = render(Job(song, path, (64, 64), Fraction(30)), Lamp(), Knobs(), stopped)
    assert not outcome.whole
    assert outcome.film == tmp_path / "a.partial.mp4"
    assert len(watched(outcome.film)) == outcome.frames == 20
    assert len(listened(outcome.film)) > 0
    assert path.read_text() == "yesterday's film"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("a.mkv", "a film's name ends in .mp4"),
        ("nowhere/a.mp4", "the folder .* does not exist"),
        ("folder.mp4", "is a folder"),
        ("song.mp4", "is the song itself"),
    ],
)
def test_a_place_that_cannot_be_written_is_named(name: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "folder.mp4").mkdir()
    song = sounds.encode(tmp_path / "song.m4a", sounds.tone(440, 1))
    song = song.rename(tmp_path / "song.mp4")
    with pytest.raises(UserError, match=says):
        Film(tmp_path / name, size=(64, 64), fps=Fraction(30), song=song)


def _full_disk_after(bytes_allowed: int) -> None:
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_allowed, bytes_allowed))


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    """A limit on the file's size stands in for the disk: the same failing write."""
    song = sounds.write_wav(tmp_path / "song.wav", sounds.noise(20, 0.2))
    words = ["--size", "128", "--duration", "20", "--fps", "10", "-q"]
    ran = subprocess.run(
        [sys.executable, "-m", "lj", "render", str(song), "-o", str(tmp_path / "a.mp4"), *words],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: _full_disk_after(100_000),
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert ran.returncode == 1
    assert "cannot be written (File too large)" in ran.stderr
    assert len(ran.stderr.strip().splitlines()) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["song.wav"]


@pytest.mark.parametrize("size", [(65, 64), (64, 63), (0, 64), (10000, 64), (2, 2)])
def test_sizes_that_no_player_shows_are_refused(size: tuple[int, int], song: Path) -> None:
    with pytest.raises(UserError, match="use even numbers from 16 to 8192"):
        Film(song.with_name("a.mp4"), size=size, fps=Fraction(30), song=song)


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("24", Fraction(24)),
        ("29.97", Fraction(30000, 1001)),
        ("30000/1001", Fraction(30000, 1001)),
        ("59.94", Fraction(60000, 1001)),
        ("23.976", Fraction(24000, 1001)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_frame_rates_are_read_as_they_are_meant(text: str, rate: Fraction) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["", "fast", "0", "-5", "1000", "30/0", "nan", "1e999"])
def test_bad_frame_rates_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="^fps is "):
        rate_of(text)


@pytest.mark.parametrize(
    ("text", "size"), [("512", (512, 512)), ("1280x720", (1280, 720)), ("640X360", (640, 360))]
)
def test_sizes_are_read(text: str, size: tuple[int, int]) -> None:
    assert size_of(text) == size


@pytest.mark.parametrize("text", ["", "x", "640x", "big", "-4x5", "640x360x3"])
def test_bad_sizes_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="^size is "):
        size_of(text)


@pytest.mark.parametrize("fit", ["crop", "pad", "mirror"])
def test_a_wide_film_is_wide(fit: str, song: Path, tmp_path: Path) -> None:
    job = Job(song, tmp_path / "a.mp4", (192, 108), Fraction(10))
    render(job, Lamp(), Knobs(look=Look.model_validate({"fit": fit})), lambda done, total: None)
    assert watched(job.film)[0].shape == (108, 192, 3)

import errno
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from synth import audio_file
from synth.analysis.analyzer import Analyzer
from synth.audio_file import Hopper, has_moving_picture, hops_of, song_of
from synth.constants import HOP, RATE
from synth.errors import UserError
from tests import sounds


def decoded(path: Path) -> np.ndarray:
    return np.concatenate(list(hops_of(path)))


def first_click(samples: np.ndarray) -> float:
    return float(np.flatnonzero(np.abs(samples) > 0.15)[0]) / RATE


@pytest.mark.parametrize("suffix", sounds.ENCODERS)
def test_every_format_gives_the_same_click_at_the_same_time(suffix: str, tmp_path: Path) -> None:
    made = sounds.struck(sounds.click(), [1.0], 2.0)
    samples = decoded(sounds.encode(tmp_path / f"click.{suffix}", made))
    assert first_click(samples) == pytest.approx(1.0, abs=0.005)
    assert len(samples) / RATE == pytest.approx(2.0, abs=0.06)


def test_hops_are_mono_float32_and_whole(tmp_path: Path) -> None:
    path = sounds.write_wav(tmp_path / "a.wav", sounds.tone(440, 0.5))
    *whole, last = hops_of(path)
    assert {(hop.shape, hop.dtype) for hop in whole} == {((HOP,), np.dtype(np.float32))}
    assert len(last) == 22050 % HOP


@pytest.mark.parametrize("rate", [8000, 22050, 48000, 96000])
def test_any_sample_rate_keeps_its_pitch(rate: int, tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(rate) / rate)
    samples = decoded(sounds.write_wav(tmp_path / "a.wav", tone, rate))
    spectrum = np.abs(np.fft.rfft(samples[:RATE] * np.hanning(RATE)))
    assert spectrum.argmax() == pytest.approx(1000, abs=2)


def test_memory_does_not_grow_with_length(tmp_path: Path) -> None:
    """Ten minutes may cost no more than a few MB over ten seconds."""

    def peak_of(seconds: float) -> int:
        path = sounds.write_wav(tmp_path / f"{seconds}.wav", sounds.tone(440, seconds, 0.1))
        code = (
            "import sys\nfrom pathlib import Path\nfrom synth.audio_file import hops_of\n"
            "for hop in hops_of(Path(sys.argv[1])): pass\n"
            "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
        )
        ran = subprocess.run(
            [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
        )
        return int(ran.stdout)

    assert peak_of(600) - peak_of(10) < 6_000  # KB; the samples alone are 100 MB


def test_a_truncated_file_ends_where_it_was_cut(tmp_path: Path) -> None:
    whole = sounds.encode(tmp_path / "whole.mp3", sounds.tone(440, 4))
    cut = tmp_path / "cut.mp3"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert len(decoded(cut)) / RATE == pytest.approx(2.0, abs=0.3)


def _film(path: Path, *, with_sound: bool) -> Path:
    with av.open(path, "w") as file:
        picture = file.add_stream("libx264", rate=10)
        picture.width = picture.height = 64
        picture.pix_fmt = "yuv420p"
        sound = file.add_stream("aac", rate=RATE, layout="mono") if with_sound else None
        for _ in range(10):
            blank = np.zeros((64, 64, 3), np.uint8)
            file.mux(picture.encode(av.VideoFrame.from_ndarray(blank, format="rgb24")))
        file.mux(picture.encode(None))
        if sound is not None:
            tone = sounds.tone(440, 1.0)[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(tone, "fltp", "mono")
            frame.rate = RATE
            file.mux(sound.encode(frame))
            file.mux(sound.encode(None))
    return path


def test_a_video_with_sound_is_heard(tmp_path: Path) -> None:
    film = _film(tmp_path / "film.mp4", with_sound=True)
    assert has_moving_picture(film)
    assert np.abs(decoded(film)).max() > 0.3


def _make(kind: str, folder: Path) -> Path:
    path = folder / f"{kind}.wav"
    match kind:
        case "folder":
            path.mkdir()
        case "empty":
            path.touch()
        case "text":
            path.write_text("la la la " * 100)
        case "no-samples":
            sounds.write_wav(path, np.zeros(0))
        case "silent-film":
            return _film(folder / "silent.mp4", with_sound=False)
        case "headless":
            whole = sounds.encode(folder / "whole.m4a", sounds.tone(440, 2))
            path = folder / "cut.m4a"
            path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    return path


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("absent", "no such file"),
        ("folder", "is a folder"),
        ("empty", "is empty"),
        ("text", "cannot be read as sound"),
        ("no-samples", "holds no sound"),
        ("silent-film", "has only a picture"),
        ("headless", "cannot be read as sound"),
    ],
)
def test_what_is_no_sound_is_refused_in_one_sentence(kind: str, says: str, tmp_path: Path) -> None:
    path = _make(kind, tmp_path)
    with pytest.raises(UserError, match=says) as refusal:
        decoded(path)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def test_sound_of_an_unknown_codec_is_refused_in_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "strange.wav"
    form = struct.pack("<HHIIHH", 0x674F, 1, RATE, RATE, 1, 16)  # Vorbis within WAVE
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    body += b"data" + struct.pack("<I", 4000) + bytes(4000)
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    with pytest.raises(UserError, match="no codec known here; make it FLAC"):
        song_of(path)


def test_a_song_tells_its_length_and_codec(tmp_path: Path) -> None:
    song = song_of(sounds.encode(tmp_path / "a.flac", sounds.tone(440, 2)))
    assert song.codec == "flac"
    assert song.seconds == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize("rate", [44100, 48000, 96000])
@pytest.mark.parametrize("block", [64, 441, 1000])
@pytest.mark.parametrize("channels", [1, 2])
def test_any_rate_and_block_gives_the_same_features_at_the_same_times(
    rate: int, block: int, channels: int
) -> None:
    t = np.arange(2 * rate) / rate
    music = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.3 * np.sin(2 * np.pi * 554.37 * t)
    music *= 1 - 0.8 * np.minimum(1, (t % 0.5) * 6)
    blocks = np.repeat(music[:, None], channels, 1).astype(np.float32)
    hopper, analyzer, reference = Hopper(rate), Analyzer(), Analyzer()
    hops = [h for k in range(0, len(blocks), block) for h in hopper.push(blocks[k : k + block])]
    t = np.arange(2 * RATE) / RATE
    same = 0.3 * np.sin(2 * np.pi * 440 * t) + 0.3 * np.sin(2 * np.pi * 554.37 * t)
    same *= 1 - 0.8 * np.minimum(1, (t % 0.5) * 6)
    wanted = [reference.hear(hop) for hop in sounds.hops(same)]
    got = [analyzer.hear(hop) for hop in hops]
    assert len(got) >= len(wanted) - 2
    for a, b in list(zip(got, wanted, strict=False))[40:]:
        assert a.time == b.time
        assert a.loudness == pytest.approx(b.loudness, abs=0.05)
        assert a.chroma == pytest.approx(b.chroma, abs=0.05)
    assert np.flatnonzero([f.onset for f in got]) == pytest.approx(
        np.flatnonzero([f.onset for f in wanted]), abs=1
    )


def test_a_disk_that_goes_in_the_middle_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 20))
    opened = audio_file._open

    @contextmanager
    def failing(path: Path) -> Iterator[SimpleNamespace]:
        with opened(path) as whole:

            def demux(stream: object) -> Iterator[object]:
                for number, packet in enumerate(whole.demux(stream)):
                    if number == 50:
                        raise av.error.OSError(errno.EIO, "Input/output error")
                    yield packet

            yield SimpleNamespace(streams=whole.streams, demux=demux, duration=whole.duration)

    monkeypatch.setattr(audio_file, "_open", failing)
    hops = hops_of(song)
    for _ in range(20):
        next(hops)
    with pytest.raises(UserError, match=r"song.wav: cannot be read on \(Input/output error\)"):
        list(hops)

"""Odd words, odd files and odd streams: one clear sentence, another status, and nothing lost."""

import json
import os
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from render.soundtrack import Soundtrack
from synth.audio_file import hops_of
from tests import sounds
from tests.lj.terminal import Terminal

SMALL = ("--size", "64", "--quiet")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--fps", "1e99999999"), "fps is 1e99999999; use a number such as 30"),
        (("--fps", "1" + "0" * 400 + ".5"), "; use a number such as 30"),
        (("--fps", "30/0"), "fps is 30/0; use a number"),
        (("--fps", "٣٠"), "use a number such as 30"),
        (("--size", "0"), "size is 0; write it as 1280x720"),
        (("--size", "99999999999"), "size is 99999999999; write it as"),
        (("--size", "9" * 5000), "write it as 1280x720"),
        (("--size", "63"), "use even numbers from 16 to 8192"),
        (("--precision", "x"), "--precision is x; use auto, half, full"),
        (("--engine", "x"), "--engine is x; use torch, onnx"),
    ],
)
def test_what_cannot_be_meant_is_said_before_anything_slow(
    words: tuple[str, ...], says: str, terminal: Terminal
) -> None:
    code, _, err = terminal.here("render", "song.wav", "-o", "a.mp4", *words)
    assert (code, says in err) == (1, True), err
    assert "Traceback" not in err
    assert "generator:" not in err


@pytest.mark.parametrize("start", ["inf", "1e300", "nan", "-1"])
def test_a_start_that_no_song_has_is_refused(start: str, terminal: Terminal) -> None:
    code, _, err = terminal.here("render", "song.wav", "-o", "a.mp4", f"--start={start}", *SMALL)
    assert code != 0
    assert "--start" in err


def test_a_start_beyond_the_end_ends_when_the_song_does(terminal: Terminal) -> None:
    """Silence up to there is not waited for: eleven days of it would take a while."""
    code, _, err = terminal.here("render", "song.wav", "-o", "a.mp4", "--start", "9e5", *SMALL)
    assert (code, "ends before 900000 s; use an earlier --start" in err) == (1, True), err


def test_numbers_that_are_none_are_silence_in_the_film(terminal: Terminal) -> None:
    sound = sounds.chord((57, 60), 1).astype(np.float32)
    sound[1000:1010], sound[5000], sound[9000] = np.nan, np.inf, -1e30
    song = terminal.folder / "odd.wav"
    with av.open(song, "w") as file:
        stream = file.add_stream("pcm_f32le", rate=sounds.RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound[None], "flt", "mono")
        frame.rate = sounds.RATE
        file.mux(stream.encode(frame))
    code, _, err = terminal.here("render", "odd.wav", "-o", "a.mp4", *SMALL)
    assert code == 0, err
    with av.open(terminal.folder / "a.mp4") as film:
        heard = np.concatenate([f.to_ndarray()[0] for f in film.decode(audio=0)])
    assert np.isfinite(heard).all()
    assert 0.05 < np.abs(heard[20000:40000]).max() < 1.5


def test_a_song_whose_channels_and_rate_change_is_heard_to_its_end(terminal: Terminal) -> None:
    """As files are that somebody joined."""
    tone = sounds.chord((57, 60, 64), 1)
    parts = []
    for number, (rate, layout) in enumerate(((44100, "stereo"), (48000, "mono"))):
        part = terminal.folder / f"{number}.mp3"
        with av.open(part, "w") as file:
            stream = file.add_stream("mp3", rate=rate, layout=layout)
            channels = 2 if layout == "stereo" else 1
            samples = np.tile(tone.astype(np.float32), (channels, 1))
            frame = av.AudioFrame.from_ndarray(samples, "fltp", layout)
            frame.rate = rate
            file.mux(stream.encode(frame))
            file.mux(stream.encode(None))
        parts.append(part.read_bytes())
    joined = terminal.folder / "joined.mp3"
    joined.write_bytes(b"".join(parts))
    assert sum(map(len, hops_of(joined))) / sounds.RATE == pytest.approx(1.92, abs=0.2)
    for more in ((), ("--start", "0.1")):
        code, _, err = terminal.here("render", "joined.mp3", "-o", "a.mp4", *SMALL, *more)
        assert code == 0, err


def test_a_damaged_packet_is_missing_in_the_film_and_ends_nothing(terminal: Terminal) -> None:
    whole = sounds.encode(terminal.folder / "song.m4a", sounds.chord((57, 60), 3))
    adts = terminal.folder / "a.aac"
    with av.open(whole) as source, av.open(adts, "w", format="adts") as file:
        output = file.add_stream_from_template(source.streams.audio[0])
        for packet in source.demux(audio=0):
            if packet.dts is not None:
                packet.stream = output
                file.mux(packet)
    data = bytearray(adts.read_bytes())
    chance = np.random.RandomState(1)
    for place in chance.randint(2000, len(data), 60):
        data[place] ^= 1 << chance.randint(8)
    adts.write_bytes(data)
    words = ("render", "a.aac", "-o", "a.mp4", "--json", *SMALL[:2], "--start", "0.5")
    code, out, err = terminal.here(*words)
    assert code == 0, err
    damaged = json.loads(out)["damaged"]
    assert damaged > 0
    assert f"{damaged} damaged packets of it are left out" in err
    code, _, err = terminal.here(*words[:-2])  # its packets are copied then
    assert code == 0, err


def one_sample(path: Path) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 44100, 1, "NONE", ""))
        file.writeframes(b"\0\1")


def test_a_song_of_one_sample_has_a_sheet_or_a_sentence(terminal: Terminal) -> None:
    one_sample(terminal.folder / "one.wav")
    code, _, err = terminal.here("sheet", "one.wav", "-o", "one.png", "--quiet")
    assert code == 0 or "too short" in err, err
    assert "Traceback" not in err


def test_names_and_kinds_of_files_that_are_none(terminal: Terminal) -> None:
    os.mkfifo(terminal.folder / "pipe.wav")
    for name, says in (
        ("n" * 300 + ".wav", "cannot be read as sound (File name too long)"),
        ("pipe.wav", "pipe.wav: is no file but a pipe or a device"),
        ("/dev/zero", "/dev/zero: is no file but a pipe or a device"),
    ):
        code, _, err = terminal.here("render", name, "-o", "a.mp4", *SMALL)
        assert (code, says in err) == (1, True), err


def test_a_name_that_is_no_unicode_is_rendered_in_chunks_and_gone_on_with(
    terminal: Terminal,
) -> None:
    name = os.fsdecode(b"caf\xe9.wav")
    (terminal.folder / "song.wav").rename(terminal.folder / name)
    words = ("render", name, "-o", "a.mp4", "--chunk", "30", *SMALL)
    assert terminal.here(*words, "--plan")[0] == 0
    code, _, err = terminal.here("render-chunk", "a.parts", "0", "--quiet")
    assert code == 0, err
    code, _, err = terminal.here(*words)
    assert code == 0, err
    assert (terminal.folder / "a.mp4").exists()


@pytest.mark.parametrize("event", [{"fade": 10**400}, {"at": 10**400}, {"at": 1e13}])
def test_a_session_with_a_number_beyond_all_ages_is_refused(
    event: dict[str, object], terminal: Terminal
) -> None:
    play = ("live", "--file", "song.wav", "--mute", "--no-window", "--size", "64", "--midi", "off")
    doors = ("--osc", "off", "--oscquery", "off")
    assert terminal.here(*play, *doors, "--seconds", "1", "--log", "a.ljlog")[0] == 0
    with (terminal.folder / "a.ljlog" / "events.jsonl").open("a") as file:
        file.write(json.dumps({"hop": 3, "set": {}} | event) + "\n{}\n")
    code, _, err = terminal.here("render", "a.ljlog", "-o", "b.mp4", *SMALL)
    assert (code, "it must be seconds" in err) == (1, True), err


def test_a_picture_never_takes_the_place_of_its_song(terminal: Terminal) -> None:
    (terminal.folder / "song.wav").rename(terminal.folder / "song.png")
    before = (terminal.folder / "song.png").read_bytes()
    for command in ("hear", "sheet"):
        code, _, err = terminal.here(command, "song.png", "-o", "song.png")
        assert (code, "name another picture" in err) == (1, True), err
    assert (terminal.folder / "song.png").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--snapshot", "a.zzz"), "a.zzz: a picture's name ends in .png"),
        (("--report", "."), ".: is a folder; name a file in it"),
        (("--start", "inf"), "--start"),
    ],
)
def test_a_show_that_could_not_be_kept_does_not_begin(
    words: tuple[str, ...], says: str, terminal: Terminal
) -> None:
    code, _, err = terminal.here("live", "--file", "song.wav", "--no-window", *words)
    assert code != 0
    assert says in err
    assert {path.name for path in terminal.folder.iterdir()} <= {"song.wav", "cache"}


def test_one_song_that_fails_in_a_new_way_leaves_the_others(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    (terminal.folder / "b.wav").write_bytes((terminal.folder / "song.wav").read_bytes())
    (terminal.folder / "films").mkdir()
    whole = Soundtrack.__init__

    def fails(self: Soundtrack, film: Any, song: Path, start: float) -> None:
        if song.name == "song.wav":
            raise RuntimeError("nobody thought of this")
        whole(self, film, song, start)

    monkeypatch.setattr(Soundtrack, "__init__", fails)
    code, _, err = terminal.here("render", "song.wav", "b.wav", "-O", "films", *SMALL)
    assert (code, "1 of 2 songs failed: song.wav: RuntimeError" in err) == (1, True), err
    assert [path.name for path in (terminal.folder / "films").iterdir()] == ["b.mp4"]


# ---- the streams and the folder that it is begun with


def begun(terminal: Terminal, line: str) -> subprocess.CompletedProcess[str]:
    lj = f"{sys.executable} {terminal._lj[1]}"
    return subprocess.run(
        ["bash", "-c", line.replace("lj ", f"{lj} ", 1)],
        cwd=terminal.folder,
        env=os.environ | terminal._own,
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )


def test_a_full_disk_behind_stdout_is_one_sentence(terminal: Terminal) -> None:
    ran = begun(terminal, "lj presets > /dev/full")
    assert (ran.returncode, ran.stderr.count("\n")) == (1, 1), ran.stderr
    assert "No space left on device" in ran.stderr


def test_without_stderr_a_film_is_made_all_the_same(terminal: Terminal) -> None:
    ran = begun(terminal, "lj render song.wav -o a.mp4 --size 64 --duration 0.5 2>&-")
    assert (ran.returncode, ran.stdout) == (0, "")
    assert (terminal.folder / "a.mp4").exists()


def test_any_text_goes_to_a_terminal_that_knows_little(terminal: Terminal) -> None:
    ran = begun(terminal, "PYTHONIOENCODING=ascii lj osc-map")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "# The OSC map" in ran.stdout


def test_a_folder_that_is_gone_is_said(terminal: Terminal) -> None:
    ran = begun(terminal, "mkdir gone && cd gone && rmdir ../gone && lj presets")
    assert (ran.returncode, "the folder that you are in is gone" in ran.stderr) == (1, True)


def test_debug_shows_what_an_error_came_from(terminal: Terminal) -> None:
    (terminal.folder / "a.wav").write_bytes(b"no sound at all")
    words = ("render", "a.wav", "-o", "a.mp4", *SMALL)
    for debug in ((), ("--debug",)):
        code, _, err = terminal.here(*debug, *words)
        assert code == 1
        assert ("InvalidDataError" in err and "Traceback" in err) == bool(debug)
        assert err.endswith("or a video?\n")

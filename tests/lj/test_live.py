"""`lj live` as a person runs it, on a virtual screen and with a real sound server."""

import json
import signal
import time
from pathlib import Path

import pytest
from PIL import Image

from tests import sounds
from tests.lj.terminal import Terminal
from tests.stage import SoundServer, until

LIVE = ("live", "--windowed", "320x180", "--size", "128")


def test_a_song_plays_in_a_window_and_is_reported(terminal: Terminal, display: str) -> None:
    at = [0.5, 1.0, 1.5, 2.0]
    sounds.write_wav(terminal.folder / "beat.wav", sounds.struck(sounds.kick(), at, 3))
    files = ("--report", "r.json", "--snapshot", "shot.png", "--log", "a.ljlog")
    code, _, err = terminal.run(*LIVE, "--file", "beat.wav", *files)
    assert code == 0, err
    report = json.loads((terminal.folder / "r.json").read_text())
    assert report["onsets_heard"] == report["onsets_shown"] == len(at)
    assert report["frames_shown"] > 20
    assert report["frames_generated"] > 5
    assert 0 < report["latency_ms"]["p50"] <= report["latency_ms"]["p95"]
    assert report["latency_ms"]["p95"] <= report["latency_ms"]["p99"]
    assert report["drops"] == 0
    assert report["faults"] == []
    with Image.open(terminal.folder / "shot.png") as shot:
        assert shot.size == (320, 180)
        assert max(high for _, high in shot.getextrema()) > 60

    code, out, err = terminal.here("render", "a.ljlog", "-o", "again.mp4", "--size", "96", "--json")
    assert code == 0, err
    assert 3.5 < json.loads(out)["seconds"] <= report["seconds"]  # the song, and the last fade


def test_a_microphone_plays_in_a_window(
    terminal: Terminal, display: str, sound_server: SoundServer
) -> None:
    """Nobody feeds the source: the room is silent, the picture is there and moves."""
    code, _, err = terminal.run(*LIVE, "--input", "pulse", "--seconds", "3", "--report", "r.json")
    assert code == 0, err
    report = json.loads((terminal.folder / "r.json").read_text())
    assert report["frames_generated"] > 5
    assert "hearing pulse" in err


def test_without_input_and_weights_the_show_still_begins(terminal: Terminal) -> None:
    silent = ("--input", "no such thing", "--no-window", "--seconds", "2")
    code, _, err = terminal.run(
        "live", "-g", "biggan-256", "--size", "128", *silent, "--report", "r.json"
    )
    assert code == 0, err
    report = json.loads((terminal.folder / "r.json").read_text())
    assert report["frames_generated"] > 5
    assert "procedural" in report["generator"]
    assert any("lj fetch biggan-256" in fault["text"] for fault in report["faults"])


def test_ctrl_c_ends_the_show_with_its_report(terminal: Terminal) -> None:
    sounds.write_wav(terminal.folder / "long.wav", sounds.chord((57, 60, 64), 60))
    process = terminal.start(
        "live", "--file", "long.wav", "--no-window", "--size", "128", "--report", "r.json"
    )
    until((terminal.folder / "r.json").exists, "the first report", 60)
    time.sleep(2)  # for pictures
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Traceback" not in err
    assert json.loads((terminal.folder / "r.json").read_text())["frames_generated"] > 0


def test_a_show_that_cannot_begin_leaves_nothing_for_the_next_one_to_trip_over(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DISPLAY", ":no-such-display")
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    files = ("--log", "a.ljlog", "--record", "a.mp4", "--report", "r.json")
    code, _, err = terminal.run("live", "--size", "128", "--file", "song.wav", *files)
    assert (code, "there is no display here" in err) == (1, True)
    assert not {"a.ljlog", "a.mp4", "r.json"} & {p.name for p in terminal.folder.iterdir()}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--file", "no.wav"), "no.wav: no such file"),
        (("--file", "song.wav", "--size", "7"), "--size is 7"),
        (("--file", "song.wav", "--report", "no/r.json"), "no/r.json: the folder no does not"),
        (("--file", "song.wav", "--log", "a.txt"), "a.txt: a session's name ends in .ljlog"),
        (("--file", "song.wav", "--record", "a.avi"), "a.avi: a film's name ends in .mp4"),
        (("--rate", "8000"), "--rate is 8000; use 44100, 48000, 96000"),
        (("--channels", "0"), "--channels is 0"),
        (("--preset", "silkk"), "did you mean silk"),
    ],
)
def test_wrong_usage_is_one_sentence(words: tuple[str, ...], says: str, terminal: Terminal) -> None:
    code, _, err = terminal.here("live", "--no-window", "--seconds", "1", *words)
    assert code == 1
    assert says in " ".join(err.split())


def test_devices_are_listed(terminal: Terminal, display: str, sound_server: SoundServer) -> None:
    code, out, _ = terminal.run("devices", "--json")
    assert code == 0
    listed = json.loads(out)
    assert any(device["name"] == "pulse" for device in listed["inputs"])
    assert sum(device["picked"] for device in listed["inputs"]) == 1
    assert "1280x720" in listed["monitors"][0]


def test_a_room_is_heard_as_json(terminal: Terminal, sound_server: SoundServer) -> None:
    code, out, err = terminal.run("hear", "--mic", "-i", "pulse", "--json", "--duration", "2")
    assert code == 0, err
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) > 60
    assert lines[-1]["time"] > 0.7


def test_a_performance_carries_its_own_looks(terminal: Terminal) -> None:
    words = ("live", "--file", "song.wav", "--no-window", "--size", "128", "--seconds", "1")
    assert terminal.run(*words, "--log", "a.ljlog")[0] == 0
    code, _, err = terminal.here("render", "a.ljlog", "-o", "a.mp4", "-p", "reef")
    assert code == 1
    assert "has its own looks" in err
    assert not Path(terminal.folder / "a.mp4").exists()

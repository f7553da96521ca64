"""Long renders as a person runs them: killed, gone on with, in parts, in lots."""

import json
import time

import av
import pytest

from tests import sounds
from tests.lj.terminal import Terminal

SMALL = ("--size", "256", "--quality", "draft")


def frames(terminal: Terminal, name: str) -> int:
    with av.open(terminal.folder / name) as film:
        return sum(1 for _ in film.decode(video=0))


def test_a_killed_render_goes_on(terminal: Terminal) -> None:
    sounds.write_wav(terminal.folder / "long.wav", sounds.chord((57, 60, 64), 12))
    command = ("render", "long.wav", "-o", "long.mp4", "--chunk", "45", *SMALL)
    process = terminal.start(*command)
    parts = terminal.folder / "long.parts"
    deadline = time.monotonic() + 90
    while len(list(parts.glob("*.sha256"))) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not (terminal.folder / "long.mp4").exists()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("chunk-00000[01].mp4")}
    assert len(kept) == 2
    code, _, err = terminal.run(*command)
    assert code == 0, err
    assert "of 8 chunks are done" in err
    assert frames(terminal, "long.mp4") == 360
    assert not parts.exists()


def test_chunks_are_rendered_by_number_and_joined(terminal: Terminal) -> None:
    command = ("render", "song.wav", "-o", "a.mp4", "--chunk", "40", *SMALL)
    code, _, err = terminal.run(*command, "--plan")
    assert code == 0, err
    assert "a.parts: 3 chunks are planned" in err
    code, _, err = terminal.run("render-chunk", "a.parts", "2", "0")
    assert code == 0, err
    code, _, err = terminal.run("render-chunk", "a.parts/manifest.json", "1", "2")
    assert code == 0, err
    assert "chunk 2 is done already" in err
    again = tuple(word for word in command if word not in ("--chunk", "40"))
    code, out, err = terminal.run(*again, "--json")
    assert code == 0, err
    assert "3 of 3 chunks are done" in err
    assert json.loads(out)["frames"] == frames(terminal, "a.mp4") == 90


def test_one_bad_song_does_not_stop_the_others(terminal: Terminal) -> None:
    (terminal.folder / "films").mkdir()
    (terminal.folder / "bad.wav").write_bytes(b"no sound")
    sounds.write_wav(terminal.folder / "other.wav", sounds.chord((57, 60, 64), 1))
    songs = ("bad.wav", "song.wav", "other.wav")
    code, _, err = terminal.run("render", *songs, "-O", "films", *SMALL)
    assert code == 1
    assert "1 of 3 songs failed: bad.wav" in err
    made = sorted(path.name for path in (terminal.folder / "films").iterdir())
    assert made == ["other.mp4", "song.mp4"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("render", "song.wav"), "name the film with -o"),
        (("render", "song.wav", "song.wav", "-o", "a.mp4"), "use -O FOLDER"),
        (("render", "song.wav", "-O", "nowhere"), "nowhere: no such folder"),
        (("render-chunk", "nowhere", "0"), "is no manifest of a render"),
    ],
)
def test_wrong_usage_is_one_sentence(words: tuple[str, ...], says: str, terminal: Terminal) -> None:
    code, _, err = terminal.run(*words)
    assert code == 1
    assert says in err
    assert "Traceback" not in err

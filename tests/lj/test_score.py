"""`lj score` as a person runs it."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from PIL import Image

from lj import keyframing
from lj.storyboard import Cell, draw
from tests import sounds
from tests.lj.terminal import Terminal
from tests.stage import until

QUICK = ("--clip", "tiny-random", "--steps", "1", "--samples", "2")
LYRICS = "[00:00.20]a house of glass\n[00:01.00]feathers and flame\nlost\n[00:02.00]snow\n"


def test_a_song_is_scored_shown_and_rendered(terminal: Terminal) -> None:
    (terminal.folder / "song.lrc").write_text(LYRICS)
    code, _, err = terminal.here(
        "score", "song.wav", "song.lrc", "-o", "song.ljbank", "--sheet", "board.png", *QUICK
    )
    assert code == 0, err
    assert "song.lrc: line 3: has no time (lost); left out" in err
    with Image.open(terminal.folder / "board.png") as board:
        assert board.width > 600
    code, out, _ = terminal.here("score", "--show", "song.ljbank", "--json")
    assert code == 0
    frames = json.loads(out)["keyframes"]
    assert [(f["text"], f["time"]) for f in frames] == [
        ("a house of glass", 0.2),
        ("feathers and flame", 1.0),
        ("snow", 2.0),
    ]
    assert all(f["score"] >= f["start"] for f in frames)
    assert frames[0]["duration"] == 0.8
    render = ("render", "song.wav", "--size", "64", "--duration", "1")
    for film, more in (("a.mp4", ()), ("b.mp4", ("--bank", "song.ljbank"))):
        code, _, err = terminal.here(*render, "-o", film, *more)
        assert code == 0, err
    a, b = ((terminal.folder / name).read_bytes() for name in ("a.mp4", "b.mp4"))
    assert a != b
    code, _, err = terminal.here(*render, "-o", "c.mp4", "--bank", "song.wav")
    assert code == 1
    assert "song.wav: is no bank of keyframes" in err


def test_the_words_choose_classes_for_a_preset(terminal: Terminal) -> None:
    (terminal.folder / 'so"ng.lrc').write_text(LYRICS)
    words = ("score", "song.wav", 'so"ng.lrc', "--clip", "tiny-random", "--avoid", "spiders,77")
    code, _, err = terminal.here(*words, "--look", "look.toml")
    assert code == 0, err
    code, _, err = terminal.here(
        "render", "song.wav", "-o", "a.mp4", "--size", "64", "--duration", "0.5", "-p", "look.toml"
    )
    assert code == 0, err
    assert 'What so"ng sings of.' in err
    assert 'avoid = ["spiders", "77"]' in (terminal.folder / "look.toml").read_text()
    code, _, err = terminal.here(*words, "--look", "look.toml")
    assert code == 1
    assert "name a new preset" in err


def test_where_nobody_sings_the_sound_is_the_guide(terminal: Terminal) -> None:
    sounds.write_wav(terminal.folder / "nine.wav", sounds.chord((57, 60, 64), 9))
    (terminal.folder / "nine.lrc").write_text("[00:00.20]a house of glass\n[00:01.50]\n")
    listening = ("--clap", "tiny-random", *QUICK)
    code, _, err = terminal.here("score", "nine.wav", "nine.lrc", "-o", "n.ljbank", *listening)
    assert code == 0, err
    code, _, err = terminal.here("score", "nine.wav", "-o", "alone.ljbank", *listening)
    assert code == 0, err
    texts = {}
    for bank in ("n", "alone"):
        _, out, _ = terminal.here("score", "--show", f"{bank}.ljbank", "--json")
        texts[bank] = [f["text"] for f in json.loads(out)["keyframes"]]
    assert texts["n"][0] == "a house of glass"
    assert [text[0] for text in texts["n"][1:]] == ["("]
    assert [text[0] for text in texts["alone"]] == ["("]


def test_the_storyboard_grows_with_the_search(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = "".join(f"[00:00.{k:02}]line {k}\n" for k in range(0, 60, 10))
    (terminal.folder / "song.lrc").write_text(lines)
    words = ("score", "song.wav", "song.lrc", "-o", "song.ljbank", "--sheet", "b.png", *QUICK)
    heights: list[int] = []

    def drawn(cells: Sequence[Cell], sheet: Path) -> None:
        draw(cells, sheet)
        with Image.open(sheet) as board:
            heights.append(board.height)

    monkeypatch.setattr(keyframing, "draw", drawn)
    code, _, err = terminal.here(*words)
    assert code == 0, err
    assert len(heights) == 6  # one for each line, while the search goes on
    assert heights[:5] == [heights[0]] * 5
    assert heights[5] > heights[0]  # a second row


def test_a_killed_search_goes_on(terminal: Terminal) -> None:
    (terminal.folder / "song.lrc").write_text(LYRICS)
    words = ("score", "song.wav", "song.lrc", "-o", "song.ljbank", *QUICK)
    process = terminal.start(*words)
    parts = terminal.folder / "song.parts"
    ended = process.poll
    until(lambda: any(parts.glob("*.safetensors")) or ended() is not None, "the first line", 150)
    process.kill()
    process.communicate()
    assert not (terminal.folder / "song.ljbank").exists()
    code, _, err = terminal.here(*words)
    assert code == 0, err
    assert "a house of glass  (found before)" in err
    assert (terminal.folder / "song.ljbank").is_file()


def test_plain_words_are_spread_over_the_song(terminal: Terminal) -> None:
    (terminal.folder / "words.txt").write_text("one\ntwo\nthree\n")
    sounds.write_wav(terminal.folder / "six.wav", sounds.chord((57, 60, 64), 6))
    code, _, err = terminal.here("score", "six.wav", "words.txt", "-o", "w.ljbank", *QUICK)
    assert code == 0, err
    _, out, _ = terminal.here("score", "--show", "w.ljbank", "--json")
    times = [f["time"] for f in json.loads(out)["keyframes"]]
    assert times == pytest.approx([0, 2, 4], abs=0.05)


def test_wrong_usage_is_one_sentence(terminal: Terminal) -> None:
    (terminal.folder / "empty.lrc").write_text("[ar:nobody]\n")
    for words, says in (
        (("score", "song.wav"), "and a bank with -o"),
        (("score", "song.wav", "empty.lrc", "-o", "a.ljbank"), "empty.lrc: holds no lyrics"),
        (("score", "song.wav", "-o", "a.ljbank"), "song.wav: holds no lyrics"),
        (("score", "song.wav", "empty.lrc", "-o", "a.zip"), "a bank's name ends in .ljbank"),
        (("score", "--show", "song.wav"), "song.wav: is no bank"),
        (("score", "song.wav", "--look", "a.toml", "--sheet", "a.png"), "needs a bank"),
    ):
        code, _, err = terminal.here(*words)
        assert code == 1
        assert says in err

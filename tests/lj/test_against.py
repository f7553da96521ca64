"""`lj hear --against`: the predicted beats against a file of true ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from lj.against import Against, read_beats
from synth.analysis.analyzer import Analyzer
from synth.errors import UserError
from tests import sounds
from tests.lj.terminal import Terminal

BEATS = np.arange(0.3, 13, 0.5)


@pytest.fixture
def played(terminal: Terminal) -> Terminal:
    """`played.wav` has 120 BPM for 13 s, and `beats.txt` says so."""
    beat = sounds.struck(sounds.kick(), list(BEATS), 13.1)
    sounds.write_wav(terminal.folder / "played.wav", beat)
    lines = [f"{beat:.3f}\t{1 + k % 4}" for k, beat in enumerate(BEATS)]
    (terminal.folder / "beats.txt").write_text("# seconds, place in the bar\n" + "\n".join(lines))
    return terminal


def test_f_is_a_line(played: Terminal) -> None:
    code, out, err = played.here("hear", "played.wav", "--against", "beats.txt")
    assert code == 0, err
    said = out.strip().split(" ")
    assert said[:2] == ["beats", "F"]
    assert float(said[2]) > 0.95
    assert out.endswith("within 70 ms from 5 s on, against beats.txt\n")


def test_f_is_the_last_object(played: Terminal) -> None:
    code, out, err = played.here("hear", "played.wav", "--json", "--against", "beats.txt")
    assert code == 0, err
    *rows, last = [json.loads(line) for line in out.splitlines()]
    assert set(last) == {"beats_f"}
    assert last["beats_f"] > 0.95
    assert "beats_f" not in rows[-1]


def test_a_picture_may_be_drawn_too(played: Terminal) -> None:
    code, out, err = played.here("hear", "played.wav", "-o", "h.png", "--against", "beats.txt")
    assert code == 0, err
    assert out.startswith("beats F ")
    assert (played.folder / "h.png").exists()


BAD = [
    (("song.wav", "--against", "absent.txt"), "absent.txt: no such text file of beats"),
    (("song.wav", "--against", "."), ".: is no file; name a text file of beats"),
    (("song.wav", "--against", "words.txt"), "words.txt, line 2: 'soon' is no time"),
    (("song.wav", "--against", "late.txt"), "has no beat between 5 s, from where beats count, and"),
    (("--mic", "--against", "late.txt"), "--against needs a song"),
]


@pytest.mark.parametrize(("words", "says"), BAD, ids=lambda value: str(value)[:40])
def test_bad_beats_are_one_sentence(words: tuple[str, ...], says: str, terminal: Terminal) -> None:
    (terminal.folder / "words.txt").write_text("1.5\nsoon enough\n")
    (terminal.folder / "late.txt").write_text("60\n")
    code, out, err = terminal.here("hear", *words)
    assert code == 1
    assert out == ""
    assert says in " ".join(err.split())
    assert err.splitlines()[-1].startswith("lj: ")


def test_columns_comments_and_empty_lines(tmp_path: Path) -> None:
    path = tmp_path / "beats.csv"
    path.write_bytes(
        "\ufeff# beats\r\n2.5,1\r\n\r\n 1.5  2  # second\n3;x\r0.5\t0.5\tlabel\n".encode()
    )
    assert read_beats(path).tolist() == [0.5, 1.5, 2.5, 3.0]


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1:30", "\x00"])
def test_only_seconds_are_times(value: str, tmp_path: Path) -> None:
    path = tmp_path / "beats.txt"
    path.write_text(f"1\n{value}\n")
    with pytest.raises(UserError, match="line 2: .* is no time; use seconds"):
        read_beats(path)


def test_a_beat_counts_as_the_hop_before_told_it() -> None:
    against = Against(Path("beats.txt"), BEATS)
    analyzer = Analyzer()
    heard = [
        analyzer.hear(hop) for hop in sounds.hops(sounds.struck(sounds.kick(), list(BEATS), 9.0))
    ]
    for hop in heard:
        against.hear(hop)
    beats = [k for k, hop in enumerate(heard) if hop.beat]
    assert against.told == [heard[k - 1].next_beat for k in beats if k]
    assert against.f() > 0.9

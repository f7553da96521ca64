from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from precompute.lyrics import Line, decoded, parsed, phrases, read_lyrics, spread
from synth.errors import UserError
from tests import sounds


def lines(text: str) -> list[tuple[str, float]]:
    return [(line.text, line.time) for line in parsed(text).lines]


@pytest.mark.parametrize(
    ("stamp", "seconds"),
    [
        ("[01:02.50]", 62.5),
        ("[01:02:50]", 62.5),
        ("[01:02]", 62.0),
        ("[1:02.5]", 62.5),
        ("[01:02.500]", 62.5),
        ("[120:00]", 7200.0),
        ("  [00:00.00]", 0.0),
    ],
)
def test_stamps_of_every_kind(stamp: str, seconds: float) -> None:
    assert lines(f"{stamp}a line") == [("a line", seconds)]


def test_a_line_may_come_again() -> None:
    assert lines("[00:10][00:30.0]la la\n[00:20]oh") == [("la la", 10), ("oh", 20), ("la la", 30)]


def test_word_stamps_are_taken_out() -> None:
    text = "[00:12.00]<00:12.04>When <00:12.16> the [00:12.82]world"
    assert lines(text) == [("When the world", 12.0)]


def test_a_positive_offset_is_sooner() -> None:
    assert lines("[offset:+500]\n[00:10.00]a") == [("a", 9.5)]
    assert lines("[offset:-500]\n[00:10.00]a") == [("a", 10.5)]
    assert lines("[offset: 20000]\n[00:10.00]a") == [("a", 0.0)]
    for absurd in ("-1e400", "nan", "9" * 400, "1e9"):
        assert lines(f"[offset:{absurd}]\n[00:10.00]a") == [("a", 10.0)]


def test_metadata_is_no_line_and_what_has_no_time_is_told() -> None:
    lyrics = parsed("[ar:Somebody]\n[00:01]one\nlost\n[offset:x]\n[00:02]two")
    assert [line.text for line in lyrics.lines] == ["one", "two"]
    assert lyrics.skipped == (
        "line 3: has no time (lost)",
        "line 4: offset is x; milliseconds are meant",
    )


def test_an_empty_stamp_ends_a_line() -> None:
    lyrics = parsed("[00:01]one\n[00:03]\n[00:10]two")
    assert lyrics.lines == (Line("one", 1.0, 2.0), Line("two", 10.0, 4.0))


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("[00:01]déjà vu – ça va", "cp1252"),
        ("[00:01]déjà vu – ça va", "utf-8"),
        ("[00:01]déjà vu", "utf-8-sig"),
        ("[00:01]déjà vu", "utf-16"),
        ("[00:01]plain words", "utf-16-le"),
        ("[00:01]plain words", "utf-16-be"),
        ("[00:01]月亮代表我的心", "gb18030"),
        ("[00:01]月亮代表我的心", "utf-8"),
    ],
)
def test_encodings_in_the_wild(text: str, encoding: str) -> None:
    assert decoded(text.encode(encoding)) == text


def test_srt_and_webvtt() -> None:
    srt = (
        "1\n00:00:01,500 --> 00:00:04,000\n<i>Hello</i>\nthere\n\n"
        "2\n00:01:00,000 --> 00:01:02,000\nbye\n"
    )
    vtt = "WEBVTT\n\n00:01.500 --> 00:04.000\nHello there\n"
    assert parsed(srt).lines == (Line("Hello there", 1.5, 2.5), Line("bye", 60.0, 2.0))
    assert parsed(vtt).lines == (Line("Hello there", 1.5, 2.5),)


def test_plain_lines_are_spread_over_the_sections() -> None:
    lyrics = spread(parsed("a\nb\n\nc\nd"), 40.0, [20.0])
    assert [(line.text, line.time) for line in lyrics.lines] == [
        ("a", 0.0),
        ("b", 10.0),
        ("c", 20.0),
        ("d", 30.0),
    ]


def test_phrases_join_and_split() -> None:
    short = [Line("a", 0, 1), Line("b", 1, 1), Line("c", 2, 5)]
    assert phrases(short, 2, 10) == (Line("a b", 0, 2), Line("c", 2, 5))
    long = [Line("over the hills, under the sea", 0, 10)]
    first, second = phrases(long, 1, 6)
    assert (first.text, second.text) == ("over the hills,", "under the sea")
    assert first.duration + second.duration == pytest.approx(10)


def test_lyrics_in_an_mp3_are_found(tmp_path: Path) -> None:
    from mutagen.id3 import ID3, SYLT, USLT

    song = sounds.encode(tmp_path / "song.mp3", sounds.chord((57, 60, 64), 1))
    with pytest.raises(UserError, match="holds no lyrics"):
        read_lyrics(song)
    tags = ID3()
    tags.add(USLT(encoding=3, text="[00:01.00]one\n[00:02.00]two"))
    tags.save(song)
    assert [line.time for line in read_lyrics(song).lines] == [1.0, 2.0]
    tags.add(SYLT(encoding=3, format=2, type=1, text=[("uno", 1500), ("due", 2500)]))
    tags.save(song)
    assert [(line.text, line.time) for line in read_lyrics(song).lines] == [
        ("uno", 1.5),
        ("due", 2.5),
    ]


@given(st.text(max_size=300))
def test_any_text_is_read_somehow(text: str) -> None:
    lyrics = parsed(text)
    assert all(line.time >= 0 and line.duration >= 0 for line in lyrics.lines)


@given(st.binary(max_size=300))
def test_any_bytes_are_text_somehow(data: bytes) -> None:
    assert isinstance(decoded(data), str)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 359999), st.text("abc déΩ", min_size=1).filter(lambda t: t.strip() == t)
        ),
        min_size=1,
        max_size=20,
    )
)
def test_what_was_written_comes_back(song: list[tuple[int, str]]) -> None:
    text = "\n".join(f"[{c // 6000:02}:{c // 100 % 60:02}.{c % 100:02}]{t}" for c, t in song)
    wanted = sorted((c / 100, " ".join(t.split())) for c, t in song)
    assert [(round(line.time, 4), line.text) for line in parsed(text).lines] == wanted

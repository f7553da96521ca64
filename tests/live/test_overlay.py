"""What the artist is told has to be drawn, whatever there is to tell."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from live.output.overlay import Overlay, Status

PLAIN = Status(
    source="microphone",
    level=-20.0,
    chroma=np.linspace(0, 1, 12),
    onset=True,
    beat_phase=0.3,
    bpm=120.0,
    clock="tapped",
    drawn_rate=30.0,
    shown_rate=60.0,
    latency=40.0,
    generator="lamp 64",
    preset="silk",
    flashes=1.0,
    state="frozen (space)",
    notice="frames came late: lamp 64 now",
    trouble="",
)
TALLEST = 78 + 12 * 20
RED = (255, 92, 92)

words = st.text(st.characters(), max_size=400) | st.sampled_from(
    ["x" * 10_000, "W" * 300, "\n" * 300, "a\x00\x1b[31m\x07", "\u202e\u200f\u2066rtl", "😀" * 99]
)
numbers = st.floats() | st.sampled_from([np.nan, np.inf, -np.inf, 1e308, -1e308])
statuses = st.builds(
    Status,
    **dict.fromkeys(
        ("source", "clock", "generator", "preset", "state", "notice", "trouble"), words
    ),
    **dict.fromkeys(
        ("level", "beat_phase", "bpm", "drawn_rate", "shown_rate", "latency", "flashes"), numbers
    ),
    chroma=st.lists(numbers, min_size=12, max_size=12).map(np.array),
    onset=st.booleans(),
)


@settings(max_examples=150, deadline=None)
@given(statuses)
@example(replace(PLAIN, trouble="\ud800" * 10_000))
@example(replace(PLAIN, chroma=np.full(12, np.nan), bpm=np.inf, beat_phase=np.nan))
def test_every_status_can_be_drawn(status: Status) -> None:
    panel = Overlay().draw(status)
    assert panel.dtype == np.uint8
    assert panel.shape[1:] == (420, 4)
    assert panel.shape[0] <= TALLEST


@pytest.mark.parametrize("fault", ["x" * 10_000, "words of a fault " * 600])
def test_a_long_fault_takes_a_few_lines_and_hides_no_other(fault: str) -> None:
    overlay = Overlay()
    lines = overlay._lines(replace(PLAIN, trouble=f"{fault}; the disk is full"))
    told = [text for text, _ in lines]
    assert "the disk is full" in " ".join(told)
    assert len(told) <= 12


def test_no_line_is_wider_than_the_panel() -> None:
    overlay = Overlay()
    for text in ("W" * 500, "i" * 500, "WW " * 100, "a " * 100):
        lines = overlay._lines(replace(PLAIN, source=text, trouble=text))
        assert all(overlay._font.getlength(line) <= 405 for line, _ in lines)


def test_what_finds_no_room_is_counted() -> None:
    faults = [f"fault number {k} that the artist should know of now" for k in range(12)]
    lines = Overlay()._lines(replace(PLAIN, trouble="; ".join(faults)))
    assert len(lines) == 12
    assert lines[-1][0].startswith("and ")
    assert lines[-1][0].endswith(" more")


def test_long_names_and_notices_do_not_hide_trouble() -> None:
    crowded = replace(PLAIN, source="s" * 999, preset="p" * 999, notice="n " * 999)
    lit = np.all(Overlay().draw(replace(crowded, trouble="the disk is full"))[..., :3] == RED, 2)
    assert lit.sum() > 50
    assert not np.all(Overlay().draw(crowded)[..., :3] == RED, 2).any()


def test_numbers_that_are_none_are_dashes() -> None:
    lines = Overlay()._lines(replace(PLAIN, bpm=np.nan, level=np.nan, latency=np.inf))
    assert lines[0][0] == "microphone   – dBFS   no tempo yet"
    assert lines[1][0].endswith("– ms late")

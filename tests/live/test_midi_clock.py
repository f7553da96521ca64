"""The tempo of a MIDI clock, by a clock that the test turns."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.sync.midi_clock import FASTEST, SLOWEST, MidiClock


def ticks(clock: MidiClock, bpm: float, seconds: float, begin: float = 0.0) -> list[float]:
    """The tempi that follow from a steady clock."""
    moments = begin + np.arange(0, seconds, 60 / bpm / 24)
    return [t for m in moments if (t := clock.tick("sequencer", float(m))) is not None]


@pytest.mark.parametrize("bpm", [20.0, 60.0, 120.0, 174.5, 299.0])
def test_a_steady_clock_is_the_tempo(bpm: float) -> None:
    tempi = ticks(MidiClock(), bpm, 60 / bpm * 9)
    assert tempi == [pytest.approx(bpm, abs=0.051)] * 2


def test_ticks_that_come_all_at_once_are_no_tempo() -> None:
    clock = MidiClock()
    assert [clock.tick("sequencer", 5.0) for _ in range(500)] == [None] * 500
    assert clock.absurd == "says inf beats a minute; 20 to 300 are followed"


def test_ticks_that_were_held_up_and_come_in_a_heap_are_no_tempo() -> None:
    clock = MidiClock()
    assert ticks(clock, 120, 1.2) == []
    assert [clock.tick("sequencer", 1.21) for _ in range(40)] == [None] * 40
    assert clock.absurd == "wavers between 120 and inf beats a minute"


def test_a_clock_that_slows_down_evenly_is_followed() -> None:
    clock, now, followed = MidiClock(), 0.0, []
    for n in range(24 * 60):
        now += 60 / (140 - n / 48) / 24
        tempo = clock.tick("sequencer", now)
        followed += [tempo] if tempo else []
    assert followed == sorted(followed, reverse=True)
    assert len(followed) == 14


@pytest.mark.parametrize("bpm", [3.0, 12.0, 19.0, 310.0, 5000.0])
def test_an_absurd_tempo_is_not_followed_but_told(bpm: float) -> None:
    clock = MidiClock()
    assert ticks(clock, bpm, 60 / bpm * 9) == []
    if bpm > 5:  # slower ones pause after each tick
        assert clock.absurd == f"says {bpm:g} beats a minute; 20 to 300 are followed"


def test_a_pause_is_no_slow_beat() -> None:
    clock = MidiClock()
    assert ticks(clock, 120, 1.9) == []
    assert ticks(clock, 120, 2.1, begin=11.9) == [120.0]


def test_two_clocks_are_not_added_up() -> None:
    clock, followed = MidiClock(), []
    for n in range(400):
        for who, late in (("a", 0.0), ("b", 0.003)):
            tempo = clock.tick(who, n * 60 / 120 / 24 + late)
            followed += [tempo] if tempo else []
    assert followed == [120.0] * 4


def test_a_clock_that_stops_is_said_once_and_another_one_leads() -> None:
    clock = MidiClock()
    assert not clock.stopped(100.0)  # nobody leads
    assert ticks(clock, 100, 2.5) == [100.0]
    assert not clock.stopped(7.3)
    assert clock.stopped(7.6)
    assert not clock.stopped(8.0)
    led = [clock.tick("drums", 8 + n * 60 / 140 / 24) for n in range(98)]
    assert [t for t in led if t] == [140.0]


def test_a_clock_that_goes_mad_leads_no_longer_than_twenty_seconds() -> None:
    clock = MidiClock()
    assert ticks(clock, 100, 2.5) == [100.0]
    assert ticks(clock, 900, 21, begin=2.5) == []
    assert clock.stopped(23.5)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.floats(0, 0.2)), max_size=600))
def test_whatever_ticks_only_tempi_that_can_be_followed_follow(
    gaps: list[tuple[str, float]],
) -> None:
    clock, now = MidiClock(), 0.0
    for who, gap in gaps:
        now += gap
        tempo = clock.tick(who, now)
        assert tempo is None or SLOWEST <= tempo <= FASTEST
        clock.stopped(now)

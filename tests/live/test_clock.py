"""Who states the tempo, and where the beats of a clock fall in what is heard."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.engine.parameters import Parameters
from live.sync.clock import Clock, Conductor, Tempo
from live.sync.tapping import Tapping
from synth.analysis.beat import Lead
from synth.constants import HOP, RATE
from synth.engine import Engine
from synth.session import Event, Replay, SessionWriter, load_session
from synth.settings.preset import preset_of
from tests.doubles import Lamp

DT = HOP / RATE
SILENCE = np.zeros(HOP, np.float32)


class Played:
    """Parameters and an engine whose hops come late by chance."""

    def __init__(self, late: float = 0.0, seed: int = 0) -> None:
        self.events: list[Event] = []
        self.parameters = Parameters(preset_of("silk"), [], None, self.events.append)
        self.engine = Engine(self.parameters.preset.knobs, Lamp().embed)
        self.parameters.now = lambda: self.now
        self.now = 1000.0  # monotonic, at the first hop
        self._chance, self._late = np.random.default_rng(seed), late
        self.hops = 0

    def hop(self, sound: np.ndarray = SILENCE) -> bool:
        """Hear one; whether a beat fell into it."""
        self.now = 1000.0 + self.hops * DT + float(self._chance.uniform(0, self._late))
        self.parameters.before_hop(self.engine, self.hops)
        self.engine.hear(sound)
        self.hops += 1
        assert self.engine.heard is not None
        return self.engine.heard.beat

    def beats(self, seconds: float) -> list[float]:
        """When beats fell, in seconds of what is heard, at the ends of their hops."""
        return [self.hops * DT for _ in range(round(seconds / DT)) if self.hop()]


def test_whoever_ranks_highest_leads() -> None:
    clock = Clock()
    assert (clock.leader, clock.tempo) == ("", None)
    clock.state("tapped", "tapped", Tempo(100))
    clock.state("external", "sequencer", Tempo(110))
    clock.state("external", "another", Tempo(111))
    assert clock.tempo == Tempo(110)
    clock.state("set by hand", "set by hand", Tempo(120))
    assert clock.leader == "set by hand"
    for who, next_one in (
        ("set by hand", "sequencer"),
        ("sequencer", "another"),
        ("another", "tapped"),
    ):
        clock.state("external", who, None)
        assert clock.leader == next_one


@pytest.mark.parametrize("bpm", [0.0, -1.0, 19.9, 301.0, float("nan"), float("inf")])
def test_a_tempo_that_nothing_can_follow_is_refused(bpm: float) -> None:
    with pytest.raises(ValueError, match="20 to 300"):
        Tempo(bpm)
    with pytest.raises(ValueError, match="a time"):
        Tempo(120, float("nan"))


def test_one_tap_after_a_pause_states_nothing_and_an_echo_is_no_tap() -> None:
    taps = Tapping()
    assert [taps.tap(now) for now in (0.0, 0.02, 0.5, 1.0)] == [0.0, None, 120.0, 120.0]
    assert taps.tap(9.0) == 0.0


def test_a_hand_leads_before_a_clock_and_that_before_taps() -> None:
    played = Played()
    parameters = played.parameters
    for now in (0.0, 0.5, 1.0):
        parameters.tap(now)
    assert parameters.wanted.hear.bpm == 120
    parameters.follow("sequencer", Tempo(126))
    assert parameters.wanted.hear.bpm == 126
    assert parameters.tap(1.6) == 126
    parameters.turn("hear.bpm", 99)
    parameters.follow("sequencer", Tempo(127))
    assert parameters.wanted.hear.bpm == 99
    parameters.turn("hear.bpm", 0)  # nothing is set by hand, and nothing is tapped
    assert parameters.wanted.hear.bpm == 127
    parameters.follow("sequencer", None)
    assert parameters.wanted.hear.bpm == 0


def test_what_was_tapped_while_a_look_waited_is_not_taken_for_set_by_hand() -> None:
    played = Played()
    played.parameters.load("reef")
    for now in (0.0, 0.5, 1.0):
        played.parameters.tap(now)
    played.parameters.load("brass")
    played.hop()
    assert played.engine.knobs.hear.bpm == 120
    played.parameters.follow("sequencer", Tempo(126))
    played.hop()
    assert played.engine.knobs.hear.bpm == 126


def test_a_look_that_waits_for_its_beat_keeps_its_tempo_until_then(tmp_path: Path) -> None:
    played = Played()
    played.parameters.turn("preset.on_beat", True)
    played.hop()
    heard = replace(played.engine.heard, bpm=120.0, next_beat=60.0)  # type: ignore[type-var]
    played.engine.heard = heard
    look = tmp_path / "fast.toml"
    look.write_text("[hear]\nbpm = 174\n")
    played.parameters.load(str(look))
    played.parameters.before_hop(played.engine, 1)
    assert played.engine.knobs.hear.bpm == 0
    played.engine.heard = replace(heard, next_beat=heard.time)
    played.parameters.before_hop(played.engine, 2)
    assert played.engine.knobs.hear.bpm == 174


def test_an_analysis_that_begins_anew_has_its_beats_in_its_own_time() -> None:
    played = Played()
    played.parameters.follow("peer", Tempo(120, 1000.2))
    played.beats(1.0)
    played.engine = played.engine.anew()
    for number in range(9):  # hops that are not tried
        played.now += DT
        played.parameters.before_hop(played.engine, played.hops + number)
    played.parameters.before_hop(played.engine, played.hops + 9)
    assert played.engine.lead is not None
    off = (played.engine.lead.beat_at + played.now - 1000.2 + 0.25) % 0.5 - 0.25
    assert abs(off) < 0.003


def test_who_leads_is_logged() -> None:
    played = Played()
    played.parameters.follow("sequencer", Tempo(126))
    played.hop()
    played.hop()
    played.parameters.follow("sequencer", None)
    played.hop()
    told = [event for event in played.events if "clock" in event]
    assert told == [{"hop": 0, "clock": "sequencer"}, {"hop": 2, "clock": ""}]


@pytest.mark.parametrize("late", [0.0, 0.02])
def test_beats_fall_where_a_clock_has_them_though_nothing_is_heard(late: float) -> None:
    played = Played(late)
    played.parameters.follow("peer", Tempo(120, 1000.2))
    played.beats(2.0)
    fell = played.beats(8.0)
    assert len(fell) == 16
    off = [(time - 0.2 + 0.25) % 0.5 - 0.25 for time in fell]
    assert min(off) > -0.004
    assert max(off) < DT + 0.004  # the hop in which each falls, and what chance leaves
    assert sum("lead" in event for event in played.events) < 6


def test_a_clock_that_goes_leaves_the_music_to_be_heard() -> None:
    played = Played()
    played.parameters.follow("peer", Tempo(120, 1000.0))
    played.hop()
    assert played.engine.lead is not None
    played.parameters.follow("peer", None)
    played.hop()
    assert played.engine.lead is None
    assert {"hop": 1, "lead": None} in played.events


def test_a_show_that_followed_a_clock_plays_again(tmp_path: Path) -> None:
    played, sound = Played(0.02), np.random.default_rng(5)
    log = SessionWriter(tmp_path / "a.ljlog", {}, played.engine.knobs)
    hops = [sound.normal(0, 0.1, HOP).astype(np.float32) for _ in range(300)]
    phases = []
    for number, hop in enumerate(hops):
        if number in (50, 200):
            played.parameters.follow("peer", Tempo(120.0 if number == 50 else 133.3, 1000.1))
        if number == 260:
            played.parameters.follow("peer", None)
        played.hop(hop)
        log.hop(hop)
        assert played.engine.heard is not None
        phases.append(played.engine.heard.beat_phase)
    for event in played.events:
        log.event(event)
    log.close()
    replay, again = Replay(load_session(tmp_path / "a.ljlog"), Lamp().embed), []
    for hop in hops:
        replay.hear(hop)
        assert replay.heard is not None
        again.append(replay.heard.beat_phase)
    assert again == phases
    assert any(phases)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(20, 300), st.floats(-1e6, 1e6), st.integers(1, 60)), max_size=8)
)
def test_no_lead_makes_two_beats_of_one(leads: list[tuple[float, float, int]]) -> None:
    """Between two beats lies half a beat at least, however a clock jumps."""
    engine = Engine(preset_of("silk").knobs, Lamp().embed)
    fell: list[tuple[float, float]] = []  # when, and the period then
    for bpm, beat_at, hops in leads:
        engine.lead = Lead(bpm, beat_at)
        for _ in range(hops):
            engine.hear(SILENCE)
            assert engine.heard is not None
            assert 0 <= engine.heard.beat_phase < 1
            if engine.heard.beat:
                fell.append((engine.heard.time, 60 / bpm))
    for (before, _), (after, period) in pairwise(fell):
        assert after - before >= period / 2 - DT


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0, 0.05), min_size=200, max_size=200), st.floats(-1e5, 1e5))
def test_lateness_of_hops_moves_no_beat(late: list[float], begun: float) -> None:
    """Once one hop in some seconds came in time, beats are within two milliseconds and a drift."""
    conductor, lead = Conductor(), None
    late[::20] = [0.0] * len(late[::20])
    for number, more in enumerate(late):
        heard = number * DT
        lead = conductor.lead(Tempo(120, begun + 0.1), begun + heard + more, heard, lead)
    assert lead is not None
    off = (lead.beat_at - 0.1 + 0.25) % 0.5 - 0.25
    assert abs(off) < 0.003

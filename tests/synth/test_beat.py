"""Onsets and beats of drums whose times are known."""

import tracemalloc
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest

from synth.analysis.analyzer import Analyzer, Features
from synth.analysis.beat import BeatTracker, Lead
from synth.settings.knobs import Hear
from tests import sounds

START = 0.3
CLASSIC = Hear()


def drums(bpm: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Kick on every beat, a noisy snare on every second, hats in eighths; and all onsets."""
    beat = 60 / bpm
    eighths = list(np.arange(START, seconds - 0.1, beat / 2))
    snare = sounds.noise(0.15, 0.3, 7) * np.exp(-sounds.times(0.15) * 25)
    sound = sounds.struck(sounds.kick(), eighths[::2], seconds)
    sound += sounds.struck(snare, eighths[2::4], seconds)
    sound += sounds.struck(sounds.hat(), eighths, seconds)
    return sound, np.array(eighths)


@dataclass
class Heard:
    onsets: np.ndarray  # seconds, when they began
    told: np.ndarray  # seconds, when they were told
    beats: np.ndarray  # seconds, as predicted in the hop before
    bpm: np.ndarray  # of every hop

    def bpm_at(self, second: float) -> float:
        return float(self.bpm[int(second * 44100 / 512)])


BOTH = pytest.mark.parametrize(
    "knobs", [Hear(way="learned"), Hear(way="classic")], ids=["learned", "classic"]
)
TEMPO = {"learned": 0.01, "classic": 0.005}  # relative error that may be


def hear(mono: np.ndarray, knobs: Hear = CLASSIC) -> Heard:
    analyzer = Analyzer()
    heard = [analyzer.hear(hop, knobs) for hop in sounds.hops(mono)]
    return Heard(
        onsets=np.array([f.onset_time for f in heard if f.onset]),
        told=np.array([f.time for f in heard if f.onset]),
        beats=np.array([a.next_beat for a, b in pairwise(heard) if b.beat]),
        bpm=np.array([f.bpm for f in heard]),
    )


def f_measure(truth: np.ndarray, found: np.ndarray, window: float) -> float:
    """Each truth is met by at most one find within the window."""
    free = list(found)
    hits = 0
    for moment in truth:
        near = [x for x in free if abs(x - moment) <= window]
        if near:
            free.remove(min(near, key=lambda x: abs(x - moment)))
            hits += 1
    return 2 * hits / (len(truth) + len(found))


@BOTH
@pytest.mark.parametrize("bpm", [80, 100, 126, 150, 174])
def test_every_drum_is_an_onset_and_is_told_at_once(bpm: float, knobs: Hear) -> None:
    sound, truth = drums(bpm, 10)
    heard = hear(sound, knobs)
    assert f_measure(truth, heard.onsets, 0.05) >= 0.98
    delays = [heard.told[heard.told >= moment].min() - moment for moment in truth[:-1]]
    assert np.percentile(delays, 95) < 0.03


@BOTH
def test_a_held_chord_hides_no_drum(knobs: Hear) -> None:
    sound, truth = drums(120, 10)
    bed = sounds.chord((57, 60, 64), 10) * np.minimum(1, sounds.times(10) / 0.5)
    assert f_measure(truth, hear(sound + bed, knobs).onsets, 0.05) >= 0.95


@BOTH
@pytest.mark.parametrize("bpm", [85, 100, 118, 128, 140, 155, 170, 180])
def test_tempo_is_known_after_eight_seconds(bpm: float, knobs: Hear) -> None:
    heard = hear(drums(bpm, 9)[0], knobs)
    assert heard.bpm_at(8.2) == pytest.approx(bpm, rel=TEMPO[knobs.way])


def test_a_slow_tempo_is_not_counted_double() -> None:
    """By the classic ear; to the learned one eighths at 70 are beats at 140."""
    assert hear(drums(70, 9)[0]).bpm_at(8.2) == pytest.approx(70, rel=0.005)


@BOTH
@pytest.mark.parametrize("bpm", [84, 120, 165])
def test_beats_are_known_before_they_sound(bpm: float, knobs: Hear) -> None:
    sound, truth = drums(bpm, 16)
    beats = hear(sound, knobs).beats
    assert f_measure(truth[::2][truth[::2] > 8], beats[beats > 8], 0.02) > 0.95


@BOTH
def test_a_new_tempo_is_found_within_six_seconds(knobs: Hear) -> None:
    heard = hear(np.concatenate([drums(120, 12)[0], drums(132, 10)[0]]), knobs)
    assert heard.bpm_at(11.5) == pytest.approx(120, rel=TEMPO[knobs.way])
    assert heard.bpm_at(18) == pytest.approx(132, rel=TEMPO[knobs.way])


def test_a_break_of_eight_bars_is_counted_through() -> None:
    beat = 60 / 126
    before, _ = drums(126, START + 32 * beat)
    pause = sounds.chord((57, 60, 64), 32 * beat) * 0.2
    after, _ = drums(126, 8.0)
    beats = hear(np.concatenate([before, pause, after[int(START * 44100) :]])).beats
    truth = START + np.arange(80) * beat
    late = truth[(truth > 8) & (truth < beats.max() + 0.1)]
    assert f_measure(late, beats[beats > 8], 0.07) > 0.85


@BOTH
def test_silence_has_no_beat(knobs: Hear) -> None:
    heard = hear(sounds.silence(6), knobs)
    assert len(heard.beats) == len(heard.onsets) == 0
    assert not heard.bpm.any()


@BOTH
@pytest.mark.parametrize(("octave", "wanted"), [("half", 60), ("double", 240), ("as heard", 120)])
def test_the_beat_can_be_counted_half_or_double(octave: str, wanted: float, knobs: Hear) -> None:
    choice = knobs.model_copy(update={"octave": octave})
    heard = hear(drums(120, 10)[0], choice)
    assert heard.bpm[-1] == pytest.approx(wanted, rel=TEMPO[knobs.way])


@BOTH
def test_a_tapped_tempo_is_taken_and_its_phase_found(knobs: Hear) -> None:
    analyzer, beats, before = Analyzer(), [], 0.0
    for hop in sounds.hops(drums(96, 12)[0]):
        heard = analyzer.hear(hop, knobs.model_copy(update={"bpm": 96.0}))
        if heard.beat:
            beats.append(before)
        before = heard.next_beat
    assert heard.bpm == pytest.approx(96)
    assert f_measure(START + np.arange(10, 19) * 60 / 96, np.array(beats[-9:]), 0.03) > 0.85


PASSING = Lead(117.0, 9.13), Lead(120.0, 9.37), Lead(150.0, 9.0), Lead(84.0, 9.6)


def told(mono: np.ndarray, lead: Lead, span: tuple[int, int], knobs: Hear) -> list[Features]:
    """What is told while a lead is there for some hops."""
    analyzer = Analyzer()
    return [
        analyzer.hear(hop, knobs, lead if span[0] <= number < span[1] else None)
        for number, hop in enumerate(sounds.hops(mono))
    ]


@BOTH
@pytest.mark.parametrize("lead", PASSING, ids=str)
def test_a_clock_that_comes_and_goes_tells_no_beat_twice(lead: Lead, knobs: Hear) -> None:
    heard = told(drums(120, 14)[0], lead, (775, 1034), knobs)
    beats = np.array([f.time for f in heard if f.beat])
    assert np.diff(beats[beats > 5]).min() > 0.19
    assert all(f.beat_confidence == 1.0 for f in heard[775:1034])


@BOTH
def test_a_clock_that_ends_in_silence_is_counted_on(knobs: Hear) -> None:
    heard = told(sounds.silence(10), Lead(100.0, 0.5), (0, 400), knobs)
    assert heard[-1].bpm == pytest.approx(100)
    beats = np.array([f.time for f in heard if f.beat])
    assert np.diff(beats) == pytest.approx(0.6, abs=0.013)


def test_a_tempo_that_is_given_no_longer_is_left() -> None:
    analyzer = Analyzer()
    for number, hop in enumerate(sounds.hops(drums(128, 16)[0])):
        given = 100.0 if number < 700 else 0.0  # until 8.1 s
        heard = analyzer.hear(hop, Hear(way="learned", bpm=given))
    assert heard.bpm == pytest.approx(128, rel=0.02)


@BOTH
@pytest.mark.parametrize("hiss", [0.0003, 0.003])
def test_a_rooms_hiss_hides_not_even_the_first_drum(hiss: float, knobs: Hear) -> None:
    moments = [1.0 + 0.5 * k for k in range(6)]
    heard = hear(sounds.struck(sounds.kick(), moments, 5) + sounds.noise(5, hiss), knobs)
    for moment in moments:
        assert np.abs(heard.onsets - moment).min() < 0.03


@pytest.mark.parametrize("bpm", [0.01, 0.5, 3.0, 1e9, float("inf"), float("nan"), -5.0])
def test_no_tempo_that_is_given_costs_more_than_another(bpm: float) -> None:
    """0.01 took a second a look, and 1e-6 gigabytes."""
    tracker, ticks = BeatTracker(512 / 44100, delay=0.0), (np.arange(260) % 43 == 0).astype(float)
    knobs = Hear.model_construct(octave="as heard", bpm=bpm)
    tracemalloc.start()
    pulses = [tracker.step(tick, tick, knobs) for tick in ticks]
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 1e6
    assert pulses[-1].bpm == 0 or 19 < pulses[-1].bpm < 301
    assert all(np.isfinite([p.phase, p.next_beat]).all() for p in pulses)

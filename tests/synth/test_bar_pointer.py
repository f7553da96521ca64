"""The bar pointer on activations that are made: clear, thin, drifting, broken off."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.analysis.bar_pointer import BarPointer
from synth.analysis.beat import Pulse

DT = 512 / 44100
DELAY = 1.5 * DT
START = 0.3  # seconds of the first beat


def steady(bpm: float, seconds: float, start: float = START) -> np.ndarray:
    return np.arange(start, seconds, 60 / bpm)


def activations(
    beats: np.ndarray, seconds: float, meter: int = 4, seed: int = 0, missing: float = 0.0
) -> np.ndarray:
    """Beat and downbeat (hops, 2): a hop late, two hops wide, over a floor of noise."""
    random = np.random.default_rng(seed)
    made = random.uniform(0.0, 0.06, (round(seconds / DT), 2))
    for number, at in enumerate(beats):
        if random.random() < missing:
            continue
        hop = int(at / DT) + 1
        for k, height in ((hop, 0.8), (hop + 1, 0.4)):
            if k < len(made):
                made[k, 0] = height
                made[k, 1] = height if number % meter == 0 else made[k, 1]
    return made


@dataclass
class Followed:
    told: list[Pulse]
    beats: np.ndarray  # seconds, as the hop before told them
    places: np.ndarray  # in the bar

    def bpm_at(self, second: float) -> float:
        return self.told[int(second / DT)].bpm


def follow(made: np.ndarray, bpm: float = 0.0) -> Followed:
    pointer = BarPointer(DT, delay=DELAY)
    told = [pointer.step(float(beat), float(down), bpm) for beat, down in made]
    pairs = [(a, b) for a, b in pairwise(told) if b.beat]
    return Followed(
        told, np.array([a.next_beat for a, _ in pairs]), np.array([b.beat_in_bar for _, b in pairs])
    )


def off(told: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Seconds from each told beat to the nearest true one."""
    distance: np.ndarray = np.abs(told[:, None] - truth).min(1)
    return distance


@pytest.mark.parametrize("bpm", [61, 83.3, 120, 147, 174, 208])
def test_a_steady_beat_is_predicted(bpm: float) -> None:
    truth = steady(bpm, 20)
    found = follow(activations(truth, 20))
    late = found.beats[found.beats > 5]
    assert off(late, truth).max() < 0.025
    assert len(late) == pytest.approx((truth > 5).sum(), abs=1)
    assert found.bpm_at(19) == pytest.approx(bpm, rel=0.01)
    assert found.told[-1].confidence > 0.8


@pytest.mark.parametrize("meter", [3, 4])
def test_the_bar_is_found(meter: int) -> None:
    truth = steady(120, 24)
    found = follow(activations(truth, 24, meter))
    last = found.told[-1]
    assert last.beats_per_bar == meter
    late = found.beats > 12
    firsts = found.beats[late & (found.places == 1)]
    assert off(firsts, truth[::meter]).max() < 0.025
    assert len(firsts) == pytest.approx((truth[::meter] > 12).sum(), abs=1)


def test_the_bar_goes_on_from_beat_to_beat_or_is_not_told() -> None:
    made = activations(steady(120, 60), 60, seed=4)
    made[:, 1] = made[:, 0] * np.random.default_rng(4).choice([0.2, 0.9], len(made))
    places = follow(made).places
    pairs = [(a, b) for a, b in pairwise(places.tolist()) if a and b]
    jumps = sum(b not in (a + 1, 1) for a, b in pairs)
    assert jumps <= 0.03 * len(places)


def test_without_downbeats_no_bar_is_told() -> None:
    made = activations(steady(120, 20), 20)
    made[:, 1] = 0.25 * made[:, 0]  # each beat is as likely the first one
    assert set(follow(made).places.tolist()) == {0}


def test_beats_that_are_missing_are_counted_through() -> None:
    truth = steady(126, 30)
    found = follow(activations(truth, 30, missing=0.4, seed=3))
    late = found.beats[found.beats > 8]
    assert np.mean(off(late, truth) < 0.05) > 0.97
    assert len(late) == pytest.approx((truth > 8).sum(), abs=2)


@pytest.mark.parametrize("change", [-0.08, 0.08])
def test_a_pitch_fader_is_followed(change: float) -> None:
    t = np.arange(0, 30, DT)
    speed = 124 / 60 * (1 + change * np.clip((t - 10) / 10, 0, 1))
    beats = np.cumsum(speed) * DT
    truth = np.interp(np.arange(1, int(beats[-1])), beats, t)
    found = follow(activations(truth, 30))
    late = found.beats[found.beats > 6]
    assert np.mean(off(late, truth) < 0.05) > 0.95
    assert found.bpm_at(29) == pytest.approx(124 * (1 + change), rel=0.01)


def test_a_break_of_sixteen_bars_keeps_tempo_and_phase() -> None:
    bpm, gone = 126.0, (12.0, 12.0 + 64 * 60 / 126)
    truth = steady(bpm, 50)
    sounding = truth[(truth < gone[0]) | (truth > gone[1])]
    found = follow(activations(sounding, 50))
    within = found.beats[(found.beats > gone[0]) & (found.beats < gone[1])]
    assert len(within) == pytest.approx(64, abs=1)
    assert off(within, truth).max() < 0.08


def test_another_tempo_is_taken_over_within_four_seconds() -> None:
    truth = np.concatenate([steady(120, 15), steady(150, 30, 15.2)])
    found = follow(activations(truth, 30))
    late = found.beats[found.beats > 19.2]
    assert off(late, truth).max() < 0.03
    assert found.bpm_at(29) == pytest.approx(150, rel=0.01)


def test_a_given_tempo_decides_the_octave() -> None:
    made = activations(steady(150, 20), 20)
    assert follow(made, bpm=75).bpm_at(19) == pytest.approx(75)
    assert follow(made).bpm_at(19) == pytest.approx(150, rel=0.02)


def test_a_faster_given_tempo_has_its_next_beat_within_a_period() -> None:
    pointer, made = BarPointer(DT, delay=DELAY), activations(steady(60, 20), 20)
    for number, (beat, down) in enumerate(made):
        told = pointer.step(float(beat), float(down), 60.0 if number < 900 else 180.0)
        if number > 901:
            assert told.next_beat - (number + 1) * DT < 1.55 * 60 / told.bpm


def test_noise_is_not_trusted() -> None:
    random = np.random.default_rng(1)
    made = np.repeat(random.uniform(0, 0.2, (1500, 1)), 2, 1)
    assert np.mean([pulse.confidence for pulse in follow(made).told]) < 0.4


def test_silence_has_no_beat() -> None:
    assert not any(pulse.bpm for pulse in follow(np.zeros((800, 2))).told)


@settings(deadline=None, max_examples=20)
@given(
    st.lists(
        st.tuples(*[st.floats(allow_nan=True, allow_infinity=True)] * 2), min_size=1, max_size=300
    ),
    st.sampled_from([0.0, 20.0, 120.0, 999.0, math.inf, math.nan, -1.0]),
)
def test_nothing_that_comes_breaks_it(made: list[tuple[float, float]], bpm: float) -> None:
    pointer = BarPointer(DT, delay=DELAY)
    for beat, downbeat in made * 3:
        told = pointer.step(beat, downbeat, bpm)
        assert 0 <= told.phase < 1 and 0 <= told.confidence <= 1
        assert math.isfinite(told.next_beat) and (not told.bpm or 27 < told.bpm < 430)


def test_beats_keep_their_distance_and_are_told_before() -> None:
    random = np.random.default_rng(5)
    told = follow(random.random((3000, 2)) ** 6).told
    hops = np.flatnonzero([pulse.beat for pulse in told])
    periods = np.array([60 / pulse.bpm if pulse.bpm else 0 for pulse in told])
    assert len(hops) > 20
    assert (np.diff(hops) * DT > 0.4 * periods[hops[1:]]).all()
    for hop in hops:  # whoever draws ahead has the time in the hop before
        assert (hop - 1) * DT - 1e-6 <= told[hop - 1].next_beat - DT <= (hop + 1) * DT

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.latents.mixture import Mixture, chosen_classes, class_of_pitch, time_constant
from synth.settings.imagenet import class_number
from synth.settings.knobs import Steer

DT = 0.0116


def settled(chroma: np.ndarray, count: int, steer: Steer | None = None) -> np.ndarray:
    mixture = Mixture(count)
    for _ in range(2000):
        weights = mixture.step(chroma, 1.0, steer or Steer(), DT)
    return weights


def sounding(*pitches: int) -> np.ndarray:
    chroma = np.full(12, 0.05)
    chroma[list(pitches)] = 1
    return chroma


@pytest.mark.parametrize("pitch", range(12))
def test_each_pitch_class_has_its_own_class(pitch: int) -> None:
    weights = settled(sounding(pitch), 12)
    assert weights.argmax() == pitch
    assert weights[pitch] == pytest.approx(1)
    assert np.delete(weights, pitch).max() < 0.1


@pytest.mark.parametrize("count", range(1, 13))
def test_every_class_is_reached_by_some_pitch(count: int) -> None:
    assert set(class_of_pitch(count)) == set(range(count))


def test_neighbours_on_the_circle_of_fifths_share_a_class() -> None:
    classes = class_of_pitch(4)
    assert classes[0] == classes[7] == classes[2]  # C, G, D
    assert classes[0] != classes[6]  # C, F sharp


def test_sensitivity_is_the_classic_filter_in_seconds() -> None:
    assert time_constant(220) == pytest.approx(80 / 43.07, rel=1e-3)
    slow, fast = Steer(pitch_sensitivity=100), Steer(pitch_sensitivity=290)
    for steer in (slow, fast):
        mixture, tau = Mixture(12), time_constant(steer.pitch_sensitivity)
        for _ in range(round(tau / DT)):
            mixture.step(sounding(3), 1.0, steer, DT)
        assert mixture._level[3] == pytest.approx(1 - 0.5 / np.e, abs=0.01)


def test_silence_holds_the_mixture() -> None:
    mixture = Mixture(12)
    for _ in range(500):
        before = mixture.step(sounding(4), 1.0, Steer(), DT)
    for _ in range(500):
        after = mixture.step(np.zeros(12), 0.0, Steer(), DT)
    assert np.array_equal(before, after)


@given(st.lists(st.floats(0, 1), min_size=12, max_size=12), st.integers(1, 12), st.floats(0, 1))
def test_weights_stay_between_nothing_and_depth(
    chroma: list[float], count: int, depth: float
) -> None:
    weights = Mixture(count).step(np.array(chroma), 1.0, Steer(depth=depth), 1.0)
    assert weights.shape == (count,)
    assert weights.min() >= 0
    assert weights.max() == pytest.approx(depth)


def test_without_classes_the_seed_draws_twelve_different_ones() -> None:
    drawn = chosen_classes(Steer(seed=5))
    assert len(set(drawn)) == 12
    assert drawn == chosen_classes(Steer(seed=5))
    assert drawn != chosen_classes(Steer(seed=6))
    assert chosen_classes(Steer(classes=(1, 2))) == (1, 2)


def test_classes_to_avoid_never_show() -> None:
    steer = Steer(classes=(1, 2, 3), avoid=(2,))
    assert chosen_classes(steer) == (1, 3)
    drawn = chosen_classes(Steer(seed=5))
    others = chosen_classes(Steer(seed=5, avoid=drawn))
    assert len(others) == 12
    assert not set(drawn) & set(others)
    assert not set(chosen_classes(Steer(classes=drawn, avoid=drawn))) & set(drawn)


def test_a_whole_group_is_avoided() -> None:
    steer = Steer.model_validate(
        {"classes": ["Indian cobra", "volcano"], "avoid": "snakes,spiders"}
    )
    assert chosen_classes(steer) == (class_number("volcano"),)

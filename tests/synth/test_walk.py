import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.latents.walk import WALL, Walk, folded, truncated_normal


def walk(seed: int = 1) -> Walk:
    return Walk(np.random.RandomState(seed))


@settings(deadline=None, max_examples=30)
@given(
    pushes=st.lists(st.floats(0, 2), min_size=1, max_size=60),
    sensitivity=st.floats(0, 1),
    jitter=st.floats(0, 1),
    dt=st.floats(0.001, 0.5),
)
def test_the_walk_never_leaves_its_walls(
    pushes: list[float], sensitivity: float, jitter: float, dt: float
) -> None:
    walker = walk()
    for push in pushes * 5:
        position = walker.step(push, sensitivity=sensitivity, jitter=jitter, dt=dt)
        assert np.abs(position).max() <= WALL


def test_louder_sound_walks_faster() -> None:
    def distance(push: float) -> float:
        walker = walk()
        before = walker.position.copy()
        for _ in range(10):
            walker.step(push, sensitivity=0.05, jitter=0.0, dt=0.01)
        return float(np.abs(walker.position - before).mean())

    assert distance(0.0) < 1e-12
    assert distance(0.4) == pytest.approx(2 * distance(0.2), rel=0.05)


def test_the_walk_stops_when_the_sound_stops() -> None:
    walker = walk()
    for _ in range(100):
        walker.step(0.5, sensitivity=0.25, jitter=0.5, dt=0.0116)
    for _ in range(200):
        walker.step(0.0, sensitivity=0.25, jitter=0.5, dt=0.0116)
    rest = walker.position.copy()
    walker.step(0.0, sensitivity=0.25, jitter=0.5, dt=0.0116)
    assert np.abs(walker.position - rest).max() < 1e-4


def test_without_jitter_all_units_keep_one_pace() -> None:
    walker = walk()
    before = walker.position.copy()
    for _ in range(5):
        walker.step(0.2, sensitivity=0.05, jitter=0.0, dt=0.0116)
    assert np.ptp(np.abs(walker.position - before)) < 1e-12


def test_the_walk_crosses_from_wall_to_wall() -> None:
    walker = walk()
    track = np.stack(
        [walker.step(0.3, sensitivity=0.25, jitter=0.5, dt=0.0116).copy() for _ in range(3000)]
    )
    assert (track.max(0) > 1.5).all()
    assert (track.min(0) < -1.5).all()


@given(st.lists(st.floats(-1e3, 1e3), min_size=1))
def test_folding_reflects_and_never_jumps(values: list[float]) -> None:
    position = np.array(values)
    assert np.abs(folded(position)).max() <= WALL + 1e-9
    step = np.abs(folded(position + 0.01) - folded(position))
    assert step.max() <= 0.01 + 1e-9


def test_folding_leaves_what_is_inside() -> None:
    inside = np.linspace(-WALL, WALL, 101)
    assert folded(inside) == pytest.approx(inside)


def test_the_start_is_a_truncated_normal() -> None:
    drawn = truncated_normal(np.random.RandomState(0), 20000)
    assert np.abs(drawn).max() <= WALL
    assert drawn.std() == pytest.approx(0.88, abs=0.01)  # of a normal cut at two deviations

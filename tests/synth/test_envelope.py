import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.analysis.envelope import RunningPeak, follow


@given(st.integers(1, 200), st.floats(0.01, 5))
def test_following_takes_the_same_time_at_any_rate(steps: int, tau: float) -> None:
    value = 0.0
    for _ in range(steps):
        value = follow(value, 1.0, tau=tau, dt=1.0 / steps)
    assert value == pytest.approx(1 - math.exp(-1 / tau), abs=1e-9)


def test_no_time_constant_means_at_once() -> None:
    assert follow(0.0, 3.0, tau=0.0, dt=0.01) == 3.0


@given(st.lists(st.floats(0, 1e3), min_size=1, max_size=50), st.floats(1e-3, 1e3))
def test_a_running_peak_scales_with_its_input(values: list[float], gain: float) -> None:
    plain = RunningPeak(release=1.0)
    scaled = RunningPeak(release=1.0)
    for value in values:
        peak = plain.update(value, 0.1)
        assert scaled.update(value * gain, 0.1) == pytest.approx(peak * gain, rel=1e-6)
        assert peak >= value


def test_a_peak_is_forgotten_down_to_its_floor() -> None:
    peak = RunningPeak(release=1.0)
    peak.update(1.0, 0.01)
    assert peak.update(0.0, 1.0) == pytest.approx(math.exp(-1))
    assert peak.update(0.0, 60.0, floor=0.1) == 0.1

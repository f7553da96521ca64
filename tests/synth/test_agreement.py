"""Times matched one to one, and F: the same as mir_eval's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.analysis.agreement import BEAT_WINDOW, f_measure, matched

# quarters of the window's neighbours, so that no difference is the window but for its last bit
TIMES = st.lists(st.integers(0, 400), max_size=40).map(lambda whole: np.sort(whole) / 64)


def test_each_time_is_matched_once() -> None:
    truth, told = np.array([1.0, 2.0, 3.0]), np.array([0.95, 1.05, 2.2, 3.06])
    assert matched(truth, told, BEAT_WINDOW).tolist() == [[0, 0], [2, 3]]
    assert f_measure(truth, told) == pytest.approx(4 / 7)


def test_the_earliest_pair_leaves_the_next_one_its_own() -> None:
    """Nearest first would match the second true time with the first told one, and lose a pair."""
    truth, told = np.array([1.00, 1.08]), np.array([1.06, 1.14])
    assert matched(truth, told, BEAT_WINDOW).tolist() == [[0, 0], [1, 1]]


def test_nothing_agrees_with_nothing() -> None:
    nothing = np.zeros(0)
    assert matched(nothing, np.ones(1), 1.0).shape == (0, 2)
    assert f_measure(nothing, nothing) == 0
    assert f_measure(np.ones(1), nothing) == 0


@given(TIMES, TIMES)
def test_pairs_lie_within_the_window_and_share_nothing(truth: np.ndarray, told: np.ndarray) -> None:
    pairs = matched(truth, told, BEAT_WINDOW)
    assert (np.abs(truth[pairs[:, 0]] - told[pairs[:, 1]]) <= BEAT_WINDOW).all()
    assert (np.diff(pairs, axis=0) > 0).all()


@given(TIMES, TIMES)
def test_f_is_mir_evals(truth: np.ndarray, told: np.ndarray) -> None:
    """mir_eval finds a largest matching by Hopcroft and Karp's algorithm."""
    mir_eval = pytest.importorskip("mir_eval", exc_type=ImportError)
    if len(truth) and len(told):  # it warns of empty ones
        wanted = mir_eval.beat.f_measure(truth, told, BEAT_WINDOW)
        assert f_measure(truth, told) == pytest.approx(wanted)

"""What was told against what is true, of one excerpt; all times in seconds."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.records.trackers import Told
from synth.analysis.agreement import BEAT_WINDOW, ONSET_WINDOW, f_measure, matched

LOCKED = 10.0  # seconds after which beats count
_IN_A_ROW = 4  # beats that are right before the first of them counts as found
_DRAWS = 2000  # of a bootstrap


@dataclass(frozen=True)
class BeatScore:
    """How well the beats of one excerpt were told."""

    f: float  # F within 70 ms
    octave: float  # the best F against every beat, every second one, and twice as many
    first: float  # when the first right beat was, infinite if never


def beat_score(truth: np.ndarray, told: np.ndarray) -> BeatScore:
    """Of true beats (n,), sorted, and told ones (m,)."""
    told = np.sort(told)
    late_told = told[told >= LOCKED]
    scores = [f_measure(beats[beats >= LOCKED], late_told) for beats in octaves(truth)]
    return BeatScore(scores[0], max(scores), first_right(truth, told))


def octaves(beats: np.ndarray) -> list[np.ndarray]:
    """The beats, then every second one from the first and from the second on, and twice as many."""
    between = (beats[1:] + beats[:-1]) / 2
    return [beats, beats[::2], beats[1::2], np.sort(np.concatenate([beats, between]))]


def first_right(truth: np.ndarray, told: np.ndarray) -> float:
    """The first told beat from which on four told in a row are four true ones in a row."""
    pairs = matched(truth, told, BEAT_WINDOW)
    for begin in range(len(pairs) - _IN_A_ROW + 1):
        run = pairs[begin : begin + _IN_A_ROW]
        if (run[-1] - run[0] == _IN_A_ROW - 1).all():
            return float(told[run[0][1]])
    return np.inf


def late_f(truth: np.ndarray | None, told: np.ndarray | None) -> float | None:
    """F of downbeats, where they are known and told."""
    if truth is None or told is None:
        return None
    return f_measure(truth[truth >= LOCKED], np.sort(told[told >= LOCKED]))


def onset_f(truth: np.ndarray, told: Told) -> float:
    return f_measure(truth, np.sort(told.onsets), ONSET_WINDOW)


def onset_delays(truth: np.ndarray, told: Told) -> list[float]:
    """From each onset that was found to the end of the hop that told it."""
    order = np.argsort(told.onsets)
    pairs = matched(truth, told.onsets[order], ONSET_WINDOW)
    return list(told.onsets_told[order][pairs[:, 1]] - truth[pairs[:, 0]])


def confident(truth: np.ndarray, told: Told) -> list[tuple[float, bool]]:
    """Confidence of each told beat, and whether the beat was right."""
    if told.confidence is None:
        return []
    order = np.argsort(told.beats, kind="stable")
    right = np.zeros(len(order), bool)
    right[matched(truth, told.beats[order], BEAT_WINDOW)[:, 1]] = True
    return [(float(c), bool(r)) for c, r in zip(told.confidence[order], right, strict=True)]


def interval(values: Sequence[float], seed: int = 0) -> tuple[float, float]:
    """The middle 95 % of means of as many values, drawn again and again with a fixed seed."""
    stream = np.random.RandomState(seed)
    draws = stream.randint(0, len(values), (_DRAWS, len(values)))
    low, high = np.percentile(np.asarray(values)[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)

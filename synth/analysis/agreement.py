"""How well told times agree with true ones: matching one to one within a window, and the F measure.

The same numbers as mir_eval's (Raffel et al., "mir_eval: a transparent implementation of common MIR
metrics", 2014), to which a test holds them.
"""

import numpy as np

BEAT_WINDOW = 0.07  # seconds by which a told beat may be off, as in MIREX's beat tracking
ONSET_WINDOW = 0.05  # seconds by which a told onset may be off, as in MIREX's onset detection


def matched(truth: np.ndarray, told: np.ndarray, within: float) -> np.ndarray:
    """Indices (pairs, 2) into `truth` (n,) and `told` (m,), both sorted seconds.

    No two pairs share a time. There is no larger matching: all windows are equally wide, so the
    earliest times that may still be matched can be matched with one another.
    """
    pairs, i, k = [], 0, 0
    while i < len(truth) and k < len(told):
        late = told[k] - truth[i]
        if abs(late) <= within:
            pairs.append((i, k))
        i, k = i + (late >= -within), k + (late <= within)
    return np.array(pairs, int).reshape(-1, 2)


def f_measure(truth: np.ndarray, told: np.ndarray, within: float = BEAT_WINDOW) -> float:
    """Harmonic mean of the shares of true and of told times that are matched; 0 without any."""
    both = len(truth) + len(told)
    return 2 * len(matched(truth, told, within)) / both if both else 0.0

import numpy as np

from live.engine.quality import Governor

COSTS = (16.0, 4.0, 1.0)


def played(governor: Governor, seconds_at: tuple[float, ...], length: float) -> list[int]:
    """Levels, one a frame, when each level's frames take so long."""
    levels, now = [], 0.0
    while now < length:
        took = seconds_at[governor.level]
        governor = governor.after(took)
        now += took
        levels.append(governor.level)
    return levels


def test_late_frames_step_down_until_they_are_in_time() -> None:
    assert played(Governor(COSTS), (0.2, 0.1, 0.02), 20)[-1] == 2


def test_frames_in_time_change_nothing() -> None:
    assert set(played(Governor(COSTS), (0.04, 0.01, 0.01), 60)) == {0}


def test_it_steps_up_when_there_is_time() -> None:
    assert played(Governor(COSTS, level=2), (0.02, 0.006, 0.001), 60)[-1] == 0


def test_a_single_late_frame_is_forgiven() -> None:
    governor = Governor(COSTS)
    for took in (0.02, 0.02, 0.5, *[0.02] * 50):
        governor = governor.after(took)
    assert governor.level == 0


def test_it_does_not_swing_when_the_finer_step_disappoints() -> None:
    """Costs promise that level 0 keeps up; it never does."""
    levels = np.array(played(Governor(COSTS, level=1), (0.12, 0.006, 0.001), 600))
    assert np.count_nonzero(np.diff(levels)) <= 14  # some seven trials in ten minutes
    assert np.mean(levels == 1) > 0.9


def test_the_last_step_is_kept_however_late() -> None:
    assert played(Governor(COSTS), (1.0, 1.0, 1.0), 60)[-1] == 2

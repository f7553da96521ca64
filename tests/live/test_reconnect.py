import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.audio.reconnect import (
    PROVEN,
    RETRIES,
    STALLED,
    Action,
    Line,
    Phase,
    looked_at,
    opened,
    refused,
)


def open_line(now: float = 10.0) -> Line:
    return opened(Line(Phase.OPENING), now)


def test_it_is_opened_at_once() -> None:
    line, action = looked_at(Line(), 0.0, active=False, newest=0.0)
    assert (line.phase, action) == (Phase.OPENING, Action.OPEN)


def test_sound_keeps_it_open() -> None:
    line = open_line()
    for k in range(100):
        now = 10 + k / 10
        line, action = looked_at(line, now, active=True, newest=now)
        assert (line.phase, action) == (Phase.OPEN, Action.NONE)


def test_a_stream_that_stopped_is_closed() -> None:
    line, action = looked_at(open_line(), 10.1, active=False, newest=10.05)
    assert (line.phase, action) == (Phase.WAITING, Action.CLOSE)
    assert line.trouble == "the input stopped"


def test_a_stream_that_says_nothing_is_closed_after_a_while() -> None:
    line = open_line()
    line, action = looked_at(line, 10 + STALLED - 0.1, active=True, newest=10.0)
    assert action is Action.NONE
    line, action = looked_at(line, 10 + STALLED + 0.1, active=True, newest=10.0)
    assert action is Action.CLOSE
    assert "no sound came" in line.trouble


def test_it_is_tried_again_for_ever_and_ever_more_slowly() -> None:
    now, line, waits = 100.0, open_line(100.0), []
    line, _ = looked_at(line, now, active=False, newest=now)
    for _ in range(8):
        waits.append(line.due - now)
        now = line.due
        line, action = looked_at(line, now, active=False, newest=0.0)
        assert action is Action.OPEN
        line = refused(line, now, "no such device")
    assert waits == pytest.approx([*RETRIES, *[RETRIES[-1]] * 3])


def test_a_line_that_holds_begins_its_retries_anew() -> None:
    line = opened(Line(Phase.OPENING, tries=4), 50.0)
    line, _ = looked_at(line, 50 + PROVEN - 0.5, active=True, newest=50 + PROVEN - 0.5)
    assert line.tries == 4
    line, _ = looked_at(line, 50 + PROVEN + 0.1, active=True, newest=50 + PROVEN + 0.1)
    assert line.tries == 0


@given(st.lists(st.tuples(st.floats(0.01, 3), st.booleans(), st.booleans(), st.booleans())))
def test_it_never_opens_twice_nor_closes_what_is_closed(
    looks: list[tuple[float, bool, bool, bool]],
) -> None:
    line, now, is_open = Line(), 0.0, False
    for dt, active, sound, works in looks:
        now += dt
        line, action = looked_at(line, now, active=active, newest=now if sound else 0.0)
        if action is Action.OPEN:
            assert not is_open
            is_open = works
            line = opened(line, now) if works else refused(line, now, "no")
        elif action is Action.CLOSE:
            assert is_open
            is_open = False
        assert is_open == (line.phase is Phase.OPEN)

"""How far a song is: told or counted, and the same again from the jumps that were written down."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.position import Position

DT = 512 / 44100


def test_nobody_tells_and_hops_are_counted() -> None:
    position = Position(DT)
    for hop in range(1, 5000):
        assert position.step() is None
        assert position.seconds == hop * DT


def test_a_later_start_is_one_jump() -> None:
    position, begun = Position(DT), 30.0
    jumps = [position.step(begun + (hop + 1) * DT) for hop in range(500)]
    assert jumps[0] == {"at": begun + DT, "still": False}
    assert not any(jumps[1:])
    assert position.seconds == pytest.approx(begun + 500 * DT)


def test_a_pause_is_two_jumps_however_long() -> None:
    position, jumps = Position(DT), []
    for hop in range(2000):
        gone = min(hop, 100) if hop < 1500 else hop - 1400
        jumps.append(position.step((gone + 1) * DT))
    told = [(hop, jump["still"]) for hop, jump in enumerate(jumps) if jump]
    assert told == [(101, True), (1501, False)]
    assert position.seconds == pytest.approx(600 * DT)


def test_no_number_is_no_place() -> None:
    position = Position(DT)
    assert position.step(float("nan")) is None
    assert position.step(float("inf")) is None
    assert position.seconds == 2 * DT


@settings(deadline=None)
@given(st.lists(st.none() | st.floats(0, 1e4) | st.floats(-0.01, 0.03), max_size=200))
def test_the_jumps_alone_give_every_place_to_the_bit(told: list[float | None]) -> None:
    """Floats up to 0.03 go on from where the song was, as a song does; None is not told."""
    live, again = Position(DT), Position(DT)
    log: list[dict[str, Any]] = []
    places = []
    for hop, at in enumerate(told):
        here = live.seconds + at if at is not None and at <= 0.03 else at
        jump = live.step(here)
        if jump:
            log.append({"hop": hop} | json.loads(json.dumps(jump)))
        places.append(live.seconds)
        assert here is None or abs(live.seconds - here) <= DT / 2
    for hop, place in enumerate(places):
        for event in (event for event in log if event["hop"] == hop):
            again.jump(event["at"], event["still"])
        again.step()
        assert again.seconds == place

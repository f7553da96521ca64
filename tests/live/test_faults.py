from hypothesis import given, settings
from hypothesis import strategies as st

from live.faults import Fault, Faults, Notices, reason_of


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_first_last_and_count_of_each_kind_are_kept() -> None:
    clock = Clock()
    faults = Faults(clock)
    for second in (1.0, 2.0, 5.0):
        clock.now = second
        faults.tell("capture", f"no sound for {second} s")
    faults.tell("writing", "disk full")
    first, second_kind = faults
    assert (first.count, first.first, first.last) == (3, 1.0, 5.0)
    assert (first.text, first.latest) == ("no sound for 1.0 s", "no sound for 5.0 s")
    assert str(first) == "capture: no sound for 5.0 s (3 times)"
    assert str(second_kind) == "writing: disk full"
    assert faults.total == 4
    assert faults.values()[0]["first"] == 1.0


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text(), st.text()), max_size=300))
def test_however_many_and_strange_they_are_bounded_and_none_is_uncounted(
    told: list[tuple[str, str]],
) -> None:
    faults = Faults()
    for part, text in told:
        faults.tell(part, text * 300)
    assert faults.total == len(told)
    assert len(faults) <= 129
    assert all(len(fault.text) <= 240 for fault in faults)


def test_a_thousand_kinds_are_counted_together_once_there_are_many() -> None:
    faults = Faults()
    for number in range(1000):
        faults.tell("part", "x", kind=f"kind {number}")
    assert len(faults) == 129
    assert faults.total == 1000


def test_listeners_hear_of_the_first_and_of_each_doubling() -> None:
    heard: list[Fault] = []
    faults = Faults()
    faults.listeners.append(heard.append)
    for number in range(20_000):
        faults.tell("analysis", f"hop {number} failed")
    assert [fault.count for fault in heard] == [2**k for k in range(15)]


def test_what_came_lately_is_newest_first_and_goes() -> None:
    clock = Clock()
    faults = Faults(clock)
    faults.tell("a", "one")
    clock.now = 6.0
    faults.tell("b", "two")
    assert [fault.part for fault in faults.lately(10.0)] == ["b", "a"]
    clock.now = 12.0
    assert [fault.part for fault in faults.lately(10.0)] == ["b"]


def test_a_notice_stands_for_a_while_and_a_newer_one_takes_its_place() -> None:
    clock = Clock()
    notices = Notices(clock)
    notices.say("512 now")
    notices.say("384 now")
    assert notices.newest == "384 now"
    clock.now = 9.0
    assert notices.newest == ""


def test_the_reason_of_an_error_is_one_short_line() -> None:
    assert reason_of(ValueError("a\nb")) == "ValueError: a"
    assert reason_of(KeyError()) == "KeyError"
    assert len(reason_of(ValueError("x" * 9999))) < 300

"""Threads that raise, die and hang, by a clock that the test turns."""

import threading

import pytest

from live.supervisor import Shift, Supervisor
from tests.stage import until


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def supervisor(clock: Clock) -> Supervisor:
    return Supervisor(clock)


def test_a_round_that_raises_is_told_with_the_threads_name_and_the_next_one_follows(
    supervisor: Supervisor,
) -> None:
    rounds: list[int] = []

    def work(shift: Shift) -> None:
        rounds.append(len(rounds))
        if len(rounds) == 2:
            raise ValueError("no such thing")
        shift.wait(0.001)

    worker = supervisor.employ("lamps", work)
    until(lambda: len(rounds) > 5, "the rounds after it", 5)
    assert supervisor.dismiss(worker, 2.0)
    assert [str(fault) for fault in supervisor.faults] == ["lamps: ValueError: no such thing"]


def test_faults_that_come_thick_are_backed_off_and_a_good_second_ends_that(
    supervisor: Supervisor, clock: Clock
) -> None:
    shift, waited = Shift(clock), list[float]()
    shift.wait = lambda seconds: bool(waited.append(seconds))  # type: ignore[method-assign]
    worker = supervisor.worker("lamps", lambda _: 1 / 0)  # type: ignore[arg-type, return-value]
    for _ in range(12):
        worker.do(lambda _: 1 / 0, shift)  # type: ignore[arg-type, return-value]
    assert waited[0] == 0.0
    assert waited == sorted(waited)
    assert waited[-1] == 1.0
    clock.now += 1.5
    worker.do(lambda _: 1 / 0, shift)  # type: ignore[arg-type, return-value]
    assert waited[-1] == 0.0
    (fault,) = supervisor.faults
    assert fault.count == 13


def test_a_thread_that_died_is_told_and_another_one_works(supervisor: Supervisor) -> None:
    begun = threading.Semaphore(0)
    lives = [SystemExit, None]

    def work(shift: Shift) -> None:
        begun.release()
        if lives and (fate := lives.pop(0)) is not None:
            raise fate
        shift.wait(0.01)

    worker = supervisor.employ("lamps", work)
    assert begun.acquire(timeout=2)
    until(lambda: not worker.alive, "its death", 2)
    supervisor.look()
    assert begun.acquire(timeout=2)
    assert worker.alive
    assert worker.restarts == 1
    assert "died" in str(next(iter(supervisor.faults)))
    assert supervisor.dismiss(worker, 2.0)


def test_a_thread_that_hangs_is_replaced_and_finds_what_it_brings_refused(
    supervisor: Supervisor, clock: Clock
) -> None:
    let_go, brought, renewed = threading.Event(), list[str](), list[int]()
    hung = threading.Event()

    def work(shift: Shift) -> None:
        if not hung.is_set():
            hung.set()
            let_go.wait(5)
            brought.append("late" if shift.over else "accepted")
            return
        brought.append("new")
        shift.wait(0.01)

    worker = supervisor.employ("lamps", work, renew=lambda: renewed.append(1))
    assert hung.wait(2)
    clock.now += 0.2
    supervisor.look()
    clock.now += 1.0
    supervisor.look()
    assert not len(supervisor.faults)  # two seconds are nobody's fault
    clock.now += 1.0
    supervisor.look()
    assert "lamps: has not come round for 2.2 s" in map(str, supervisor.faults)
    until(lambda: "new" in brought, "the new thread", 2)
    let_go.set()
    until(lambda: "late" in brought, "the old one", 2)
    assert "accepted" not in brought
    assert renewed == [1]
    assert supervisor.dismiss(worker, 2.0)


def test_a_thread_that_is_usually_slow_has_five_rounds_of_patience(
    supervisor: Supervisor, clock: Clock
) -> None:
    worker = supervisor.worker("lamps", lambda _: None)
    for _ in range(60):
        worker.do(lambda _: setattr(clock, "now", clock.now + 1.0))
    assert 4.8 < worker.patience <= 5.0


def test_an_allowance_holds_for_one_round(supervisor: Supervisor) -> None:
    worker = supervisor.worker("lamps", lambda _: None)
    seen: list[float] = []

    def loads(shift: Shift) -> None:
        shift.allow(60.0)
        seen.append(worker.patience)

    worker.do(loads)
    worker.do(lambda _: seen.append(worker.patience))
    assert seen == [60.0, 2.0]


def test_threads_that_hang_for_ever_are_not_piled_up(supervisor: Supervisor, clock: Clock) -> None:
    let_go, begun = threading.Event(), list[int]()

    def work(_shift: Shift) -> None:
        begun.append(1)
        let_go.wait(10)

    worker = supervisor.employ("lamps", work, renew=lambda: None)
    for _ in range(20):
        clock.now += 1.2
        supervisor.look()
    assert len(begun) == 4
    for _ in range(120):  # nor does what they did stop for ever
        clock.now += 1.2
        supervisor.look()
    assert 6 <= len(begun) <= 7
    let_go.set()
    assert supervisor.dismiss(worker, 2.0)


def test_a_program_that_stood_still_as_a_whole_has_no_hung_threads(
    supervisor: Supervisor, clock: Clock
) -> None:
    worker = supervisor.employ("lamps", lambda shift: shift.wait(0.01) and None)
    supervisor.look()
    clock.now += 7.0  # SIGSTOP
    supervisor.look()
    assert [fault.part for fault in supervisor.faults] == ["supervisor"]
    assert "7.0 s" in str(next(iter(supervisor.faults)))
    assert supervisor.dismiss(worker, 2.0)


def test_a_worker_that_does_not_end_is_told_and_left(supervisor: Supervisor) -> None:
    let_go, begun = threading.Event(), threading.Event()

    def work(_shift: Shift) -> None:
        begun.set()
        let_go.wait(10)

    worker = supervisor.employ("lamps", work)
    assert begun.wait(2)
    assert not supervisor.dismiss(worker, 0.05)
    assert "left behind" in str(next(iter(supervisor.faults)))
    let_go.set()


def test_the_supervisors_own_thread_tells_within_a_second() -> None:
    supervisor = Supervisor()
    died = supervisor.employ("lamps", lambda _: (_ for _ in ()).throw(SystemExit))
    supervisor.start()
    until(lambda: len(supervisor.faults), "the telling", 1.0)
    supervisor.dismiss(died, 1.0)
    supervisor.stop()

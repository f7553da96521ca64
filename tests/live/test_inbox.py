"""What becomes of packets, on clocks that the test turns."""

import struct
from typing import Any

import pytest

from live.control.inbox import BURST, RATE, Inbox
from live.control.osc_packets import packet_of
from tests.live.test_osc_packets import bundle

EPOCH = 1_700_000_000.0


class Clocks:
    """A monotonic clock and one on the wall; `pass_by` turns both, the wall's may step alone."""

    def __init__(self) -> None:
        self.now, self.wall = 100.0, EPOCH

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        self.wall += seconds


class Taker:
    """An inbox and what it carried out; `/fail` raises."""

    def __init__(self) -> None:
        self.clocks = Clocks()
        self.done: list[tuple[str, list[Any]]] = []
        self.inbox = Inbox(
            "OSC in", self.carry_out, clock=lambda: self.clocks.now, wall=lambda: self.clocks.wall
        )

    def carry_out(self, address: str, arguments: list[Any], sender: Any) -> None:
        if address.startswith("/fail"):
            raise {"/fail/deep": RecursionError, "/fail/value": ValueError}.get(address, OSError)(
                "as asked"
            )
        self.done.append((address, arguments))

    @property
    def kinds(self) -> set[str]:
        return {fault.kind for fault in self.inbox.faults if fault.part == "OSC in"}


@pytest.fixture
def taker() -> Taker:
    return Taker()


def numbered(count: int, begin: int = 0) -> list[bytes]:
    return [packet_of("/n", [k]) for k in range(begin, begin + count)]


def test_messages_of_one_bundle_keep_their_order(taker: Taker) -> None:
    taker.inbox.take(bundle(EPOCH + 1, *numbered(100)))
    taker.inbox.take(bundle(EPOCH + 1, *numbered(100, begin=100)))
    taker.inbox.carry_out_what_is_due()
    assert taker.done == []
    taker.clocks.pass_by(1.01)
    taker.inbox.carry_out_what_is_due()
    assert [arguments for _, arguments in taker.done] == [[k] for k in range(200)]


@pytest.mark.parametrize("step", [-3600.0, 3600.0, -1e9, 1e9])
def test_a_clock_that_steps_moves_no_message(taker: Taker, step: float) -> None:
    taker.inbox.take(bundle(EPOCH + 2, *numbered(1)))
    taker.clocks.wall += step
    taker.clocks.pass_by(1.9)
    taker.inbox.carry_out_what_is_due()
    assert taker.done == []
    taker.clocks.pass_by(0.2)
    taker.inbox.carry_out_what_is_due()
    assert taker.done == [("/n", [0])]


def test_what_is_late_is_carried_out_at_once(taker: Taker) -> None:
    taker.inbox.take(bundle(EPOCH - 5, *numbered(1)))
    assert taker.done == [("/n", [0])]


def test_the_next_message_ends_patience(taker: Taker) -> None:
    assert taker.inbox.patience(0.1) == 0.1
    taker.inbox.take(bundle(EPOCH + 0.04, *numbered(1)))
    assert taker.inbox.patience(0.1) == pytest.approx(0.04, abs=1e-6)
    taker.clocks.pass_by(1)
    assert taker.inbox.patience(0.1) == 0


def test_what_is_too_early_is_dropped_and_told(taker: Taker) -> None:
    taker.inbox.take(bundle(EPOCH + 3600, *numbered(1)))
    assert (taker.inbox.dropped, taker.kinds) == (1, {"too early"})


def test_no_more_wait_than_may_and_the_rest_is_told(taker: Taker) -> None:
    for _ in range(40):
        taker.inbox.take(bundle(EPOCH + 50, *numbered(200)))
        taker.clocks.pass_by(0.1)
    assert taker.inbox.dropped == 40 * 200 - 4096
    assert taker.kinds == {"too many wait"}


@pytest.mark.parametrize("address", ["/fail/deep", "/fail/value", "/fail/os"])
def test_a_message_that_fails_stops_none_after_it(taker: Taker, address: str) -> None:
    both = [packet_of(address, []), *numbered(1)]
    taker.inbox.take(bundle(EPOCH - 1, *both))
    taker.inbox.take(bundle(EPOCH + 1, *both))
    taker.clocks.pass_by(2)
    taker.inbox.carry_out_what_is_due()
    assert taker.done == [("/n", [0])] * 2
    assert (taker.inbox.dropped, taker.inbox.malformed) == (2, 0)
    (fault,) = taker.inbox.faults
    assert (fault.kind, fault.count) == ("failed", 2)
    assert f"{address} failed" in fault.text


def test_limits_count_messages_and_not_packets(taker: Taker) -> None:
    """Two seconds of a bundle of 200 each millisecond."""
    packet = bundle(EPOCH - 1, *numbered(200))
    for _ in range(2000):
        taker.inbox.take(packet)
        taker.clocks.pass_by(0.001)
    assert len(taker.done) == pytest.approx(BURST + 2 * RATE, abs=200)
    assert taker.kinds == {"too many"}
    assert taker.inbox.received == 2000
    assert taker.inbox.dropped == 2000 - len(taker.done) / 200


def test_below_the_rate_nothing_is_lost(taker: Taker) -> None:
    packet = packet_of("/steer/truncation", [0.5])
    for _ in range(100):
        for _ in range(350):  # in bursts
            assert taker.inbox.take(packet)
        taker.clocks.pass_by(0.1)
    assert len(taker.done) == 35_000


def test_large_packets_count_as_many(taker: Taker) -> None:
    packet = packet_of("/a", [True] * 8000)
    for _ in range(1000):
        taker.inbox.take(packet)
        taker.clocks.pass_by(0.001)
    assert len(taker.done) < 60


def test_rubbish_is_limited_too_and_told(taker: Taker) -> None:
    for _ in range(1000):
        taker.inbox.take(b"rubbish")
    assert taker.inbox.malformed == BURST
    assert taker.inbox.dropped == 1000 - BURST
    assert taker.kinds == {"malformed", "too many"}


def test_arrays_a_thousand_deep_are_rubbish_and_what_follows_is_not(taker: Taker) -> None:
    deep = b"/a\0\0" + b"," + b"[" * 1500 + b"]" * 1500 + b"\0\0\0"
    good = packet_of("/n", [0])
    for packet in (deep, good):
        elements = b"".join(struct.pack(">i", len(p)) + p for p in (good, packet))
        taker.inbox.take(b"#bundle\0" + struct.pack(">II", 0, 1) + elements)
    assert taker.done == [("/n", [0])] * 3
    assert taker.inbox.malformed == 1

"""Who is told what, on a clock that the test turns."""

from typing import Any

import pytest

from live.control.osc_packets import messages
from live.control.subscriptions import BURST, LAPSES, MOST, MOST_OF_A_HOST, RATE, Feedback
from synth.errors import UserError

HOST = "10.0.0.2"


class Told:
    """A feedback, its clock and values, and all that it sent."""

    def __init__(self) -> None:
        self.now = 0.0
        self.feedback = Feedback(lambda: self.now)
        self.values: dict[str, list[Any]] = {"/a": [1], "/b": [2]}
        self.sent: list[tuple[Any, str, list[Any]]] = []

    def tell(self) -> list[tuple[str, list[Any]]]:
        """What one round sends, without its receivers."""
        now = []
        for packet, receiver in self.feedback.due(self.values):
            ((_, address, arguments),) = messages(packet)
            self.sent.append((receiver, address, arguments))
            now.append((address, arguments))
        return now

    def pass_by(self, seconds: float, step: float = 1 / 30) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now = min(end, self.now + step)
            self.tell()


@pytest.fixture
def told() -> Told:
    return Told()


def test_a_subscriber_is_told_all_and_then_what_changes(told: Told) -> None:
    told.feedback.subscribe((HOST, 9000))
    assert told.tell() == [("/a", [1]), ("/b", [2])]
    assert told.tell() == []
    told.values["/b"] = [3]
    assert told.tell() == [("/b", [3])]


def test_a_subscription_ends_after_its_time(told: Told) -> None:
    told.feedback.subscribe((HOST, 9000))
    told.pass_by(LAPSES - 0.1)
    assert told.feedback.receivers == [(HOST, 9000)]
    told.pass_by(0.2)
    assert told.feedback.receivers == []


def test_any_packet_of_the_host_renews_all_its_subscriptions(told: Told) -> None:
    for receiver in ((HOST, 9000), (HOST, 9001), ("10.0.0.3", 9000)):
        told.feedback.subscribe(receiver)
    told.pass_by(LAPSES - 1)
    told.feedback.renew(HOST)
    told.pass_by(2)
    assert told.feedback.receivers == [(HOST, 9000), (HOST, 9001)]


def test_the_oldest_of_a_host_gives_way(told: Told) -> None:
    for port in range(1, MOST_OF_A_HOST + 2):
        told.feedback.subscribe((HOST, port))
    ports = [port for _, port in told.feedback.receivers]
    assert ports == list(range(2, MOST_OF_A_HOST + 2))


def test_there_are_no_more_subscribers_than_may_be(told: Told) -> None:
    for k in range(MOST):
        told.feedback.subscribe((f"10.0.0.{k}", 9000))
    with pytest.raises(UserError, match="10.0.1.0 is one too many; 16 are told already"):
        told.feedback.subscribe(("10.0.1.0", 9000))
    assert len(told.feedback.receivers) == MOST
    told.pass_by(LAPSES + 0.1)
    told.feedback.subscribe(("10.0.1.0", 9000))


def test_a_made_up_sender_cannot_have_anyone_flooded(told: Told) -> None:
    """Every value changes all the time; one packet asks, once, in a victim's name."""
    told.feedback.subscribe((HOST, 9000))
    for number in range(120 * 30):
        told.values = {f"/{k}": [number] for k in range(200)}
        told.pass_by(1 / 30)
    assert told.feedback.receivers == []
    assert len(told.sent) <= LAPSES * RATE + BURST
    assert len(told.sent) > 0.9 * LAPSES * RATE  # and it was the limit that held


def test_what_waits_is_told_in_turn_and_newest(told: Told) -> None:
    told.feedback.subscribe((HOST, 9000))
    for number in range(60):
        told.values = {f"/{k}": [number] for k in range(200)}
        told.pass_by(1 / 30)
    last = {address: arguments for _, address, arguments in told.sent}
    assert len(last) == 200, "each had its turn"
    assert min(value for (value,) in last.values()) > 60 - 30 * 200 / RATE - 5


def test_who_unsubscribes_is_told_no_more(told: Told) -> None:
    told.feedback.subscribe((HOST, 9000))
    told.feedback.unsubscribe((HOST, 9000))
    assert told.tell() == []


def test_a_subscriber_that_refuses_is_forgotten(told: Told) -> None:
    told.feedback.subscribe((HOST, 9000))
    told.feedback.refused((HOST, 9000))
    assert told.feedback.receivers == []


def test_a_named_receiver_outlives_silence_refusal_and_unsubscribing(told: Told) -> None:
    told.feedback.always((HOST, 9000))
    told.pass_by(3600, step=1.0)
    told.feedback.refused((HOST, 9000))
    told.feedback.unsubscribe((HOST, 9000))
    told.sent.clear()
    told.pass_by(0.9)
    assert told.sent == [], "it is left alone a moment"
    told.pass_by(0.2)
    assert [address for _, address, _ in told.sent] == ["/a", "/b"], "then it is told all"


def test_a_named_receiver_is_told_all_again_now_and_then(told: Told) -> None:
    """It may have been switched off, and nobody told."""
    told.feedback.always((HOST, 9000))
    told.pass_by(31)
    assert [address for _, address, _ in told.sent].count("/a") == 4


def test_named_receivers_take_no_subscribers_place(told: Told) -> None:
    for k in range(20):
        told.feedback.always((HOST, 9000 + k))
    told.feedback.subscribe((HOST, 8000))
    assert (HOST, 8000) in told.feedback.receivers
    told.feedback.subscribe((HOST, 9000))
    told.pass_by(LAPSES + 1)
    assert (HOST, 9000) in told.feedback.receivers, "asking does not make it mortal"

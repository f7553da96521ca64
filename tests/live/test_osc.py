"""Real datagrams over real sockets."""

import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage

from live.audio.file_player import Playback
from live.control.access import networks_of
from live.control.address_space import AddressSpace
from live.control.network_addresses import interfaces
from live.control.osc import OscPort
from live.control.osc_packets import packet_of
from live.engine.parameters import Parameters
from live.output.window import NoWindow
from live.supervisor import Supervisor
from synth.errors import UserError
from synth.settings.preset import preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.live.steered import controls_in
from tests.live.test_osc_packets import VALUES, bundle, nested, padded, raw
from tests.stage import until

ALLOWED = "--osc-allow"


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def address_space(tmp_path: Path) -> AddressSpace:
    return controls_in(tmp_path)


@pytest.fixture
def port(address_space: AddressSpace, supervisor: Supervisor) -> Iterator[OscPort]:
    port = OscPort(address_space, ("127.0.0.1", 0))
    port.start(supervisor)
    yield port
    port.stop()


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.settimeout(2)
        yield sender


def kinds(supervisor: Supervisor, part: str = "OSC in") -> set[str]:
    return {fault.kind for fault in supervisor.faults if fault.part == part}


def truncation(port: OscPort) -> float:
    return float(port.address_space.value("/steer/truncation")[0])


def test_a_datagram_turns_a_knob(port: OscPort, sender: socket.socket) -> None:
    sender.sendto(packet_of("/steer/truncation", [0.25]), port.place)
    until(lambda: truncation(port) == 0.25, "the value", 2)


def test_a_bundle_waits_for_its_time(port: OscPort, sender: socket.socket) -> None:
    before, due = truncation(port), time.time() + 0.4
    sender.sendto(bundle(due, packet_of("/steer/truncation", [0.5])), port.place)
    time.sleep(0.2)
    assert truncation(port) == before
    until(lambda: truncation(port) == 0.5, "the value", 2)
    assert time.time() - due == pytest.approx(0, abs=0.15)


def test_a_subscriber_hears_what_changes_and_what_is_heard(
    port: OscPort, sender: socket.socket
) -> None:
    sender.sendto(packet_of("/subscribe", []), port.place)
    known: dict[str, list[object]] = {}

    def listen(address: str, value: list[object]) -> None:
        end = time.monotonic() + 3
        while known.get(address) != value:
            assert time.monotonic() < end, known.get(address)
            message = OscMessage(sender.recv(4096))
            known[message.address] = list(message.params)

    listen("/look/fit", ["crop"])
    listen("/sense/onset_count", [0])
    assert len(known["/sense/chroma"]) == 12
    port.address_space.receive("/preset/load", ["reef"])
    listen("/preset/name", ["reef"])
    listen("/steer/tempo_sensitivity", [preset_of("reef").knobs.steer.tempo_sensitivity])
    port.address_space.receive("/look/fit", ["blur"])
    listen("/look/fit", ["blur"])
    sender.sendto(packet_of("/unsubscribe", []), port.place)


def test_only_allowed_hosts_are_heard(
    address_space: AddressSpace, supervisor: Supervisor, sender: socket.socket
) -> None:
    strict = OscPort(address_space, ("127.0.0.1", 0), allowed=networks_of("10.9.9.9", ALLOWED))
    strict.start(supervisor)
    before = truncation(strict)
    sender.sendto(packet_of("/steer/truncation", [0.11]), strict.place)
    sender.sendto(packet_of("/subscribe", []), strict.place)
    until(lambda: strict.dropped == 2, "the drop", 2)
    assert truncation(strict) == before
    assert strict.feedback.receivers == []
    (fault,) = supervisor.faults
    assert (fault.kind, fault.count) == ("not allowed", 2)
    assert "--osc-allow 127.0.0.1 would have it heard" in fault.text
    strict.stop()


def test_allowed_networks_are_heard(address_space: AddressSpace, sender: socket.socket) -> None:
    port = OscPort(
        address_space, ("127.0.0.1", 0), allowed=networks_of("10.9.9.9,127.0.0.0/8", ALLOWED)
    )
    port.start(Supervisor())
    sender.sendto(packet_of("/steer/truncation", [0.25]), port.place)
    until(lambda: truncation(port) == 0.25, "the value", 2)
    port.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "LAN"])
def test_beyond_loopback_nobody_is_heard_unnamed(address_space: AddressSpace, host: str) -> None:
    host = str(interfaces()[0].ip) if host == "LAN" else host
    with pytest.raises(
        UserError, match=r"is open to others; say who is heard with --osc-allow, su"
    ):
        OscPort(address_space, (host, 0))
    port = OscPort(address_space, (host, 0), allowed=networks_of("10.9.9.9", ALLOWED))
    port.stop()


def test_a_network_is_open_to_those_who_are_named(address_space: AddressSpace) -> None:
    """From this machine's own address in it."""
    host = str(interfaces()[0].ip)
    port = OscPort(address_space, ("0.0.0.0", 0), allowed=networks_of(host, ALLOWED))
    port.start(Supervisor())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((host, 0))
        sender.settimeout(2)
        sender.sendto(packet_of("/steer/truncation", [0.25]), (host, port.place[1]))
        until(lambda: truncation(port) == 0.25, "the value", 2)
        sender.sendto(packet_of("/subscribe", []), (host, port.place[1]))
        assert OscMessage(sender.recv(4096)).address.startswith("/")
    port.stop()


@pytest.mark.parametrize("host", ["::1", "::"])
def test_ip_version_6_is_heard_and_told(address_space: AddressSpace, host: str) -> None:
    port = OscPort(address_space, (host, 0), allowed=networks_of("::1,127.0.0.1", ALLOWED))
    port.start(Supervisor())
    pairs = [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")]
    for value, (family, loopback) in enumerate(pairs[: 1 if host == "::1" else 2]):
        with socket.socket(family, socket.SOCK_DGRAM) as sender:
            sender.settimeout(2)
            place = (loopback, port.place[1])
            sender.sendto(packet_of("/steer/truncation", [0.25 + 0.25 * value]), place)
            until(lambda: truncation(port) == 0.25 + 0.25 * value, "the value", 2)  # noqa: B023
            sender.sendto(packet_of("/subscribe", []), place)
            assert OscMessage(sender.recv(4096)).address.startswith("/")
    port.stop()


def test_a_port_that_is_taken_is_named(port: OscPort) -> None:
    with pytest.raises(UserError, match=f"--osc 127.0.0.1:{port.place[1]}: Address already in use"):
        OscPort(port.address_space, port.place)


def test_a_port_that_is_not_there_is_told(address_space: AddressSpace) -> None:
    with pytest.raises(UserError, match="--osc 203.0.113.9:9000: Cannot assign requested address"):
        OscPort(address_space, ("203.0.113.9", 9000), allowed=networks_of("10.9.9.9", ALLOWED))


# ---- who is told


@pytest.mark.parametrize("where", [["203.0.113.9"], ["203.0.113.9:9000"], [True], [0], [65536]])
def test_a_port_may_be_named_and_no_host(
    port: OscPort, supervisor: Supervisor, sender: socket.socket, where: list[Any]
) -> None:
    sender.sendto(packet_of("/subscribe", where), port.place)
    until(lambda: port.dropped == 1, "the drop", 2)
    assert port.feedback.receivers == []
    assert kinds(supervisor) == {"subscription"}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        sender.sendto(packet_of("/subscribe", [other.getsockname()[1]]), port.place)
        until(lambda: port.feedback.receivers == [other.getsockname()], "the subscription", 2)


def test_a_timed_subscription_is_one_too(port: OscPort, sender: socket.socket) -> None:
    sender.sendto(bundle(time.time() + 0.1, packet_of("/subscribe", [])), port.place)
    until(lambda: port.feedback.receivers == [sender.getsockname()], "the subscription", 2)


def test_any_packet_renews_a_subscription(address_space: AddressSpace) -> None:
    now = [0.0]
    port = OscPort(address_space, ("127.0.0.1", 0), clock=lambda: now[0])
    sender = ("10.0.0.2", 5000)
    port.take(packet_of("/subscribe", []), sender)
    for _ in range(10):
        now[0] += 29
        port.take(b"rubbish", sender)
        assert list(port.feedback.due({"/a": [now[0]]})) != []
    now[0] += 31
    assert list(port.feedback.due({"/a": [0]})) == []
    port.stop()


def test_a_subscriber_that_is_gone_is_forgotten(port: OscPort) -> None:
    gone, there = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
    for one in (gone, there):
        one.bind(("127.0.0.1", 0))
        one.sendto(packet_of("/subscribe", []), port.place)
    until(lambda: len(port.feedback.receivers) == 2, "both", 2)
    left = there.getsockname()
    gone.close()
    port.address_space.receive("/look/fit", ["blur"])
    until(lambda: port.feedback.receivers == [left], "forgetting", 2)
    begun = time.thread_time(), time.monotonic()
    time.sleep(0.3)
    assert port.feedback.receivers == [left]
    assert time.thread_time() - begun[0] < 0.1
    there.close()


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_named_receiver_may_come_and_go(
    address_space: AddressSpace, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told all whenever it is there; that it was not is told once."""
    monkeypatch.setattr("live.control.subscriptions._AGAIN", 0.5)
    lamps = ("127.0.0.1", free_port())
    port = OscPort(address_space)
    port.always_tell(lamps)
    port.start(supervisor)
    for _ in range(2):
        time.sleep(0.3)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
            receiver.bind(lamps)
            receiver.settimeout(3)
            known = set()
            while not {"/look/fit", "/sense/level"} <= known:
                known.add(OscMessage(receiver.recv(4096)).address)
    until(lambda: kinds(supervisor, "OSC out"), "the fault", 2)
    (fault,) = supervisor.faults
    assert fault.count == 1
    assert f"--osc-to 127.0.0.1:{lamps[1]} cannot be reached" in fault.text
    port.stop()


def test_a_network_that_is_not_there_is_told_once_and_tried_again(
    address_space: AddressSpace, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.control.subscriptions._REST", 0.05)
    port = OscPort(address_space)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        receiver.settimeout(3)
        port.always_tell(receiver.getsockname())
        away, real = [True], port._send_to

        def send(packet: bytes, address: Any) -> None:
            if away[0]:
                raise OSError(101, "Network is unreachable")
            real(packet, address)

        port._send_to = send  # type: ignore[method-assign]
        port.start(supervisor)
        until(lambda: kinds(supervisor, "OSC out"), "the fault", 2)
        time.sleep(0.3)
        (fault,) = supervisor.faults
        assert fault.count == 1
        assert "cannot be reached (Network is unreachable)" in fault.text
        away[0] = False
        assert OscMessage(receiver.recv(4096)).address.startswith("/")
    port.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "255.255.255.255", "224.0.0.1", "::", "ff02::1"])
def test_a_named_receiver_is_one_host(address_space: AddressSpace, host: str) -> None:
    port = OscPort(address_space)
    with pytest.raises(UserError, match=r"--osc-to .* is not one host; name each by itself"):
        port.always_tell((host, 9000))
    assert not port.is_needed


# ---- what is hostile


def test_hostile_packets_leave_the_thread_at_work(
    port: OscPort, supervisor: Supervisor, sender: socket.socket
) -> None:
    digits = packet_of(f"/cue/{'7' * 5000}", [])
    deep = raw("[" * 1500 + "]" * 1500, address="/steer/truncation")
    due = time.time() + 0.1
    for packet in (digits, deep, bundle(due, digits), nested(30), b"\0" * 60000, b""):
        sender.sendto(packet, port.place)
    time.sleep(0.3)
    sender.sendto(packet_of("/steer/truncation", [0.25]), port.place)
    until(lambda: truncation(port) == 0.25, "the value", 2)
    assert all(worker.alive and worker.restarts == 0 for worker in supervisor.workers)
    assert port.received == 7
    assert port.malformed == 4
    assert "malformed" in kinds(supervisor)


ADDRESSES = st.sampled_from(
    [
        "/steer/truncation",
        "/steer/truncation/to",
        "/steer/truncation/add",
        "/steer/classes",
        "/look/fit",
        "/preset/load",
        "/cue",
        "/cue/3",
        f"/cue/{'9' * 4999}",
        "/cue/",
        "/cue/²",
        "/freeze",
        "/blackout",
        "/tap",
        "/seed",
        "/panic",
        "/midi/learn",
        "/hear/bpm",
        "/",
        "//",
        "/subscribe",
        "/unsubscribe",
        "/sense/chroma",
        "/nothing",
        "/*",
        "/steer/*",
    ]
)
EXTREMES = st.sampled_from([0, 1, -1, 2**31 - 1, 2**63 - 1, 1e38, 1e308, 1e-45, float("nan")])
EXTREMES |= st.sampled_from([float("inf"), float("-inf"), 0.0, "", "reef", "x" * 4000, b"", True])
BAD = st.one_of(
    st.binary(max_size=200),
    st.builds(
        lambda a, tags, data: raw(tags, data, a),
        ADDRESSES,
        st.text("ifsbhdtcrmTFNI[]"),
        st.binary(),
    ),
    st.builds(packet_of, ADDRESSES, st.lists(VALUES | EXTREMES, max_size=13)),
    st.integers(1, 1600).map(lambda depth: raw("[" * depth + "]" * depth, address="/freeze")),
    st.builds(padded, st.text()),
)


def bundled(when: float | None, packets: list[bytes]) -> bytes:
    tag = (0, 1) if when is None else (int(when) + 2208988800, 0)
    elements = b"".join(struct.pack(">i", len(packet)) + packet for packet in packets)
    return b"#bundle\0" + struct.pack(">II", *tag) + elements


@pytest.fixture(scope="module")
def unbound(tmp_path_factory: pytest.TempPathFactory) -> tuple[OscPort, list[float]]:
    """A port that hears nothing but what it is given, and its clock."""
    now = [0.0]
    address_space = controls_in(tmp_path_factory.mktemp("port"))
    return OscPort(address_space, clock=lambda: now[0], wall=lambda: 1_700_000_000.0), now


@settings(deadline=None, max_examples=150)
@given(bad=st.lists(st.tuples(BAD, st.sampled_from([None, None, -5, 1, 59, 4000])), max_size=8))
def test_nothing_raises_and_good_messages_around_it_are_carried_out(
    unbound: tuple[OscPort, list[float]], bad: list[tuple[bytes, int | None]]
) -> None:
    (port, now), wall = unbound, 1_700_000_000
    now[0] += 100  # all that waits is due, and the allowance is full
    port.inbox.carry_out_what_is_due()
    for k, (packet, when) in enumerate(bad):
        value = round(0.1 + 0.01 * k, 2)
        whole = packet if when is None else bundled(wall + when, [packet])
        port.take(whole, ("127.0.0.1", 5000))
        port.take(packet_of("/steer/kick", [value]), ("127.0.0.1", 5000))
        assert port.address_space.value("/steer/kick")[0] == pytest.approx(value)


def test_a_thread_that_hangs_gives_way_to_another(
    address_space: AddressSpace, sender: socket.socket
) -> None:
    now = [0.0]
    supervisor, let_go = Supervisor(lambda: now[0]), threading.Event()
    port = OscPort(address_space, ("127.0.0.1", 0))
    receive = address_space.receive

    def hang(address: str, arguments: Any) -> bool:
        return let_go.wait(20) if address == "/hang" else receive(address, arguments)

    address_space.receive = hang  # type: ignore[method-assign]
    port.start(supervisor)
    sender.sendto(packet_of("/hang", []), port.place)
    until(lambda: port.received == 1, "the packet", 2)
    for _ in range(10):
        now[0] += 0.25
        supervisor.look()
    sender.sendto(packet_of("/steer/truncation", [0.25]), port.place)
    until(lambda: truncation(port) == 0.25, "the value", 2)
    assert "hangs" in kinds(supervisor)
    let_go.set()
    port.stop()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what a socket had to drop")
def test_what_the_system_had_no_room_for_is_counted_and_told(
    address_space: AddressSpace, supervisor: Supervisor, sender: socket.socket
) -> None:
    port = OscPort(address_space, ("127.0.0.1", 0))
    sent = 12_000  # more than the socket has room for while nobody takes them
    for _ in range(sent):
        sender.sendto(packet_of("/nowhere", []), port.place)
    port.start(supervisor)
    try:
        until(lambda: port.received > 100, "packets", 5)
        end = packet_of("/steer/truncation", [0.25])  # a packet tells what was lost before it

        def arrived() -> bool:
            sender.sendto(end, port.place)
            return truncation(port) == 0.25

        until(arrived, "a packet after those that are lost", 30)
    finally:
        port.stop()
    assert port.dropped + port.received >= sent
    assert "no room" in kinds(supervisor)


def test_closing_takes_no_time(address_space: AddressSpace) -> None:
    port = OscPort(address_space, ("127.0.0.1", 0))
    port.start(Supervisor())
    begun = time.monotonic()
    port.stop()
    assert time.monotonic() - begun < 0.5
    OscPort(address_space, port.place).stop()  # and the place is free


def test_a_flood_does_not_stop_the_show(tmp_path: Path, sender: socket.socket) -> None:
    """Twenty thousand packets a second for two seconds; onsets and pictures go on."""
    song = sounds.write_wav(
        tmp_path / "song.wav", sounds.struck(sounds.click(), [0.5, 1, 1.5, 2, 2.5], 3)
    )
    lamp = Lamp()
    show = show_of(Playback(song, aloud=False), Parameters(preset_of("silk"), [], None), lamp, [])
    show.panel.overlay_on = False
    port = OscPort(AddressSpace(show.deck), ("127.0.0.1", 0))
    port.start(show.supervisor)
    code = (
        "import socket, time\n"
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        f"p = {packet_of('/steer/truncation', [0.5])!r}\n"
        "end = time.monotonic() + 2.5\n"
        "while time.monotonic() < end:\n"
        "    for _ in range(100): s.sendto(p, ('127.0.0.1', %d))\n"
        "    time.sleep(0.005)\n" % port.place[1]
    )
    import sys

    flood = subprocess.Popen([sys.executable, "-c", code])
    report = show.run(NoWindow())
    flood.wait(10)
    port.stop()
    assert port.received > 1000
    assert "too many" in kinds(show.supervisor)
    assert report.onsets_heard == report.onsets_shown == 5
    assert report.frames_shown > 30 * report.seconds
    assert np.isclose(show.deck.engine.knobs.steer.truncation, 0.5)

"""Real datagrams over real sockets."""

import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from live.access import networks_of
from live.addresses import place_of
from live.controls import Controls
from live.desk import Desk
from live.osc import OscPort
from live.packets import LARGEST, messages, packet_of
from live.show import Show
from live.song import Playback
from live.supervisor import Supervisor
from live.window import NoWindow
from synth.preset import preset_of
from synth.trouble import Trouble
from tests import sounds
from tests.doubles import Lamp
from tests.stage import until


@pytest.fixture
def port(tmp_path: Path) -> Iterator[OscPort]:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.silence(1))
    show = Show(Playback(song, aloud=False), Desk(preset_of("silk"), [], None), Lamp(), [])
    port = OscPort(Controls(show), ("127.0.0.1", 0))
    port.start(Supervisor())
    yield port
    port.stop()


@pytest.fixture
def sender() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        sender.settimeout(2)
        yield sender


def truncation(port: OscPort) -> float:
    return float(port.controls.value("/steer/truncation")[0])


def bundle(at: float, *packets: bytes) -> bytes:
    builder = OscBundleBuilder(at)  # type: ignore[arg-type]
    for packet in packets:
        builder.add_content(OscMessage(packet))  # type: ignore[arg-type]
    return bytes(builder.build().dgram)


def nested(depth: int) -> bytes:
    packet = packet_of("/steer/truncation", [0.9])
    for _ in range(depth):
        packet = b"#bundle\0" + struct.pack(">IIi", 0, 1, len(packet)) + packet
    return packet


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
    port.controls.receive("/preset/load", ["reef"])
    listen("/preset/name", ["reef"])
    listen("/steer/tempo_sensitivity", [preset_of("reef").knobs.steer.tempo_sensitivity])
    port.controls.receive("/look/fit", ["blur"])
    listen("/look/fit", ["blur"])
    sender.sendto(packet_of("/unsubscribe", []), port.place)


def test_only_allowed_hosts_are_heard(port: OscPort, sender: socket.socket) -> None:
    strict = OscPort(port.controls, ("127.0.0.1", 0), allowed=networks_of("10.9.9.9", "--osc-allow"))
    strict.start(Supervisor())
    before = truncation(port)
    sender.sendto(packet_of("/steer/truncation", [0.11]), strict.place)
    until(lambda: strict.dropped == 1, "the drop", 2)
    assert truncation(port) == before
    strict.stop()


def test_a_port_that_is_taken_is_named(port: OscPort) -> None:
    with pytest.raises(Trouble, match=f"--osc 127.0.0.1:{port.place[1]}: Address already in use"):
        OscPort(port.controls, port.place)


@pytest.mark.parametrize("text", ["9000", "localhost:", ":9", "a:99999", "a:b"])
def test_places_are_host_and_port(text: str) -> None:
    with pytest.raises(Trouble, match="write it as HOST:PORT"):
        place_of(text, "--osc")


@settings(deadline=None, max_examples=400)
@given(st.binary(max_size=300))
@example(b"/a\0\0,s\0\0")
@example(b"/a\0\0,\0")
@example(b"/\xff\0\0,i\0\0\0\0\0\1")
@example(b"#bundle\0" + b"\0" * 7)
@example(nested(5))
@example(nested(400))
def test_no_datagram_raises_anything_but_value_error(packet: bytes) -> None:
    try:
        found = list(messages(packet))
    except ValueError:
        return
    assert all(address.startswith("/") for _, address, _ in found)


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.booleans()
        | st.integers(-(2**31), 2**31 - 1)
        | st.floats(width=32, allow_nan=False)
        | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20),
        max_size=12,
    )
)
def test_what_is_sent_comes_back(arguments: list[object]) -> None:
    ((when, address, got),) = messages(packet_of("/a/b", arguments))
    assert (when, address, got) == (None, "/a/b", arguments)


def test_packets_made_to_hurt_cost_nothing() -> None:
    stars = OscMessageBuilder("/" + "*" * 24)
    stars.add_arg(1.0)
    many = b"#bundle\0" + struct.pack(">II", 0, 1) + b"\0\0\0\x04/a\0\0" * 1000
    for packet in (bytes(stars.build().dgram), nested(300), many, b"/" * LARGEST, b"\0" * 60000):
        begun = time.perf_counter()
        try:
            for _ in messages(packet):
                pass
        except ValueError:
            pass
        assert time.perf_counter() - begun < 0.05


def test_a_flood_does_not_stop_the_show(tmp_path: Path, sender: socket.socket) -> None:
    """Twenty thousand packets a second for two seconds; onsets and pictures go on."""
    song = sounds.write_wav(
        tmp_path / "song.wav", sounds.struck(sounds.click(), [0.5, 1, 1.5, 2, 2.5], 3)
    )
    lamp = Lamp()
    show = Show(Playback(song, aloud=False), Desk(preset_of("silk"), [], None), lamp, [])
    show.overlay_on = False
    port = OscPort(Controls(show), ("127.0.0.1", 0))
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
    assert report.onsets_heard == report.onsets_shown == 5
    assert report.frames_shown > 30 * report.seconds
    assert np.isclose(show.visual.knobs.steer.truncation, 0.5)

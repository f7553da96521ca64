"""OSC's format, against python-osc's own messages and bundles and against packets made to hurt."""

import struct
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pythonosc.osc_bundle_builder import OscBundleBuilder
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from live.control.osc_packets import LARGEST, MOST, messages, packet_of

WORDS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
FLOATS = st.floats(width=32, allow_nan=False)
INTEGERS = st.integers(-(2**31), 2**31 - 1)
VALUES = st.booleans() | st.none() | INTEGERS | FLOATS | WORDS | st.binary(max_size=40)
IN_32_BITS = st.booleans() | INTEGERS | FLOATS | WORDS


def padded(word: str) -> bytes:
    data = word.encode()
    return data + b"\0" * (4 - len(data) % 4)


def raw(tags: str, data: bytes = b"", address: str = "/a") -> bytes:
    return padded(address) + padded("," + tags) + data


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


def arguments(packet: bytes) -> list[object]:
    ((_, _, found),) = messages(packet)
    return found


@settings(deadline=None)
@given(st.lists(st.recursive(VALUES, lambda v: st.lists(v, max_size=3), max_leaves=6), max_size=9))
def test_what_is_sent_comes_back(sent: list[object]) -> None:
    try:
        assert arguments(packet_of("/a/b", sent)) == sent
    except ValueError as error:  # only for what is nested too deep
        assert "too deep" in str(error)


@settings(deadline=None)
@given(st.lists(IN_32_BITS, max_size=9))
def test_another_reader_and_another_writer_agree(sent: list[object]) -> None:
    assert list(OscMessage(packet_of("/a/b", sent)).params) == sent
    builder = OscMessageBuilder("/a/b")
    for argument in sent:
        builder.add_arg(argument)  # type: ignore[arg-type]
    assert arguments(bytes(builder.build().dgram)) == sent


@pytest.mark.parametrize(
    ("tags", "data", "found"),
    [
        ("h", struct.pack(">q", 2**40), [2**40]),
        ("d", struct.pack(">d", 0.1), [0.1]),
        ("t", struct.pack(">II", 2208988800 + 5, 2**31), [5.5]),
        ("c", struct.pack(">I", 97), ["a"]),
        ("r", b"\xff\0\0\x80", [0xFF000080]),
        ("m", b"\x01\x90\x3c\x7f", [(1, 0x90, 60, 127)]),
        ("S", padded("symbol"), ["symbol"]),
        ("TFNI", b"", [True, False, None, True]),
        ("b", struct.pack(">i", 3) + b"abc\0", [b"abc"]),
        ("i[f[s]]i", struct.pack(">if", 1, 0.5) + padded("x") + b"\0\0\0\2", [1, [0.5, ["x"]], 2]),
    ],
)
def test_every_type_is_read(tags: str, data: bytes, found: list[object]) -> None:
    assert arguments(raw(tags, data)) == found


@pytest.mark.parametrize(
    ("packet", "says"),
    [
        (raw("[" * 1500 + "]" * 1500), "too deep"),
        (raw("[" * 5), "too deep"),
        (raw("[f"), "cut short"),
        (raw("["), "never ends"),
        (raw("]"), "never began"),
        (raw("x"), "unknown type"),
        (raw("i", b"\0\0"), "cut short"),
        (raw("s", b"abc"), "parse"),
        (raw("b", b"\xff\xff\xff\xff"), "less than nothing"),
        (raw("b", b"\x7f\xff\xff\xffabcd"), "too short"),
        (raw("b", b"\0"), "too short"),
        (raw("c", b"\xff\xff\xff\xff"), "character"),
        (b"/\xff\0\0", "utf-8"),
        (padded("/a") + padded("i"), "no types"),
        (b"hello\0\0\0", "no address"),
        (b"/" * (LARGEST + 1), f"more than {LARGEST} bytes"),
        (nested(5), "too deep"),
        (b"#bundle\0" + b"\0" * 7, "too short"),
        (b"#bundle\0" + struct.pack(">IIi", 0, 1, -4), "no element"),
        (b"#bundle\0" + struct.pack(">II", 0, 1) + b"\0\0\0\4/a\0\0" * 300, f"than {MOST} mess"),
    ],
)
def test_what_is_no_osc_is_a_value_error_that_says_why(packet: bytes, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        list(messages(packet))


@settings(deadline=None, max_examples=400)
@given(st.binary(max_size=300))
@example(b"/a\0\0,s\0\0")
@example(b"/a\0\0,\0")
@example(b"/\xff\0\0,i\0\0\0\0\0\1")
@example(b"#bundle\0" + b"\0" * 7)
@example(nested(400))
def test_no_packet_raises_anything_but_value_error(packet: bytes) -> None:
    try:
        found = list(messages(packet))
    except ValueError:
        return
    assert all(address.startswith("/") for _, address, _ in found)


@settings(deadline=None)
@given(st.text("ifsbhdtcrmTFNIS[]x?", max_size=60), st.binary(max_size=120))
def test_no_types_raise_anything_but_value_error(tags: str, data: bytes) -> None:
    try:
        assert len(arguments(raw(tags, data))) <= len(tags)
    except ValueError:
        return


def test_messages_before_the_broken_one_stand() -> None:
    elements = b""
    for packet in (packet_of("/a", [1]), packet_of("/b", [2]), b"/c\0\0,i\0\0"):
        elements += struct.pack(">i", len(packet)) + packet
    found = []
    with pytest.raises(ValueError, match="cut short"):
        for _, address, values in messages(b"#bundle\0" + struct.pack(">II", 0, 1) + elements):
            found.append((address, values))
    assert found == [("/a", [1]), ("/b", [2])]


def test_a_bundle_tells_its_time() -> None:
    ((when, _, _),) = messages(bundle(1_700_000_000.25, packet_of("/a", [])))
    assert when == pytest.approx(1_700_000_000.25)
    ((when, _, _),) = messages(nested(1))
    assert when is None


def test_numbers_that_32_bits_cannot_hold_are_sent_in_64() -> None:
    sent = [2**32 - 1, -(2**40), 2**70, 1e300, 0.37]
    packet = packet_of("/seed", sent)
    assert packet[8:16] == b",hhddf\0\0"
    assert arguments(packet) == [2**32 - 1, -(2**40), float(2**70), 1e300, pytest.approx(0.37)]


def test_words_that_osc_cannot_hold_are_sent_without_what_it_cannot() -> None:
    assert arguments(packet_of("/a", ["a\0b\ud800"])) == ["ab?"]


def test_packets_made_to_hurt_cost_nothing() -> None:
    stars = OscMessageBuilder("/" + "*" * 24)
    stars.add_arg(1.0)
    many = b"#bundle\0" + struct.pack(">II", 0, 1) + b"\0\0\0\x04/a\0\0" * 1000
    deep = raw("[" * 4000)
    for packet in (bytes(stars.build().dgram), nested(300), many, deep, b"/" * LARGEST):
        begun = time.perf_counter()
        try:
            for _ in messages(packet):
                pass
        except ValueError:
            pass
        assert time.perf_counter() - begun < 0.05

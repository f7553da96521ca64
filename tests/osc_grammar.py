"""OSC as a hostile or a broken sender writes it: packets from a grammar, by hypothesis.

Encoded here from the specification (https://opensoundcontrol.stanford.edu/spec-1_0.html), not by
the program's own encoder, so that both may be wrong in different ways.
"""

import struct
from collections.abc import Sequence

from hypothesis import strategies as st

Packet = bytes
_NTP = 2208988800  # seconds from 1900 to 1970

EXTREME_FLOATS = (
    0.0,
    -0.0,
    1.0,
    0.02,
    0.37,
    1e-6,
    0.01,
    -1.0,
    1e30,
    float("inf"),
    float("-inf"),
    float("nan"),
)
EXTREME_INTS = (0, 1, -1, 2, 127, 2**31 - 1, -(2**31))
WORDS = ("", "silk", "reef", "no such preset", "on", "٣", "²", "9" * 5000, "\x00", "é" * 300, "/")


def padded(data: bytes) -> bytes:
    """A string or blob as OSC ends it: on a multiple of four bytes, a string with a zero."""
    return data + b"\0" * (4 - len(data) % 4)


def blob(data: bytes) -> bytes:
    return struct.pack(">i", len(data)) + data + b"\0" * (-len(data) % 4)


Argument = tuple[str, bytes]  # its type tag and its bytes

_floats = st.one_of(st.sampled_from(EXTREME_FLOATS), st.floats(0, 1, width=32))
_ints = st.one_of(st.sampled_from(EXTREME_INTS), st.integers(-(2**31), 2**31 - 1))
_words = st.one_of(st.sampled_from(WORDS), st.text(max_size=40))
_plain: st.SearchStrategy[Argument] = st.one_of(
    _floats.map(lambda v: ("f", struct.pack(">f", v if abs(v) < 3e38 else float("inf")))),
    _ints.map(lambda v: ("i", struct.pack(">i", v))),
    _words.map(lambda v: ("s", padded(v.encode("utf-8", "surrogatepass")))),
    st.binary(max_size=40).map(lambda v: ("s", padded(v))),
    st.binary(max_size=60).map(lambda v: ("b", blob(v))),
    st.just(("b", struct.pack(">i", 2**31 - 1))),  # a blob that is not there
    st.just(("b", struct.pack(">i", -4))),
    _floats.map(lambda v: ("d", struct.pack(">d", v))),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: ("h", struct.pack(">q", v))),
    st.integers(0, 2**64 - 1).map(lambda v: ("t", struct.pack(">Q", v))),
    st.binary(min_size=4, max_size=4).map(lambda v: ("m", v)),
    st.binary(min_size=4, max_size=4).map(lambda v: ("r", v)),
    st.binary(min_size=4, max_size=4).map(lambda v: ("c", v)),
    st.sampled_from("TFNI").map(lambda tag: (tag, b"")),
    st.sampled_from("?xZ]\x01").map(lambda tag: (tag, b"\0\0\0\0")),  # no tags of OSC's
)


def _array(inner: list[Argument]) -> Argument:
    return "[" + "".join(tag for tag, _ in inner) + "]", b"".join(data for _, data in inner)


def _nest(depth: int) -> Argument:
    return "[" * depth + "]" * depth, b""


arguments: st.SearchStrategy[list[Argument]] = st.lists(
    st.one_of(
        st.recursive(_plain, lambda inner: st.lists(inner, max_size=3).map(_array), max_leaves=6),
        st.sampled_from((1, 2, 40, 1500, 4000)).map(_nest),
        st.sampled_from(("[" * 1500, "]" * 1500, "[" * 7)).map(lambda tags: (tags, b"")),
    ),
    max_size=14,
)


def message(address: str, given: Sequence[Argument]) -> Packet:
    """One message."""
    tags = "," + "".join(tag for tag, _ in given)
    head = padded(address.encode("utf-8", "surrogatepass")) + padded(tags.encode("latin-1"))
    return head + b"".join(data for _, data in given)


def bundle(at: float | None, elements: Sequence[Packet]) -> Packet:
    """A bundle; `at` is seconds since 1970, None means at once."""
    tag = 1 if at is None else int((at + _NTP) * 2**32) % 2**64
    sized = b"".join(struct.pack(">i", len(element)) + element for element in elements)
    return b"#bundle\0" + struct.pack(">Q", tag) + sized


def messages_to(addresses: Sequence[str]) -> st.SearchStrategy[Packet]:
    """A message to a known address, to what might be one, or to nothing."""
    known = st.sampled_from(sorted(addresses))
    near = st.one_of(
        known,
        st.builds("{}/{}".format, known, st.sampled_from(("to", "add", "reset", "", "x"))),
        st.builds("/cue/{}".format, _words),
        st.sampled_from(("/", "/*", "/steer/*", "/subscribe", "/unsubscribe", "//", "/é")),
    )
    return st.builds(message, near, arguments)


def fits(addresses: Sequence[str]) -> st.SearchStrategy[Packet]:
    """Messages whose arguments are of the kind that their address takes, at its extremes."""
    floats = st.lists(_floats, min_size=1, max_size=2).map(
        lambda values: [("f", struct.pack(">f", min(v, 3e38))) for v in values]
    )
    return st.builds(message, st.sampled_from(sorted(addresses)), floats)


def packets(addresses: Sequence[str], now: float) -> st.SearchStrategy[Packet]:
    """Messages, bundles within bundles with times around `now`, and damaged ones of both."""
    times = st.sampled_from((None, 0.0, now - 1, now, now + 0.005, now + 30, now + 1e6))
    single = messages_to(addresses) | fits(addresses)
    whole = st.recursive(
        single,
        lambda inner: st.builds(bundle, times, st.lists(inner, max_size=4)),
        max_leaves=8,
    )
    cut = st.builds(lambda packet, end: packet[: len(packet) - end], whole, st.integers(1, 40))
    flipped = st.builds(_flipped, whole, st.integers(0, 10_000), st.integers(1, 255))
    deep = st.builds(_wrapped, single, st.integers(1, 60))
    many = st.builds(
        lambda packet, count: bundle(None, [packet] * count), single, st.integers(1, 300)
    )
    return st.one_of(whole, whole, cut, flipped, deep, many, st.binary(max_size=200))


def _flipped(packet: Packet, place: int, bits: int) -> Packet:
    if not packet:
        return packet
    damaged = bytearray(packet)
    damaged[place % len(packet)] ^= bits
    return bytes(damaged)


def _wrapped(packet: Packet, depth: int) -> Packet:
    for _ in range(depth):
        packet = bundle(None, [packet])
    return packet

"""A grammar of OSC, spoken from a seed: every address, every type tag, every extreme.

    python -m bench.night.packets

sends what its input asks for: one JSON object with `port`, `addresses`, `presets`, `count`, `rate`
and `seed`. It writes how many messages were sent.
"""

import json
import random
import socket
import struct
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

_RARE = 0.01  # of the words
BURST = 100  # of the show's allowance that is used at once
_LARGEST = 60_000  # bytes of a datagram
_NTP = 2208988800  # seconds from 1900 to 1970
_AT_ONCE = b"\0\0\0\0\0\0\0\1"
_HUGE = "9" * 5000
_WORDS = ("", "reef", "next", "a" * 81, "ü\u202e\n", "true", "nan", "../../etc/passwd")
_FLOATS = (0.0, 0.02, 0.37, 0.5, 1.0, -1.0, 1e-6, 1e-45, 3e38, -3e38, *map(float, ("nan", "inf")))
_VALUES: dict[str, tuple[bytes, ...]] = {
    "i": tuple(struct.pack(">i", n) for n in (0, 1, -1, 2, 127, 999, 2**31 - 1, -(2**31))),
    "f": tuple(struct.pack(">f", x) for x in _FLOATS),
    "h": tuple(struct.pack(">q", n) for n in (0, 1, 2**63 - 1, -(2**63))),
    "d": tuple(struct.pack(">d", x) for x in (*_FLOATS, 1e308, 5e-324)),
    "t": (_AT_ONCE, b"\0" * 8, b"\xff" * 8),
    "r": (b"\0" * 4, b"\xff" * 4),
    "m": (b"\0\x90\x40\x7f", b"\xff" * 4),
}
_TAGS = (*_VALUES, "s", "b", "T", "F", "N", "[]")
_DEPTHS = (1, 2, 8, 60, 1500)
_SECONDS = (0.0, 0.01, 0.5, 5.0, 3600.0, 1e9, -1.0, float("nan"))  # that a ramp or a fade takes
_AHEAD = (0.0, 0.02, 0.3, 1.0, 2.0, -5.0, 59.0, 1e6)  # seconds to a bundle's time
_STRANGE = (
    "/",
    "//",
    "/*",
    "/steer/{a,b}",
    "/steer/truncation/",
    "/cue/" + "9" * 5000,
    "/ü",
    "/a b",
)


@dataclass(frozen=True, slots=True)
class Packet:
    """A datagram whose time tag is still to be written."""

    data: bytes
    messages: int
    ahead: float | None = None  # seconds from its sending to the time in bytes 8 to 16

    @property
    def cost(self) -> int:
        """Of the show's allowance: its messages, or its bytes where it is long."""
        return max(1, self.messages, min(len(self.data), 8192) // 64)

    def timed(self, now: float) -> bytes:
        """The datagram as it is sent at a time (seconds since 1970)."""
        if self.ahead is None:
            return self.data
        tag = int((now + self.ahead + _NTP) * 2**32) & (2**64 - 1)
        return self.data[:8] + struct.pack(">Q", tag) + self.data[16:]


def padded(text: bytes) -> bytes:
    """A string as OSC has it."""
    return text + b"\0" * (4 - len(text) % 4)


def message(address: str, tags: str, values: bytes = b"") -> bytes:
    """One message; `values` are already encoded."""
    return padded(address.encode()) + padded(b"," + tags.encode()) + values


def bundle(elements: Sequence[bytes]) -> bytes:
    """To be carried out at once; a `Packet` may give it another time."""
    parts = [struct.pack(">i", len(element)) + element for element in elements]
    return b"#bundle\0" + _AT_ONCE + b"".join(parts)


class Grammar:
    """Makes packets for ever; the same seed makes the same ones."""

    def __init__(self, seed: int, addresses: Sequence[str], presets: Sequence[str]) -> None:
        self._chance = random.Random(seed)
        self._addresses, self._presets = tuple(addresses), tuple(presets)
        self._ramps = tuple(a for a in addresses if a.endswith("/to"))
        self._sentences = (
            (self._anything, 40),
            (self._number, 25),
            (self._ramp, 10),
            (self._preset, 3),
            (self._cue, 5),
            (self._nested, 4),
            (self._strange, 3),
        )

    def packet(self) -> Packet:
        """A message alone, or some in a bundle for now or for later."""
        kind = self._chance.random()
        if kind < 0.8:
            return Packet(self._message(), 1)
        elements = [self._message() for _ in range(self._chance.randint(1, 8))]
        data = bundle(elements)
        if kind > 0.97:
            data = bundle([data] * self._chance.randint(1, 2))
        if len(data) > _LARGEST:
            return Packet(elements[0], 1)
        count = len(elements) * max(1, data.count(b"#bundle\0") - 1)
        ahead = self._chance.choice(_AHEAD) if kind < 0.95 else None
        return Packet(data, count, ahead)

    def _message(self) -> bytes:
        makes, weights = zip(*self._sentences, strict=True)
        made: bytes = self._chance.choices(makes, weights)[0]()
        return made

    def _anything(self) -> bytes:
        count = self._chance.choice((0, 1, 1, 1, 2, 2, 3, 12))
        values = [self._value(self._chance.choice(_TAGS)) for _ in range(count)]
        tags, data = "".join(tag for tag, _ in values), b"".join(data for _, data in values)
        return message(self._chance.choice(self._addresses), tags, data)

    def _value(self, tag: str) -> tuple[str, bytes]:
        match tag:
            case "s":
                word = _HUGE if self._chance.random() < _RARE else self._chance.choice(_WORDS)
                return "s", padded(word.encode())
            case "b":
                size = self._chance.choice((0, 1, 4, 300))
                return "b", struct.pack(">i", size) + b"\x7f" * size + b"\0" * (-size % 4)
            case "[]":
                inner, data = self._value(self._chance.choice(("i", "f", "s", "T")))
                return f"[{inner}]", data
            case _ if tag in _VALUES:
                return tag, self._chance.choice(_VALUES[tag])
            case _:
                return tag, b""

    def _number(self) -> bytes:
        """What a fader sends."""
        value = struct.pack(">f", self._chance.random())
        return message(self._chance.choice(self._addresses), "f", value)

    def _ramp(self) -> bytes:
        target = self._chance.choice((*_FLOATS, self._chance.random()))
        seconds = self._chance.choice(_SECONDS)
        return message(self._chance.choice(self._ramps), "ff", struct.pack(">ff", target, seconds))

    def _preset(self) -> bytes:
        name = padded(self._chance.choice((*self._presets, "no such one")).encode())
        fade = struct.pack(">f", self._chance.choice(_SECONDS))
        return message("/preset/load", "sf", name + fade)

    def _cue(self) -> bytes:
        number = self._chance.choice((-1, 0, 1, 2, 3, 10**6))
        at = self._chance.choice(("/cue", f"/cue/{number}", "/cue/go", "/cue/release"))
        return message(at, "i", struct.pack(">i", number)) if at == "/cue" else message(at, "")

    def _nested(self) -> bytes:
        depth = self._chance.choice(_DEPTHS)
        tags = "[" * depth + "i" + "]" * self._chance.choice((depth, depth, depth - 1))
        return message(self._chance.choice(self._addresses), tags, struct.pack(">i", 1))

    def _strange(self) -> bytes:
        return message(self._chance.choice(_STRANGE), "i", struct.pack(">i", 1))


def send(port: int, grammar: Grammar, count: int, rate: float) -> tuple[int, int]:
    """Send so many messages to this machine at a rate of cost a second.

    Returns how many it was, and in how many packets.
    """
    sent, packets, due = 0, 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("127.0.0.1", port))
        while sent < count:
            burst = _burst(grammar)
            due = max(due, time.monotonic() - BURST / rate)  # what is late is not caught up
            time.sleep(max(0.0, due - time.monotonic()))
            now = time.time()
            for packet in burst:
                with suppress(ConnectionRefusedError):  # nobody listens: the show is no more
                    sender.send(packet.timed(now))
            packets += len(burst)
            sent += sum(packet.messages for packet in burst)
            due += sum(packet.cost for packet in burst) / rate
    return sent, packets


def _burst(grammar: Grammar) -> list[Packet]:
    """Packets that go together."""
    burst: list[Packet] = []
    while sum(packet.cost for packet in burst) < BURST:
        burst.append(grammar.packet())
    return burst


def main() -> None:
    asked = json.loads(sys.stdin.read())
    grammar = Grammar(asked["seed"], asked["addresses"], asked["presets"])
    print(json.dumps(send(asked["port"], grammar, asked["count"], asked["rate"])))


if __name__ == "__main__":
    main()

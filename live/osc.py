"""OSC over UDP: messages in, feedback and senses out.

Whatever arrives is hostile until shown otherwise: sizes, depths, counts and rates are capped,
addresses are looked up and never matched as patterns, and no packet raises.
"""

import heapq
import select
import socket
import struct
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from pythonosc.osc_message import OscMessage, ParseError
from pythonosc.osc_message_builder import BuildError, OscMessageBuilder

from synth.trouble import Trouble

from .controls import Controls

LARGEST = 8192  # bytes of a packet
_DEEPEST = 4  # bundles within bundles
_MOST = 256  # messages in a packet
_RATE = 4000.0  # packets a second
_BURST = 400.0  # packets
_PAUSE = 0.005  # seconds of deafness once the rate is exceeded
_FARTHEST = 60.0  # seconds into the future that a time tag may point
_LATER = 4096  # messages that may wait for their time
_TAGS = set(b"ifsbhtdTFNrm[]")
_NTP = 2208988800  # seconds from 1900 to 1970
_PUBLISHED = 1 / 30  # seconds between two feedbacks
_SUBSCRIBERS = 16

Address = tuple[str, int]


def place_of(text: str, option: str) -> Address:
    """Host and port of `HOST:PORT`, `[::1]:PORT` left out; Trouble names the option."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise Trouble(f"{option} is {text}; write it as HOST:PORT, such as 127.0.0.1:9000")
    return host, int(port)


def messages(packet: bytes) -> Iterator[tuple[float | None, str, list[Any]]]:
    """Every message in a packet as (seconds since 1970 or None for at once, address, arguments).

    Raises ValueError for what is no OSC, too deep or too much; messages before it stand.
    """
    if len(packet) > LARGEST:
        raise ValueError("too large")
    waiting: list[tuple[bytes, int, float | None]] = [(packet, 0, None)]
    count = 0
    while waiting:
        data, depth, when = waiting.pop()
        if data.startswith(b"#bundle\0"):
            waiting.extend(reversed(_elements(data, depth)))
            continue
        count += 1
        if count > _MOST:
            raise ValueError("too many messages")
        yield (when, *_message(data))


def _elements(bundle: bytes, depth: int) -> list[tuple[bytes, int, float | None]]:
    if depth >= _DEEPEST or len(bundle) < 16:
        raise ValueError("a bundle that is too deep or too short")
    seconds, fraction = struct.unpack(">II", bundle[8:16])
    at = None if (seconds, fraction) == (0, 1) else seconds - _NTP + fraction / 2**32
    found, place = [], 16
    while place + 4 <= len(bundle):
        (size,) = struct.unpack(">i", bundle[place : place + 4])
        if size <= 0 or place + 4 + size > len(bundle):
            raise ValueError("an element that is no element")
        found.append((bundle[place + 4 : place + 4 + size], depth + 1, at))
        place += 4 + size
        if len(found) > _MOST:
            raise ValueError("too many messages")
    return found


def _message(data: bytes) -> tuple[str, list[Any]]:
    end = data.find(b"\0")
    if not data.startswith(b"/") or end < 0:
        raise ValueError("no address")
    begin = (end // 4 + 1) * 4
    tags = data[begin : max(begin, data.find(b"\0", begin))]
    if tags and (tags[:1] != b"," or not set(tags[1:]) <= _TAGS):
        raise ValueError("unknown types")
    try:
        parsed = OscMessage(data)
        return str(parsed.address), list(parsed.params)
    except (ParseError, UnicodeDecodeError, struct.error, IndexError, TypeError) as error:
        raise ValueError(str(error)) from None


def packet_of(address: str, arguments: Sequence[Any]) -> bytes:
    """One OSC message; numbers, words and switches become `i` `f` `s` `T` `F`."""
    builder = OscMessageBuilder(address)
    for argument in arguments:
        builder.add_arg(argument)
    try:
        return bytes(builder.build().dgram)
    except BuildError:  # an integer of more than 32 bits
        return packet_of(address, [float(argument) for argument in arguments])


@dataclass(order=True)
class _Timed:
    at: float
    number: int
    message: tuple[str, list[Any]] = field(compare=False)


class OscPort:
    """Listens and answers in threads of its own."""

    def __init__(self, controls: Controls, place: Address, *, allowed: Sequence[str] = ()) -> None:
        """`allowed` hosts alone are heard, all when none are named. Trouble when it is taken."""
        self.controls = controls
        self.received = self.dropped = self.malformed = 0
        self._allowed = frozenset(allowed)
        self._subscribers: dict[Address, dict[str, list[Any]]] = {}
        self._later: list[_Timed] = []
        self._stop = threading.Event()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self._socket.bind(place)
        except OSError as error:
            self._socket.close()
            raise Trouble(f"--osc {place[0]}:{place[1]}: {error.strerror}; use another") from None
        self.place: Address = self._socket.getsockname()
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (("osc", self._listen), ("osc out", self._publish))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(1.0)
        self._socket.close()

    # ---- in

    def _listen(self) -> None:
        allowance, before = _BURST, time.monotonic()
        while not self._stop.is_set():
            self._carry_out_what_is_due()
            if not select.select([self._socket], [], [], self._patience())[0]:
                continue
            now = time.monotonic()
            allowance = min(_BURST, allowance + (now - before) * _RATE)
            before = now
            try:
                packet, sender = self._socket.recvfrom(65536)
            except OSError:
                continue  # a receiver of ours that went away answers like this
            if self._allowed and sender[0] not in self._allowed:
                self.dropped += 1
            elif allowance < 1:
                self.dropped += 1
                self._stop.wait(_PAUSE)
            else:
                allowance -= 1
                self.take(packet, sender)

    def take(self, packet: bytes, sender: Address) -> None:
        """Carry out one packet; nothing it may hold raises."""
        self.received += 1
        now = time.time()
        try:
            for when, address, arguments in messages(packet):
                if when is None or when <= now:
                    self._carry_out(address, arguments, sender)
                elif when - now < _FARTHEST and len(self._later) < _LATER:
                    heapq.heappush(self._later, _Timed(when, self.received, (address, arguments)))
                else:
                    self.dropped += 1
        except ValueError:
            self.malformed += 1

    def _patience(self) -> float:
        if not self._later:
            return 0.1
        return min(0.1, max(0.0, self._later[0].at - time.time()))

    def _carry_out_what_is_due(self) -> None:
        while self._later and self._later[0].at <= time.time():
            self.controls.receive(*heapq.heappop(self._later).message)

    def _carry_out(self, address: str, arguments: list[Any], sender: Address) -> None:
        if address in ("/subscribe", "/unsubscribe"):
            port = arguments[0] if arguments and isinstance(arguments[0], int) else sender[1]
            if 0 < port < 65536:
                self.subscribe((sender[0], port), on=address == "/subscribe")
            return
        self.controls.receive(address, arguments)

    # ---- out

    def subscribe(self, receiver: Address, *, on: bool = True) -> None:
        """Send feedback and senses there from now on, or no longer; everything at first."""
        if not on:
            self._subscribers.pop(receiver, None)
        elif len(self._subscribers) < _SUBSCRIBERS:
            self._subscribers[receiver] = {}

    def _publish(self) -> None:
        while not self._stop.wait(_PUBLISHED):
            if not self._subscribers:
                continue
            values = self.controls.values(senses=False) | self.controls.values(senses=True)
            packets: dict[str, bytes] = {}
            for receiver, known in list(self._subscribers.items()):
                for address, value in values.items():
                    if known.get(address) != value:
                        known[address] = value
                        if address not in packets:
                            packets[address] = packet_of(address, value)
                        self._send(packets[address], receiver)

    def _send(self, packet: bytes, receiver: Address) -> None:
        try:
            self._socket.sendto(packet, receiver)
        except OSError:
            self._subscribers.pop(receiver, None)  # it cannot be reached

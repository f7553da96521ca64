"""Who is told over OSC what changed and what is heard, and how much of it.

A subscriber asked for it and is forgotten soon after its host fell silent; a receiver that was
named on the command line is told for ever. What cannot be told now waits, the newest value of each
address, so that nobody gets more than a slow network can bear.
"""

import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.errors import UserError

from .network_addresses import SocketAddress
from .osc_packets import packet_of
from .rate_limit import RateLimit

LAPSES = 30.0  # seconds after a host's last packet
MOST, MOST_OF_A_HOST = 16, 4  # subscribers
RATE, BURST = 500.0, 150.0  # packets a second to a receiver, and at once: all values are about 100
_AGAIN = 10.0  # seconds after which a receiver for ever is told all: it may have been away
_REST = 1.0  # seconds for which one that refused is left alone

Clock = Callable[[], float]
Values = Mapping[str, list[Any]]


@dataclass(slots=True)
class _Receiver:
    lapses: float  # when it is forgotten
    rate_limit: RateLimit
    told: dict[str, list[Any]] = field(default_factory=dict)
    waiting: dict[str, list[Any]] = field(default_factory=dict)  # in the order of their change
    begins: float = -math.inf  # when it is told all anew
    rests: float = -math.inf  # until when it is left alone


class Feedback:
    """What each receiver knows; asked and told from two threads."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self._clock = clock
        self._receivers: dict[SocketAddress, _Receiver] = {}
        self._lock = threading.Lock()

    @property
    def receivers(self) -> list[SocketAddress]:
        """Who is told now."""
        with self._lock:
            return list(self._receivers)

    def always(self, address: SocketAddress) -> None:
        """Tell this one for ever."""
        with self._lock:
            self._receivers[address] = self._new(math.inf)

    def is_always(self, address: SocketAddress) -> bool:
        """Whether this one is told for ever."""
        with self._lock:
            receiver = self._receivers.get(address)
            return receiver is not None and receiver.lapses == math.inf

    def subscribe(self, address: SocketAddress) -> None:
        """Tell this one until its host is silent; the oldest of its host gives way to a fifth.

        UserError when there are too many.
        """
        with self._lock:
            self._forget()
            if address in self._receivers:
                if self._receivers[address].lapses < math.inf:
                    self._receivers[address] = self._new(self._clock() + LAPSES)
                return
            asked = [a for a, one in self._receivers.items() if one.lapses < math.inf]
            of_host = [a for a in asked if a[0] == address[0]]
            if len(of_host) >= MOST_OF_A_HOST:
                del self._receivers[of_host[0]]
            elif len(asked) >= MOST:
                raise UserError(
                    f"/subscribe: {address[0]} is one too many; {MOST} are told already"
                )
            self._receivers[address] = self._new(self._clock() + LAPSES)

    def _new(self, lapses: float) -> _Receiver:
        return _Receiver(lapses, RateLimit(RATE, BURST, self._clock))

    def unsubscribe(self, address: SocketAddress) -> None:
        """Tell it no longer."""
        with self._lock:
            if address in self._receivers and self._receivers[address].lapses < math.inf:
                del self._receivers[address]

    def renew(self, host: str) -> None:
        """The host gave a sign of life."""
        with self._lock:
            for address, receiver in self._receivers.items():
                if address[0] == host and receiver.lapses < math.inf:
                    receiver.lapses = self._clock() + LAPSES

    def _forget(self) -> None:
        now = self._clock()
        for address in [a for a, one in self._receivers.items() if one.lapses <= now]:
            del self._receivers[address]

    def refused(self, address: SocketAddress) -> None:
        """Nobody is there: a subscriber is forgotten, one for ever tried again a little later."""
        with self._lock:
            receiver = self._receivers.get(address)
            if receiver is None:
                return
            if receiver.lapses < math.inf:
                del self._receivers[address]
                return
            receiver.rests = self._clock() + _REST
            receiver.told.clear()
            receiver.waiting.clear()

    def due(self, values: Values) -> Iterator[tuple[bytes, SocketAddress]]:
        """Packets that are to be sent now; one that is not sent in the end counts as sent."""
        packets: dict[str, bytes] = {}
        for address, news in self._news(values):
            for name, value in news:
                if name not in packets:
                    packets[name] = packet_of(name, value)
                yield packets[name], address

    def _news(self, values: Values) -> list[tuple[SocketAddress, list[tuple[str, list[Any]]]]]:
        with self._lock:
            self._forget()
            return [
                (address, self._news_of(receiver, values))
                for address, receiver in self._receivers.items()
                if receiver.rests <= self._clock()
            ]

    def _news_of(self, receiver: _Receiver, values: Values) -> list[tuple[str, list[Any]]]:
        now = self._clock()
        if receiver.lapses == math.inf and now - receiver.begins >= _AGAIN:
            receiver.begins = now
            receiver.told.clear()
        for name, value in values.items():
            if receiver.told.get(name) != value:
                receiver.told[name] = receiver.waiting[name] = value
        news = []
        while receiver.waiting and receiver.rate_limit.spend():
            name = next(iter(receiver.waiting))
            news.append((name, receiver.waiting.pop(name)))
        return news

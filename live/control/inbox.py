"""What becomes of OSC packets: read, counted, kept until they are due, carried out.

No packet raises. What is too much, too early or no OSC is dropped, counted and told.
"""

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..faults import Faults, reason_of
from .osc_packets import LARGEST, messages
from .rate_limit import RateLimit

RATE, BURST = 4000.0, 400.0  # messages a second, and at once
_BYTES = 64  # of a packet that cost as much as a message
_FARTHEST = 60.0  # seconds into the future that a time tag may point
_LATER = 4096  # messages that may wait for their time

Clock = Callable[[], float]
CarryOut = Callable[[str, list[Any], Any], object]  # address, arguments, sender


@dataclass(order=True, slots=True)
class _Timed:
    due: float
    number: int  # in the order in which they came: messages of one bundle have one time
    message: tuple[str, list[Any], Any] = field(compare=False)


class Inbox:
    """Takes packets for `carry_out`, from one thread; see `faults` for what it dropped.

    All senders share one rate: who may send at all may turn every knob as well, and senders can be
    made up. `clock` is monotonic; `wall` counts from 1970 and may step.
    """

    def __init__(
        self,
        part: str,
        carry_out: CarryOut,
        *,
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> None:
        self.faults = Faults(clock)
        self.received = self.dropped = self.malformed = 0
        self._part, self._carry_out, self._clock, self._wall = part, carry_out, clock, wall
        self._allowance = RateLimit(RATE, BURST, clock)
        self._later: list[_Timed] = []
        self._number = itertools.count()
        self._lock = threading.Lock()  # a thread that hung may wake beside the one that took over

    def take(self, packet: bytes, sender: Any = None) -> bool:
        """Carry out a packet's messages, now or when due; False when too many came."""
        self.received += 1
        if self._allowance.left < 1:
            self.drop("too many", f"more than {RATE:.0f} messages a second; the rest is dropped")
            return False
        count = 0
        try:
            for when, address, arguments in messages(packet):
                count += 1
                self._put(when, (address, arguments, sender))
        except (ValueError, RecursionError) as error:
            self.refuse(f"a packet that is no OSC: {str(error)[:80]}")
        self._allowance.spend(max(1, count, min(len(packet), LARGEST) // _BYTES))
        return True

    def _put(self, when: float | None, message: tuple[str, list[Any], Any]) -> None:
        wait = 0.0 if when is None else when - self._wall()
        if wait <= 0:
            self._do(*message)
        elif wait > _FARTHEST:
            self.drop("too early", f"a time tag is {wait:.0f} s ahead; up to {_FARTHEST:.0f} wait")
        elif len(self._later) >= _LATER:
            self.drop("too many wait", f"more than {_LATER} messages wait for their time")
        else:
            # Due by the monotonic clock: the other one may step meanwhile.
            with self._lock:
                timed = _Timed(self._clock() + wait, next(self._number), message)
                heapq.heappush(self._later, timed)

    def refuse(self, text: str) -> None:
        """Count and tell what cannot be understood."""
        self.malformed += 1
        self.faults.tell(self._part, text, kind="malformed")

    def drop(self, kind: str, text: str, count: int = 1) -> None:
        """Count and tell what is not carried out."""
        self.dropped += count
        self.faults.tell(self._part, text, kind=kind)

    def carry_out_what_is_due(self) -> None:
        """Carry out the messages whose time has come, in the order of time and of arrival."""
        while (timed := self._due()) is not None:
            self._do(*timed.message)

    def _due(self) -> _Timed | None:
        with self._lock:
            if not self._later or self._later[0].due > self._clock():
                return None
            return heapq.heappop(self._later)

    def patience(self, longest: float) -> float:
        """Seconds until the next message is due, at most `longest`."""
        with self._lock:
            if not self._later:
                return longest
            return min(longest, max(0.0, self._later[0].due - self._clock()))

    def _do(self, address: str, arguments: list[Any], sender: Any) -> None:
        try:
            self._carry_out(address, arguments, sender)
        except Exception as error:  # whatever it was: the messages after it are carried out
            self.drop("failed", f"{address[:80]} failed ({reason_of(error)})")

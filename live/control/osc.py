"""OSC over UDP: messages in, feedback and senses out."""

import selectors
import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from synth.errors import UserError

from ..faults import Faults
from ..supervisor import Shift, Supervisor, Worker
from .access import within
from .address_space import AddressSpace
from .inbox import BURST, RATE, Clock, Inbox
from .network_addresses import (
    Network,
    Place,
    SocketAddress,
    interfaces,
    ip_of,
    is_everywhere,
    is_loopback,
    resolved,
    written,
)
from .rate_limit import RateLimit
from .subscriptions import Feedback

IN, OUT = "OSC in", "OSC out"
_LISTENING = 0.1  # seconds of a round without packets
_AT_ONCE = 64  # packets in a round
_PAUSE = 0.005  # seconds of deafness once the rate is exceeded
_PUBLISHED = 1 / 30  # seconds between two feedbacks
_BUFFER = 1 << 20  # bytes that the system may keep while this thread waits for its turn
_ENDS = 0.3  # seconds for a thread to end
_TRIES = 3  # sendings of one packet: a socket reports what became of another one instead
_OVERFLOWN = 40  # Linux' option by which a socket tells how many packets it had no room for
_RECVERR = {socket.AF_INET: (0, 11), socket.AF_INET6: (41, 25)}  # Linux: level and option

# It bears any number of open files, and needs none itself.
_Selector = getattr(selectors, "PollSelector", selectors.SelectSelector)


class OscPort:
    """Hears at a place if there is one, and tells those who asked and those who are named."""

    def __init__(
        self,
        address_space: AddressSpace,
        place: Place | None = None,
        *,
        allowed: Sequence[Network] = (),
        clock: Clock = time.monotonic,
        wall: Clock = time.time,
    ) -> None:
        """UserError where the place is taken or cannot be had; see `listen`."""
        self.address_space = address_space
        self.place: Place = ("", 0)  # where it hears
        self.faults = Faults(clock)
        self.feedback = Feedback(clock)
        self.inbox = Inbox(IN, self._carry_out, clock=clock, wall=wall)
        self._allowed: tuple[Network, ...] = ()
        self._strangers = RateLimit(RATE, BURST, clock)
        self._silent: set[SocketAddress] = set()  # receivers of which it was told
        self._sockets: dict[socket.AddressFamily, socket.socket] = {}
        self._ear: socket.socket | None = None
        self._lost = 0  # packets that the system had no room for
        self._ears = _Selector()
        self._workers: list[Worker] = []
        self._supervisor: Supervisor | None = None
        if place is not None:
            self.listen(place, allowed)

    @property
    def received(self) -> int:
        """Packets of those who are heard."""
        return self.inbox.received

    @property
    def dropped(self) -> int:
        """Packets and messages that were too much, too early, of strangers, or had no room."""
        return self.inbox.dropped

    @property
    def malformed(self) -> int:
        """Packets that were no OSC."""
        return self.inbox.malformed

    @property
    def is_needed(self) -> bool:
        """Whether there is somebody to hear or to tell."""
        return bool(self._sockets)

    def listen(self, place: Place, allowed: Sequence[Network] = ()) -> None:
        """Hear at a place, before the start: only hosts within `allowed`, where any are named.

        UserError where it is taken, cannot be had, or is open to others and none are named.
        """
        family, address = resolved(place, "--osc", socket.SOCK_DGRAM)
        if not is_loopback(address[0]) and not allowed:
            raise UserError(
                f"--osc {written(place)} is open to others; say who is heard with --osc-allow, "
                f"such as --osc-allow {_neighbours()}"
            )
        ear = self._socket(family)
        try:
            if family == socket.AF_INET6 and is_everywhere(address[0]):
                ear.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            if sys.platform == "linux":
                with suppress(OSError):  # not every kernel tells what was lost
                    ear.setsockopt(socket.SOL_SOCKET, _OVERFLOWN, 1)
            ear.bind(address)
        except OSError as error:
            self._sockets.pop(family).close()
            raise UserError(f"--osc {written(place)}: {error.strerror}; use another") from error
        self._ears.register(ear, selectors.EVENT_READ)
        self._ear, self._allowed = ear, tuple(allowed)
        self.place = ear.getsockname()[:2]

    def always_tell(self, receiver: Place) -> None:
        """Tell a receiver for ever, from the start on; UserError where there is no such host."""
        family, address = resolved(receiver, "--osc-to", socket.SOCK_DGRAM)
        ip = ip_of(address[0])
        if ip is None or ip.is_unspecified or ip.is_multicast or str(ip) == "255.255.255.255":
            raise UserError(f"--osc-to {written(receiver)} is not one host; name each by itself")
        self._socket(family)
        self.feedback.always(address)

    def _socket(self, family: socket.AddressFamily) -> socket.socket:
        if family not in self._sockets:
            made = self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
            made.setblocking(False)
            if sys.platform == "linux":  # elsewhere nobody tells that a receiver is gone
                made.setsockopt(*_RECVERR[family], 1)
        return self._sockets[family]

    def start(self, supervisor: Supervisor) -> None:
        """Listen and tell from now on."""
        self._supervisor = supervisor
        self.faults = self.inbox.faults = supervisor.faults
        if self._ear is not None:
            self._workers.append(supervisor.employ(IN, self._hear, renew=_nothing))
        self._workers.append(supervisor.employ(OUT, self._tell, renew=_nothing))

    def stop(self) -> None:
        """Neither listen nor tell any longer."""
        if self._supervisor is not None:
            for worker in self._workers:
                worker.end()
            for worker in self._workers:
                self._supervisor.dismiss(worker, _ENDS)
        for one in self._sockets.values():
            one.close()

    # ---- in

    def _hear(self, shift: Shift) -> None:
        """One round: what is due, and the packets that came."""
        assert self._ear is not None
        self.inbox.carry_out_what_is_due()
        if not self._ears.select(self.inbox.patience(_LISTENING)):
            return
        for _ in range(_AT_ONCE):
            try:
                packet, sender = self._next_packet(self._ear)
            except OSError:  # nothing is left, or a receiver of ours went away
                self._take_up_errors(self._ear)
                return
            if shift.over:
                return
            shift.round()  # many packets are much work, and no hanging
            if not self.take(packet, sender):
                shift.wait(_PAUSE)
                return

    def _next_packet(self, ear: socket.socket) -> tuple[bytes, SocketAddress]:
        """The next packet and its sender; what the system lost before it is counted and told."""
        if sys.platform != "linux":
            return ear.recvfrom(65536)
        packet, told, _, sender = ear.recvmsg(65536, socket.CMSG_SPACE(4))
        for level, kind, data in told:
            if (level, kind) == (socket.SOL_SOCKET, _OVERFLOWN):
                self._overflown(int.from_bytes(data, sys.byteorder))
        return packet, sender

    def _overflown(self, count: int) -> None:
        """Packets that the socket had no room for, since it was made."""
        lost = (count - self._lost) % (1 << 32)
        if 0 < lost < 1 << 31:  # a thread that hung may come with an older count
            self._lost = count
            text = "packets came faster than they could be taken; some were lost"
            self.inbox.drop("no room", text, lost)

    def take(self, packet: bytes, sender: SocketAddress) -> bool:
        """Carry out one packet; nothing it may hold raises. False when too many came."""
        if self._allowed and not within(sender[0], self._allowed):
            text = f"a packet from {sender[0]}; --osc-allow {sender[0]} would have it heard"
            self.inbox.drop("not allowed", text)
            return self._strangers.spend()
        self.feedback.renew(sender[0])
        return self.inbox.take(packet, sender)

    def _carry_out(self, address: str, arguments: list[Any], sender: SocketAddress) -> None:
        if address not in ("/subscribe", "/unsubscribe"):
            self.address_space.receive(address, arguments)
            return
        port = arguments[0] if arguments else sender[1]
        if isinstance(port, bool) or not isinstance(port, int) or not 0 < port < 65536:
            text = f"{address} has {str(port)[:40]!r}; send a port of your own, or nothing"
            self.inbox.drop("subscription", text)
            return
        receiver = (sender[0], port, *sender[2:])
        try:
            if address == "/subscribe":
                self.feedback.subscribe(receiver)
            else:
                self.feedback.unsubscribe(receiver)
        except UserError as trouble:
            self.inbox.drop("subscription", str(trouble))

    # ---- out

    def _tell(self, shift: Shift) -> None:
        """One round: whatever changed, to everybody who wants it."""
        shift.wait(_PUBLISHED)
        if not self.feedback.receivers or shift.over:
            return
        values = self.address_space.values(senses=False) | self.address_space.values(senses=True)
        for packet, receiver in self.feedback.due(values):
            self._send(packet, receiver)
        for one in self._sockets.values():
            self._take_up_errors(one)

    def _send_to(self, packet: bytes, receiver: SocketAddress) -> None:
        family = socket.AF_INET6 if len(receiver) > 2 else socket.AF_INET
        self._sockets[family].sendto(packet, receiver)

    def _send(self, packet: bytes, receiver: SocketAddress) -> None:
        error: OSError | None = None
        for _ in range(_TRIES):
            try:
                self._send_to(packet, receiver)
            except BlockingIOError:
                return  # the network is busy; the next value will do
            except OSError as reason:
                error = reason
            else:
                return
        self._refused(receiver, error.strerror if error is not None else "")

    def _take_up_errors(self, one: socket.socket) -> None:
        """Where the system tells which receivers refused packets, do without them."""
        if sys.platform != "linux":
            return
        for _ in range(_AT_ONCE):
            try:
                _, _, _, receiver = one.recvmsg(0, 256, socket.MSG_ERRQUEUE)
            except OSError:
                return
            self._refused(receiver, "nobody listens there")

    def _refused(self, receiver: SocketAddress, reason: str | None) -> None:
        if self.feedback.is_always(receiver) and receiver not in self._silent:
            self._silent.add(receiver)
            place = written(receiver)
            text = f"--osc-to {place} cannot be reached ({reason}); tried again and again"
            self.faults.tell(OUT, text, kind=f"unreachable {place}")
        self.feedback.refused(receiver)


def _nothing() -> None:
    """The sockets are as good in another thread."""


def _neighbours() -> str:
    """A network that is likely meant."""
    return next((str(i.network) for i in interfaces() if i.version == 4), "192.168.1.0/24")

"""Being found: what is open to others is announced by mDNS, in a thread of its own."""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .addresses import is_loopback, reachable
from .faults import reason_of
from .supervisor import Shift, Supervisor, Worker

PART = "mDNS"
_BEAT = 0.1  # seconds
_REFRESHED = 10.0  # seconds between two looks at this machine's addresses
_SLOW = 30.0  # seconds that a network may take to be joined
_AGAIN = 60.0  # seconds until the next try where it failed
_ENDS = 0.8  # seconds to say goodbye


@dataclass(frozen=True, slots=True)
class Service:
    """What is announced: `_oscjson._tcp` or `_osc._udp`, and where it is bound."""

    kind: str
    host: str
    port: int


def host_name(port: int) -> str:
    """The name under which the machine is announced, without a dot at its end."""
    return f"latent-jockey-{port}.local"


class Announcement:
    """Announces services; those on loopback are nobody's business and left out."""

    def __init__(self, services: Sequence[Service]) -> None:
        self.services = [service for service in services if not is_loopback(service.host)]
        self._supervisor: Supervisor | None = None
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Announce from now on; nothing where all is on loopback."""
        if self.services:
            self._supervisor = supervisor
            self._worker = supervisor.employ(PART, self._announce)

    def stop(self) -> None:
        """Say goodbye; a network that hangs is left behind."""
        if self._supervisor is not None and self._worker is not None:
            self._supervisor.dismiss(self._worker, _ENDS)

    def _announce(self, shift: Shift) -> None:
        """One round is one announcement: until this machine's addresses change."""
        try:
            from zeroconf import IPVersion, Zeroconf
        except ImportError:
            self._rest(shift, "needs zeroconf; pip install 'latent-jockey[live]'")
            return
        addresses = self._addresses()
        shift.allow(_SLOW)
        everything = sorted({address for found in addresses for address in found})
        six = any(":" in address for address in everything)
        four = any(":" not in address for address in everything)
        version = IPVersion.All if six and four else IPVersion.V6Only if six else IPVersion.V4Only
        network = None
        try:
            network = Zeroconf(interfaces=everything, ip_version=version)
            for service, found in zip(self.services, addresses, strict=True):
                network.register_service(_info(service, found))
            self._wait(shift, addresses)
        except Exception as error:  # sockets, names that are taken, what the library thinks of it
            self._rest(shift, f"the network does not take part ({reason_of(error)})")
        finally:
            if network is not None:
                shift.allow(_SLOW)
                network.close()

    def _addresses(self) -> list[list[str]]:
        return [reachable(service.host) for service in self.services]

    def _wait(self, shift: Shift, addresses: list[list[str]]) -> None:
        beats = 0
        while not shift.wait(_BEAT):
            shift.round()
            beats += 1
            if beats * _BEAT >= _REFRESHED:
                beats = 0
                if self._addresses() != addresses:
                    return

    def _rest(self, shift: Shift, why: str) -> None:
        if self._supervisor is not None and not shift.over:
            text = f"controllers do not find the show by themselves: {why}"
            self._supervisor.faults.tell(PART, text)
        waited = 0.0
        while waited < _AGAIN and not shift.wait(_BEAT):
            shift.round()
            waited += _BEAT


def _info(service: Service, addresses: Sequence[str]) -> Any:
    from zeroconf import ServiceInfo

    kind = f"{service.kind}.local."
    return ServiceInfo(
        kind,
        f"Latent Jockey {service.port}.{kind}",
        port=service.port,
        addresses=[ipaddress.ip_address(address.partition("%")[0]).packed for address in addresses],
        server=f"{host_name(service.port)}.",
    )

"""Being found: what is open to others is announced by mDNS, in a thread of its own."""

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker
from .network_addresses import is_loopback, reachable

if TYPE_CHECKING:
    from zeroconf import IPVersion
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

PART = "mDNS"
_BEAT = 0.1  # seconds
_REFRESHED = 10.0  # seconds between two looks at this machine's addresses
_SLOW = 30.0  # seconds that a network may take to be joined
_AGAIN = 60.0  # seconds until the next try where it failed
_GOODBYE = 0.6  # seconds to say so
_ENDS = 0.9  # seconds for the thread to end


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
        shift.allow(_SLOW)  # to import it, and to open its sockets
        try:
            asyncio.run(self._be_found(shift))
        except ImportError:
            self._rest(shift, "that needs zeroconf; pip install 'latent-jockey[live]'")
        except Exception as error:  # sockets, names that are taken, what the library thinks of it
            self._rest(shift, f"the network does not take part ({reason_of(error)})")

    async def _be_found(self, shift: Shift) -> None:
        from zeroconf.asyncio import AsyncZeroconf

        addresses = self._addresses()
        everything = sorted({address for found in addresses for address in found})
        if not everything:
            await self._until_moved(shift, addresses)
            return
        network = AsyncZeroconf(interfaces=everything, ip_version=_version_of(everything))
        telling = asyncio.ensure_future(self._tell(network, addresses))
        try:
            await self._until_moved(shift, addresses, telling)
        finally:
            telling.cancel()
            with suppress(TimeoutError):
                await asyncio.wait_for(network.async_close(), _GOODBYE)

    def _addresses(self) -> list[list[str]]:
        """Where others reach each service; nowhere while there is no network."""
        return [
            [address for address in reachable(service.host) if not is_loopback(address)]
            for service in self.services
        ]

    async def _tell(self, network: "AsyncZeroconf", addresses: Sequence[Sequence[str]]) -> None:
        for service, found in zip(self.services, addresses, strict=True):
            if found:
                await (await network.async_register_service(_info(service, found)))

    async def _until_moved(
        self,
        shift: Shift,
        addresses: Sequence[Sequence[str]],
        telling: "asyncio.Future[None] | None" = None,
    ) -> None:
        """Until the show ends, the addresses are others, or what is told fails."""
        beats = 0
        while not shift.over:
            shift.round()
            if telling is not None and telling.done():
                telling.result()
            await asyncio.sleep(_BEAT)
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


def _version_of(addresses: Sequence[str]) -> "IPVersion":
    from zeroconf import IPVersion

    six = any(":" in address for address in addresses)
    four = any(":" not in address for address in addresses)
    return IPVersion.All if six and four else IPVersion.V6Only if six else IPVersion.V4Only


def _info(service: Service, addresses: Sequence[str]) -> "AsyncServiceInfo":
    from zeroconf.asyncio import AsyncServiceInfo

    kind = f"{service.kind}.local."
    return AsyncServiceInfo(
        kind,
        f"Latent Jockey {service.port}.{kind}",
        port=service.port,
        addresses=[ipaddress.ip_address(address.partition("%")[0]).packed for address in addresses],
        server=f"{host_name(service.port)}.",
    )

"""Who may enter: networks for OSC; hosts, pages and the token for HTTP."""

import enum
import hmac
import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from synth.errors import UserError

from .network_addresses import Network, ip_of

_SAME = ("same-origin", "none")  # Sec-Fetch-Site of the page itself, and of what a person opened
_PORTS = {"http": 80, "https": 443}


def networks_of(text: str | None, option: str) -> tuple[Network, ...]:
    """Networks of a list such as `10.0.0.2,192.168.1.0/24`; UserError for what is no address."""
    parts = [part.strip() for part in text.split(",")] if text is not None else []
    try:
        return tuple(ipaddress.ip_network(part, strict=False) for part in parts)
    except ValueError as error:
        raise UserError(
            f"{option} is {str(text)[:80]} ({str(error)[:80]}); write IP addresses or networks, "
            "such as 10.0.0.2,192.168.1.0/24"
        ) from error


def within(host: str, networks: Iterable[Network]) -> bool:
    """Whether a host lies in one of the networks."""
    address = ip_of(host)
    return address is not None and any(
        address.version == network.version and address in network for network in networks
    )


class Headers(Protocol):
    """A request's headers, each of which may be there more than once."""

    def getall(self, key: str, default: list[str]) -> Sequence[str]:
        """Every value of a header, or the default."""
        ...


class Refusal(enum.Enum):
    """Why a request is refused."""

    HOST = "this is no address of the show; open the one that lj printed"
    PAGE = "other pages may not reach the show; open the address that lj printed"
    TOKEN = "the token that lj printed is needed: ?token=…"
    WRONG = "this token is not the one that lj printed; a new show has a new one"


@dataclass(frozen=True)
class Guard:
    """Judges HTTP requests by their headers alone.

    A page elsewhere reaches this server by its visitor's browser: under a name of its own that it
    lets point here (told by Host), or plainly (told by Sec-Fetch-Site and Origin, which pages
    cannot change). A request without them comes from no page: controllers send none.
    """

    token: str = ""  # that is needed; none where only this machine can ask

    def refusal(
        self, headers: Headers, tokens: Sequence[str], hosts: Collection[str]
    ) -> Refusal | None:
        """None where it may pass; `hosts` are good beside localhost and loopback's addresses."""
        named = headers.getall("Host", [])
        here = _authority(named[0]) if len(named) == 1 else None
        if here is None or not _is_ours(here[0], hosts):
            return Refusal.HOST
        if any(site.lower() not in _SAME for site in headers.getall("Sec-Fetch-Site", [])):
            return Refusal.PAGE
        if any(not _is_same(origin, here) for origin in headers.getall("Origin", [])):
            return Refusal.PAGE
        if not self.token:
            return None
        wanted = self.token.encode()
        right = [
            hmac.compare_digest(one.encode("utf-8", "surrogatepass"), wanted) for one in tokens
        ]
        if any(right):
            return None
        return Refusal.WRONG if right else Refusal.TOKEN


def plain_host(host: str) -> str:
    """One spelling of a host: lower case, no dot at its end, addresses in their shortest form."""
    address = ip_of(host)
    return str(address) if address is not None else host.lower().removesuffix(".")


def _authority(text: str) -> tuple[str, int | None] | None:
    """Host and port of `HOST`, `HOST:PORT` or `[::1]:PORT`; None where it is neither."""
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.%\w]+\]|[\w.-]+)(?::([0-9]{1,5}))?", text, re.ASCII)
    if found is None:
        return None
    host, port = found.groups()
    if host.startswith("[") and ip_of(host[1:-1]) is None:
        return None
    return plain_host(host.strip("[]")), int(port) if port else None


def _is_ours(host: str, hosts: Collection[str]) -> bool:
    address = ip_of(host)
    if host == "localhost" or (address is not None and address.is_loopback):
        return True
    return host in hosts


def _is_same(origin: str, here: tuple[str, int | None]) -> bool:
    scheme, _, rest = origin.partition("://")
    there = _authority(rest)
    if scheme not in _PORTS or there is None:
        return False
    usual = _PORTS[scheme]
    return (there[0], there[1] or usual) == (here[0], here[1] or usual)

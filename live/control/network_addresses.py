"""Places on the network: HOST:PORT as people write it, and what it means on this machine."""

import ipaddress
import re
import socket
import threading
from typing import Any

from synth.errors import UserError

Place = tuple[str, int]  # host and port
SocketAddress = tuple[Any, ...]  # as the socket module has it: host and port first
IP = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

_PATIENCE = 3.0  # seconds for the name of a host
_FAR = {socket.AF_INET: ("192.0.2.1", 9), socket.AF_INET6: ("2001:db8::1", 9)}  # documentation's


def place_of(text: str, option: str) -> Place:
    """Host and port of `HOST:PORT` or `[::1]:PORT`; UserError names the option."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        good = isinstance(ip_of(host), ipaddress.IPv6Address)
    else:
        good = re.fullmatch(r"[\w.-]+", host) is not None
    if not good or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65536:
        raise UserError(
            f"{option} is {text[:80]}; write it as HOST:PORT, such as 127.0.0.1:9000 or [::1]:9000"
        )
    return host, int(port)


def ip_of(host: str) -> IP | None:
    """The address that a host's text is, without its zone; IPv4 also where it came by IPv6."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach it."""
    address = ip_of(host)
    return address is not None and address.is_loopback


def is_everywhere(host: str) -> bool:
    """Whether it stands for every address of this machine."""
    address = ip_of(host)
    return address is not None and address.is_unspecified


def written(place: SocketAddress) -> str:
    """`HOST:PORT`, in brackets where it must be."""
    host, port = place[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def resolved(
    place: Place, option: str, kind: socket.SocketKind
) -> tuple[socket.AddressFamily, SocketAddress]:
    """Family and address for a socket, IPv4 where a name has both.

    UserError where there is no such host, or its name server does not answer within seconds.
    """
    found: list[tuple[socket.AddressFamily, SocketAddress]] = []

    def look() -> None:
        try:
            for family, _, _, _, address in socket.getaddrinfo(*place, type=kind):
                found.append((family, address))
        except (OSError, UnicodeError):
            pass  # nothing is found

    asking = threading.Thread(target=look, name="name server", daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    if not found:
        raise UserError(f"{option} {written(place)}: there is no such host; write its IP address")
    return min(found, key=lambda one: one[0] != socket.AF_INET)


def interfaces() -> list[Interface]:
    """This machine's addresses in its networks, without loopback; the way out comes first."""
    from ifaddr import get_adapters

    found: list[Interface] = []
    for adapter in get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            found.append(ipaddress.ip_interface(f"{text}/{ip.network_prefix}"))
    far = {_way_out(family) for family in _FAR}
    useful = [i for i in found if not i.is_loopback and not (i.version == 6 and i.is_link_local)]
    return sorted(useful, key=lambda i: (str(i.ip) not in far, i.is_link_local, i.version))


def _way_out(family: socket.AddressFamily) -> str:
    """The address from which far places are reached; nothing is sent to find it."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect(_FAR[family])
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def reachable(host: str) -> list[str]:
    """The addresses at which others reach what is bound to `host`; loopback where there is none."""
    if not is_everywhere(host):
        return [host]
    version = 4 if host == "0.0.0.0" else 6
    found = [str(i.ip) for i in interfaces() if i.version == 4 or version == 6]
    return found or ["127.0.0.1"]

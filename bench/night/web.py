"""Peers of the show's web server, from the polite to the idle."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_PATIENCE = 5.0  # seconds
_REQUEST = "GET / HTTP/1.1\r\nHost: {host}\r\n"


def answered(port: int, path: str = "/?HOST_INFO", **headers: str) -> int:
    """The status of an answer; 0 where none came."""
    peer = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        peer.request("GET", path, headers=headers)
        return peer.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        peer.close()


class Crowd:
    """Connections that are held open and say little or nothing."""

    def __init__(self, port: int) -> None:
        self._port, self._peers = port, list[socket.socket]()

    def gather(self, count: int, said: str = "") -> None:
        """So many peers, each of which says the beginning of a request."""
        for _ in range(count):
            with suppress(OSError):  # one that is turned away has been answered
                peer = socket.create_connection(("127.0.0.1", self._port), _PATIENCE)
                self._peers.append(peer)
                peer.sendall(said.encode())

    def murmur(self, said: bytes) -> None:
        """Every peer that is still there says a little more."""
        for peer in self._peers:
            with suppress(OSError):
                peer.sendall(said)

    @property
    def held(self) -> int:
        """How many of them the show has not turned away."""
        return sum(not _turned_away(peer) for peer in self._peers)

    def leave(self) -> None:
        """All go."""
        while self._peers:
            self._peers.pop().close()


def _turned_away(peer: socket.socket) -> bool:
    peer.setblocking(False)
    try:
        while heard := peer.recv(4096):
            if not heard:
                break
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        peer.settimeout(_PATIENCE)
    return True


def begun(port: int) -> str:
    """A request whose end is still to come."""
    return _REQUEST.format(host=f"127.0.0.1:{port}")


@contextmanager
def websocket(port: int) -> Iterator[socket.socket]:
    """A conversation by websocket, shaken hands on."""
    peer = socket.create_connection(("127.0.0.1", port), _PATIENCE)
    words = (
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: http://127.0.0.1:{port}\r\n\r\n"
    )
    try:
        peer.sendall((begun(port) + words).encode())
        peer.recv(4096)
        yield peer
    finally:
        peer.close()


def frame(data: bytes) -> bytes:
    """A websocket's binary frame, masked with zeros."""
    size = len(data)
    length = bytes([128 | size]) if size < 126 else bytes([254]) + size.to_bytes(2, "big")
    return b"\x82" + length + b"\0\0\0\0" + data


def wait_until(true: "object", seconds: float) -> bool:
    """Whether a condition came to hold in time."""
    end = time.monotonic() + seconds
    while not true():  # type: ignore[operator]
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True

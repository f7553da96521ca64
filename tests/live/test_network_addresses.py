"""Places as people write them."""

import socket
import threading
import time

import pytest

from live.control.network_addresses import (
    interfaces,
    ip_of,
    is_everywhere,
    is_loopback,
    place_of,
    reachable,
    resolved,
    written,
)
from synth.errors import UserError


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("127.0.0.1:9000", ("127.0.0.1", 9000)),
        ("[::1]:9001", ("::1", 9001)),
        ("[fe80::1%eth0]:9001", ("fe80::1%eth0", 9001)),
        ("localhost:1", ("localhost", 1)),
        ("my-lamp.local:65535", ("my-lamp.local", 65535)),
    ],
)
def test_places_are_host_and_port(text: str, place: tuple[str, int]) -> None:
    assert place_of(text, "--osc") == place
    assert written(place) == text


@pytest.mark.parametrize(
    "text",
    [
        "9000",
        "localhost:",
        ":9",
        "a:99999",
        "a:0",
        "a:b",
        "::1:9001",
        "[1.2.3.4]:9",
        "[x]:9",
        "a b:9",
        "a:²",
        "a:" + "9" * 5000,
        "[::1]",
        "",
        "http://a:9",
        "a:-1",
    ],
)
def test_what_is_no_place_is_told_with_the_cure(text: str) -> None:
    with pytest.raises(UserError, match=r"--osc is .*; write it as HOST:PORT, such as 127.0.0.1"):
        place_of(text, "--osc")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("127.evil.example", False),
        ("::1234", False),
        ("0.0.0.0", False),
        ("localhosts", False),
    ],
)
def test_loopback_is_an_address_and_no_beginning_of_a_name(host: str, loopback: bool) -> None:
    assert is_loopback(host) == loopback


def test_everywhere_is_no_place_of_its_own() -> None:
    assert is_everywhere("0.0.0.0")
    assert is_everywhere("::")
    assert not is_everywhere("127.0.0.1")


def test_ip_version_4_stays_itself_behind_ip_version_6() -> None:
    assert str(ip_of("::ffff:10.0.0.1")) == "10.0.0.1"
    assert ip_of("127.1") is None


def test_a_name_that_is_none_is_told() -> None:
    begun = time.monotonic()
    with pytest.raises(UserError, match="--osc-to lamp.invalid:9: there is no such host"):
        resolved(("lamp.invalid", 9), "--osc-to", socket.SOCK_DGRAM)
    assert time.monotonic() - begun < 4


def test_a_name_server_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    def hang(*_: object, **__: object) -> None:
        let_go.wait(20)
        raise OSError("too late")

    monkeypatch.setattr("live.control.network_addresses._PATIENCE", 0.1)
    monkeypatch.setattr(socket, "getaddrinfo", hang)
    begun = time.monotonic()
    with pytest.raises(UserError, match="no such host"):
        resolved(("lamp.example", 9), "--osc-to", socket.SOCK_DGRAM)
    assert time.monotonic() - begun < 1
    let_go.set()


def test_localhost_is_found_where_phones_and_programs_look() -> None:
    assert resolved(("localhost", 9), "--osc", socket.SOCK_STREAM)[1] == ("127.0.0.1", 9)


def test_what_is_printed_can_be_opened_by_others() -> None:
    """From 0.0.0.0 to this machine's addresses; by those one does reach it."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        for host in reachable("0.0.0.0"):
            assert not is_everywhere(host)
            socket.create_connection((host, server.getsockname()[1]), 2).close()
    assert reachable("10.0.0.7") == ["10.0.0.7"]
    assert all(not interface.is_loopback for interface in interfaces())

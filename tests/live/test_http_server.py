"""A real server and hostile peers on real sockets."""

import asyncio
import base64
import json
import os
import re
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.control.address_space import AddressSpace
from live.control.control_page import ControlPage
from live.control.http_server import MOST, Answer, Question
from live.control.network_addresses import interfaces
from live.control.osc_packets import packet_of
from live.control.oscquery import OscQuery
from live.supervisor import Supervisor
from tests.live.steered import controls_in
from tests.live.test_osc_packets import bundle
from tests.stage import until

GOOD = b"GET /steer/truncation?VALUE HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
Reply = tuple[int, dict[str, str], bytes]

PAGE = ControlPage(bytes)  # with nothing drawn yet


@pytest.fixture
def supervisor() -> Supervisor:
    return Supervisor()


@pytest.fixture
def address_space(tmp_path: Path) -> AddressSpace:
    return controls_in(tmp_path)


@pytest.fixture
def server(address_space: AddressSpace, supervisor: Supervisor) -> Iterator[OscQuery]:
    server = OscQuery(address_space, ("127.0.0.1", 0), None, page=PAGE)
    server.start(supervisor)
    assert answers(server)  # from now on it opens nothing but connections
    yield server
    server.stop()


@pytest.fixture
def secret(address_space: AddressSpace, supervisor: Supervisor) -> Iterator[OscQuery]:
    """One that needs a token."""
    server = OscQuery(address_space, ("127.0.0.1", 0), None, page=PAGE, token="secret")
    server.start(supervisor)
    yield server
    server.stop()


@pytest.fixture
def hasty(address_space: AddressSpace, supervisor: Supervisor) -> Iterator[OscQuery]:
    """One that waits half a second for a request."""
    server = OscQuery(address_space, ("127.0.0.1", 0), None, patience=0.5)
    server.start(supervisor)
    assert answers(server)
    yield server
    server.stop()


def connected(server: OscQuery, host: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection((host, server.place[1]), 5)


def everything(peer: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    data = b""
    try:
        while part := peer.recv(65536):
            data += part
    except ConnectionError:
        pass
    return data


def sent(server: OscQuery, data: bytes, host: str = "127.0.0.1") -> bytes:
    with connected(server, host) as peer:
        peer.sendall(data)
        return everything(peer)


def reply(raw: bytes) -> Reply:
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    return int(first.split()[1]), headers, body


def ask(
    server: OscQuery, path: str, *headers: str, method: str = "GET", host: str = "127.0.0.1"
) -> Reply:
    lines = [f"{method} {path} HTTP/1.1", "Connection: close", *headers]
    if not any(line.lower().startswith("host:") for line in headers):
        lines.append(f"Host: {host}:{server.place[1]}")
    return reply(sent(server, "\r\n".join([*lines, "", ""]).encode(), host))


def answers(server: OscQuery) -> bool:
    return sent(server, GOOD).endswith(b'{"VALUE": [0.7]}')


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - as short as can be


def settled() -> int:
    """As many as are open once all connections are closed."""
    time.sleep(0.3)
    return open_files()


def kinds(supervisor: Supervisor) -> dict[str, int]:
    return {fault.kind: fault.count for fault in supervisor.faults if fault.part == "HTTP"}


# ---- who may ask


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:9001", "0.0.0.0", ""])
def test_a_name_that_points_here_is_not_enough(
    server: OscQuery, supervisor: Supervisor, host: str
) -> None:
    status, _, body = ask(server, "/", f"Host: {host}")
    assert status == 403
    assert b"this is no address of the show" in body
    assert kinds(supervisor) == {"host": 1}
    assert answers(server)


def test_a_request_names_its_host_once(server: OscQuery) -> None:
    once = b"Host: localhost\r\n"
    for version in (b"1.0", b"1.1"):
        for hosts, good in ((b"", False), (once, True), (once * 2, False)):
            first = b"GET / HTTP/" + version + b"\r\nConnection: close\r\n"
            status = sent(server, first + hosts + b"\r\n").split()[1]
            assert status == b"200" if good else status in (b"400", b"403")


def test_other_sites_get_nothing_by_a_visitors_browser(
    server: OscQuery, supervisor: Supervisor
) -> None:
    for header in ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: null"):
        status, headers, body = ask(server, "/page", header)
        assert status == 403
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert b"other pages" in body
    assert kinds(supervisor) == {"page": 3}
    assert ask(server, "/page", "Sec-Fetch-Site: none", "Sec-Fetch-Mode: navigate")[0] == 200


def handshake(server: OscQuery, *headers: str, path: str = "/") -> bytes:
    key = base64.b64encode(b"0123456789abcdef").decode()
    lines = [f"GET {path} HTTP/1.1", "Connection: Upgrade", "Upgrade: websocket"]
    lines += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", *headers]
    if not any(line.startswith("Host:") for line in headers):
        lines.append(f"Host: 127.0.0.1:{server.place[1]}")
    return "\r\n".join([*lines, "", ""]).encode()


def shaken(server: OscQuery, *headers: str, path: str = "/") -> bytes:
    """The status that a websocket's handshake gets."""
    with connected(server) as peer:
        peer.sendall(handshake(server, *headers, path=path))
        return peer.recv(4096).split()[1]


def test_a_websocket_needs_the_same_origin_or_none(server: OscQuery) -> None:
    port = server.place[1]
    assert shaken(server) == b"101", "a controller that is no page"
    assert shaken(server, f"Origin: http://127.0.0.1:{port}") == b"101"
    for origin in ("http://evil.example", f"http://127.0.0.1:{port + 1}", "null"):
        assert shaken(server, f"Origin: {origin}") == b"403"
    assert shaken(server, "Host: evil.example", "Origin: http://evil.example") == b"403"


def test_a_websocket_needs_the_token_too(secret: OscQuery) -> None:
    port = secret.place[1]
    assert shaken(secret) == b"403"
    assert shaken(secret, path="/?token=guess") == b"403"
    assert shaken(secret, path="/?token=secret") == b"101"
    assert shaken(secret, f"Cookie: latent-jockey-{port}=secret") == b"101"
    assert shaken(secret, f"Cookie: latent-jockey-{port + 1}=secret") == b"403"


def test_the_token_becomes_a_cookie_that_no_script_reads(secret: OscQuery) -> None:
    status, headers, body = ask(secret, "/page?token=secret", "Sec-Fetch-Site: none")
    assert status == 200
    assert b"secret" not in body
    cookie = headers["set-cookie"]
    assert cookie.startswith(f"latent-jockey-{secret.place[1]}=secret;")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    for path in ("/", "/page", "/page/page.js", "/page/page.css", "/page/thumbnail/silk"):
        assert ask(secret, path)[0] == 403
        assert ask(secret, path, f"Cookie: {cookie.split(';')[0]}")[0] == 200
    assert "set-cookie" not in ask(secret, "/?token=secret")[1], "a controller needs none"


def test_wrong_tokens_are_told_and_slowed_and_the_right_one_always_enters(
    secret: OscQuery, supervisor: Supervisor
) -> None:
    got = [ask(secret, f"/?token={k}") for k in range(30)]
    assert {status for status, _, _ in got[:10]} == {403}
    assert {status for status, _, _ in got[15:]} == {429}
    assert kinds(supervisor)["wrong"] == 30
    assert not any("secret" in fault.text for fault in supervisor.faults)
    assert ask(secret, "/?token=secret")[0] == 200
    assert ask(secret, "/")[0] == 403
    assert kinds(supervisor)["token"] == 1


def test_beyond_loopback_there_is_always_a_token(address_space: AddressSpace) -> None:
    """And our own addresses and the name that we announce are ours."""
    server = OscQuery(address_space, ("0.0.0.0", 0), None, names=["latent-jockey-9001.local"])
    server.start(Supervisor())
    host, port = str(interfaces()[0].ip), server.place[1]
    assert len(server.token) > 12
    good = f"/steer/truncation?VALUE&token={server.token}"
    for name in (host, "127.0.0.1", "localhost", "latent-jockey-9001.local"):
        assert ask(server, good, f"Host: {name}:{port}", host=host)[0] == 200
        assert ask(server, "/", f"Host: {name}:{port}", host=host)[0] == 403
    for name in ("evil.example", "0.0.0.0"):
        assert ask(server, good, f"Host: {name}:{port}", host=host)[0] == 403
    server.stop()


def test_ip_version_6_is_served(address_space: AddressSpace) -> None:
    server = OscQuery(address_space, ("::1", 0), None)
    server.start(Supervisor())
    assert ask(server, "/steer", f"Host: [::1]:{server.place[1]}", host="::1")[0] == 200
    server.stop()


def test_every_answer_forbids_what_pages_can_do_with_it(server: OscQuery) -> None:
    for path in ("/", "/page", "/page/page.js", "/nothing", "/?NONSENSE"):
        _, headers, _ = ask(server, path)
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert headers["referrer-policy"] == "no-referrer"
        assert "aiohttp" not in headers["server"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "FOO"])
def test_nothing_but_reading_is_allowed(server: OscQuery, method: str) -> None:
    assert ask(server, "/steer/truncation", method=method)[0] in (400, 405)
    assert answers(server)


def test_a_head_has_no_body(server: OscQuery) -> None:
    status, headers, body = ask(server, "/page", method="HEAD")
    assert (status, body) == (200, b"")
    assert int(headers["content-length"]) > 500


def test_a_site_that_fails_is_told_and_the_next_request_answered(
    server: OscQuery, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(question: Question) -> Answer:
        raise RuntimeError("as asked")

    with monkeypatch.context() as patch:
        patch.setattr(server, "answer", fail)
        assert ask(server, "/")[0] == 500
    (fault,) = supervisor.faults
    assert "/ failed (RuntimeError: as asked)" in fault.text
    assert answers(server)


# ---- how many, and for how long


def test_idle_peers_cost_no_more_descriptors_than_there_are_places(
    server: OscQuery, supervisor: Supervisor
) -> None:
    """In a process of their own, so that each descriptor here is the server's."""
    code = (
        "import socket, sys, time\n"
        f"place = ('127.0.0.1', {server.place[1]})\n"
        "peers = [socket.create_connection(place) for _ in range(300)]\n"
        "print('there', flush=True)\n"
        "sys.stdin.read()\n"
    )
    before = settled()
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as crowd:
        assert crowd.stdin is not None
        assert crowd.stdout is not None
        before += 2
        crowd.stdout.readline()
        for _ in range(20):
            assert open_files() <= before + MOST + 2
            assert answers(server), "an idle peer gives its place up"
        crowd.stdin.close()
        before -= 2
    until(lambda: open_files() <= before, "the end of all connections", 3)
    assert kinds(supervisor)["too many"] > 200


def test_where_all_are_busy_a_further_one_is_closed_at_once(
    server: OscQuery, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.control.http_server.MOST", 4)
    with ExitStack() as stack:
        peers = [stack.enter_context(connected(server)) for _ in range(4)]
        for peer in peers:
            peer.sendall(handshake(server))
            assert peer.recv(4096).split()[1] == b"101"
        assert sent(server, GOOD) == b""
        assert kinds(supervisor)["too many"] == 1
    until(lambda: answers(server), "an answer", 2)


def test_the_host_that_holds_most_gives_up_first(
    address_space: AddressSpace, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.control.http_server.MOST", 6)
    server = OscQuery(address_space, ("0.0.0.0", 0), None)
    server.start(supervisor)
    own = str(interfaces()[0].ip)
    with connected(server, own) as modest, ExitStack() as stack:
        time.sleep(0.1)
        for _ in range(20):
            stack.enter_context(connected(server))
        time.sleep(0.2)
        modest.sendall(GOOD.replace(b"?VALUE", f"?VALUE&token={server.token}".encode()))
        assert everything(modest).endswith(b'{"VALUE": [0.7]}')
    server.stop()


def test_who_sends_no_request_in_time_is_closed(hasty: OscQuery) -> None:
    before = settled()
    with connected(hasty) as silent, connected(hasty) as slow, connected(hasty) as later:
        later.sendall(GOOD.replace(b"Connection: close\r\n", b""))
        begun = time.monotonic()
        slow.settimeout(0.1)
        for byte in GOOD * 5:
            try:
                slow.sendall(bytes([byte]))
                assert slow.recv(100) == b""
                break
            except TimeoutError:
                assert time.monotonic() - begun < 2
            except ConnectionError:
                break
        assert 0.4 < time.monotonic() - begun < 1.5
        assert everything(silent) == b""
        assert everything(later).startswith(b"HTTP/1.1 200"), "and then it was idle"
        assert time.monotonic() - begun < 2
        until(lambda: open_files() == before + 3, "closing", 2)
    assert answers(hasty)


def test_a_websocket_lives_on(hasty: OscQuery) -> None:
    async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
        await asyncio.sleep(1.2)
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/look/fit"})
        assert packet_of("/look/fit", ["crop"]) == await socket.receive_bytes()

    conversation(hasty, talk)


def test_who_never_fetches_the_answer_is_closed(hasty: OscQuery) -> None:
    before = settled()
    request = GOOD.replace(b"/steer/truncation?VALUE", b"/").replace(b"Connection: close\r\n", b"")
    with connected(hasty) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.settimeout(0.3)
        with suppress(TimeoutError, ConnectionError):
            deaf.sendall(request * 3000)
        until(lambda: open_files() == before + 1, "closing", 8)
    assert answers(hasty)


def test_many_requests_are_slowed_and_told(
    address_space: AddressSpace, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.control.http_server._RATE", 1.0)
    server = OscQuery(address_space, ("127.0.0.1", 0), None)
    server.start(supervisor)
    request = GOOD.replace(b"Connection: close\r\n", b"")
    found = re.findall(rb"HTTP/1.1 (\d+)", sent(server, request * 599 + GOOD))
    assert len(found) == 600
    assert set(found[:400]) == {b"200"}
    assert found.count(b"429") > 150
    assert kinds(supervisor)["too fast"] == found.count(b"429")
    server.stop()


def test_descriptors_that_are_used_up_are_waited_for(
    server: OscQuery, supervisor: Supervisor
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        waiting = stack.enter_context(socket.socket())
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, limits)
        resource.setrlimit(resource.RLIMIT_NOFILE, (waiting.fileno() + 20, limits[1]))
        taken = stack.enter_context(ExitStack())
        with suppress(OSError):
            while True:
                taken.enter_context(Path("/dev/null").open())
        waiting.settimeout(5)
        waiting.connect(server.place)
        waiting.sendall(GOOD)
        begun = time.process_time()
        time.sleep(1.5)
        assert time.process_time() - begun < 0.8, "seconds of work in one and a half"
        taken.close()
        assert everything(waiting).endswith(b'{"VALUE": [0.7]}')
    (fault,) = supervisor.faults
    assert (fault.kind, fault.count) == ("exhausted", 2)
    assert "no connection can be taken in (Too many open files); tried again" in fault.text


# ---- supervision


def test_a_server_that_hangs_is_started_anew_at_its_place(
    address_space: AddressSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, let_go = [0.0], threading.Event()
    supervisor = Supervisor(lambda: now[0])
    server = OscQuery(address_space, ("127.0.0.1", 0), None)
    real = server.answer

    def hang(question: Question) -> Answer:
        if question.path == "/hang":
            let_go.wait(20)
        return real(question)

    monkeypatch.setattr(server, "answer", hang)
    server.start(supervisor)
    place = server.place
    assert answers(server)
    with connected(server) as listening, connected(server) as stuck:
        listening.sendall(handshake(server))
        listening.recv(4096)
        stuck.sendall(GOOD.replace(b"/steer/truncation?VALUE", b"/hang"))
        time.sleep(0.2)
        for _ in range(10):
            now[0] += 0.25
            supervisor.look()
        assert server.place == place
        assert answers(server)
        assert everything(listening) == b"", "so that it connects anew"
        assert "hangs" in kinds(supervisor)
        let_go.set()
        time.sleep(0.3)
        assert answers(server)
    server.stop()
    assert not [t for t in threading.enumerate() if t.name == "HTTP" and t.is_alive()]


def test_a_server_that_dies_is_started_anew_at_its_place(
    server: OscQuery, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(question: Question) -> Answer:
        raise SystemExit("as asked")

    before, place = settled(), server.place
    with monkeypatch.context() as patch:
        patch.setattr(server, "answer", die)
        sent(server, GOOD)
    (worker,) = [worker for worker in supervisor.workers if worker.name == "HTTP"]
    until(lambda: not worker.alive, "the end", 2)
    supervisor.look()
    until(lambda: answers(server), "an answer", 3)
    assert server.place == place
    assert "died" in kinds(supervisor)
    until(lambda: open_files() == before, "closing", 2)


def test_stopping_takes_no_time_whatever_peers_do(address_space: AddressSpace) -> None:
    before = open_files()
    supervisor = Supervisor()
    server = OscQuery(address_space, ("127.0.0.1", 0), None)
    server.start(supervisor)
    with ExitStack() as stack:
        for k in range(40):
            peer = stack.enter_context(connected(server))
            peer.sendall((b"", GOOD[:20], handshake(server), handshake(server))[k % 4])
        time.sleep(0.3)
        begun = time.monotonic()
        server.stop()
        assert time.monotonic() - begun < 0.8
        assert list(supervisor.faults) == []
    assert open_files() <= before
    OscQuery(address_space, server.place, None).stop()  # and the place is free


# ---- websockets


def conversation(server: OscQuery, talk: Callable[[Any], Any]) -> None:
    async def held() -> None:
        url = f"ws://127.0.0.1:{server.place[1]}/"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await asyncio.wait_for(talk(socket), 10)

    asyncio.run(held())


def test_a_websockets_messages_are_limited_counted_and_told(
    server: OscQuery, address_space: AddressSpace, supervisor: Supervisor
) -> None:
    received: list[str] = []
    receive = address_space.receive
    address_space.receive = lambda address, values: (
        received.append(address) or receive(address, values)
    )  # type: ignore[method-assign,func-returns-value]

    async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
        many = bundle(time.time() - 1, *[packet_of("/steer/kick", [0.5])] * 100)
        begun = time.monotonic()
        for _ in range(50):
            await socket.send_bytes(many)
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/look/fit"})
        await socket.receive_bytes()
        assert len(received) <= 400 + 100 + 4000 * (time.monotonic() - begun)

    conversation(server, talk)
    assert server.inbox.dropped > 0
    assert kinds(supervisor)["too many"] == server.inbox.dropped


def test_a_websockets_bundle_waits_for_its_time(
    server: OscQuery, address_space: AddressSpace
) -> None:
    async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
        due = time.time() + 0.4
        await socket.send_bytes(bundle(due, packet_of("/steer/kick", [0.125])))
        await asyncio.sleep(0.2)
        assert address_space.value("/steer/kick") != [0.125]
        while address_space.value("/steer/kick") != [0.125]:
            await asyncio.sleep(0.02)
        assert abs(time.time() - due) < 0.2

    conversation(server, talk)


def test_so_many_websockets_and_no_more(
    server: OscQuery, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("live.control.http_server.CONVERSATIONS", 3)
    with ExitStack() as stack:
        found = []
        for _ in range(4):
            peer = stack.enter_context(connected(server))
            peer.sendall(handshake(server))
            found.append(peer.recv(4096).split()[1])
        assert found == [b"101", b"101", b"101", b"503"]
        assert answers(server), "the page still is"
    assert kinds(supervisor)["too many"] == 1


def test_a_deaf_websocket_delays_nobody(
    server: OscQuery, address_space: AddressSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It listens to all that changes and reads nothing; another one hears on."""
    numbers = iter(range(10**9))
    real = address_space.values

    def values(*, senses: bool) -> dict[str, list[Any]]:
        k = next(numbers)
        return {address: [f"{k} " + "x" * 2000] for address in real(senses=senses)}

    monkeypatch.setattr(address_space, "values", values)
    with connected(server) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.sendall(handshake(server))
        deaf.recv(200)
        for address in address_space.nodes:
            text = json.dumps({"COMMAND": "LISTEN", "DATA": address}).encode()
            deaf.sendall(bytes([0x81, 0x80 | len(text), 0, 0, 0, 0]) + text)
        time.sleep(1.5)  # until it has more than it can bear

        async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
            await socket.send_json({"COMMAND": "LISTEN", "DATA": "/sense/level"})
            begun = time.monotonic()
            for _ in range(20):
                await socket.receive_bytes()
            assert time.monotonic() - begun < 2

        conversation(server, talk)
    assert answers(server)


# ---- whatever comes

TOKENS = st.sampled_from(
    [
        "/",
        "/steer",
        "/steer/truncation",
        "/page",
        "/page/",
        "/page/preview.jpg",
        "//",
        "/../..",
        "*",
    ]
)
TOKENS |= st.sampled_from(["/%", "/%ff", "/%00", "/%2e%2e%2fetc/passwd", "/\x7f", "/ä", "/\udc80"])
TOKENS |= st.sampled_from(["/page/..%2f..%2fREADME.md", "/page/thumbnail/..%5c", "/" + "a" * 9000])
TOKENS |= st.sampled_from(["http://evil.example/", "http://[/", "evil:80", "http://a:b@c:99999/?x"])
QUERIES = st.sampled_from(
    ["", "?", "?VALUE", "?VALUE&VALUE", "?VALUE=1&RANGE", "?HOST_INFO&HOST_INFO", "?=", "?&&&"]
)
QUERIES |= st.sampled_from(["?%", "?%ff=%ff", "?token=%ff", "?token&token=\udc80", "?" + "a&" * 9])
HEADERS = st.sampled_from(
    ["Host: localhost", "Host: evil.example", "Host:", "Host: [", "Host: \udcff", "Origin: null"]
)
HEADERS |= st.sampled_from(["Origin: http://[", "Origin: \x01", "Cookie: =;=,;\x02", "Cookie: a"])
HEADERS |= st.sampled_from(["Sec-Fetch-Site: \udc80", "Connection: Upgrade", "Upgrade: websocket"])
HEADERS |= st.sampled_from(["Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: x", "Expect: x"])
HEADERS |= st.sampled_from(["Content-Length: 99999999", "Content-Length: -1", "Content-Length: 5"])
HEADERS |= st.sampled_from(["Transfer-Encoding: chunked", "Transfer-Encoding: x", "Range: 0-"])
HEADERS |= st.sampled_from(["Content-Encoding: gzip", "X: " + "y" * 20000, "no colon", ": empty"])
METHODS = st.sampled_from(["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "get", "", "G" * 5000])
VERSIONS = st.sampled_from([" HTTP/1.1", " HTTP/1.0", " HTTP/2.0", " HTTP/9", "", " HTTP/1.1 "])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    line = draw(METHODS) + " " + draw(TOKENS) + draw(QUERIES) + draw(VERSIONS)
    lines = [line, *draw(st.lists(HEADERS, max_size=6))]
    if draw(st.booleans()):
        lines.insert(1, "Host: localhost")
    data = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    return data + draw(st.binary(max_size=30))


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[OscQuery, Supervisor]]:
    supervisor = Supervisor()
    server = OscQuery(
        controls_in(tmp_path_factory.mktemp("http")),
        ("127.0.0.1", 0),
        None,
        page=PAGE,
    )
    server.start(supervisor)
    yield server, supervisor
    server.stop()


@settings(deadline=None, max_examples=200)
@given(hostile=st.lists(requests() | st.binary(max_size=200), min_size=1, max_size=3))
def test_no_request_is_a_failure_or_leaves_anything_open(
    target: tuple[OscQuery, Supervisor], hostile: list[bytes]
) -> None:
    server, supervisor = target
    before = open_files()
    with closing(connected(server)) as peer:
        peer.sendall(b"".join(hostile))
        peer.shutdown(socket.SHUT_WR)
        peer.settimeout(5)
        data = everything(peer)
    assert not re.search(rb"HTTP/1.1 5\d\d", data), data
    assert not [fault for fault in supervisor.faults if "failed" in fault.text]
    until(lambda: open_files() <= before, "closing", 3)
    until(lambda: answers(server), "an answer", 3)  # unless it is asked too much
    assert all(worker.alive and worker.restarts == 0 for worker in supervisor.workers)

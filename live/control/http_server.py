"""HTTP and websockets for a site that answers at once, in a thread of its own.

Peers are hostile until shown otherwise: so many connections and no more, so long to send a request,
so many requests a second; who may ask at all is `access.Guard`'s to say. Nothing but a websocket
changes anything: requests only read.
"""

import asyncio
import contextlib
import errno
import logging
import math
import secrets
import socket
import sys
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import WSMsgType, web

from synth.errors import UserError

from ..faults import Faults, reason_of
from ..supervisor import Shift, Supervisor, Worker
from .access import Guard, Refusal, plain_host
from .network_addresses import Place, interfaces, is_everywhere, is_loopback, resolved, written
from .osc_packets import LARGEST
from .rate_limit import RateLimit

PART = "HTTP"
MOST = 64  # connections
PATIENCE = 15.0  # seconds for a request to come, and for its answer to be fetched
CONVERSATIONS = 32  # websockets; the other connections are left for requests
_BEAT = 0.1  # seconds between two looks at the connections
_PUBLISHED = 1 / 30  # seconds between two looks for what changed
_BACKLOG = 32768  # bytes that wait for a slow peer; it is told the newest values when it took them
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_BREATH = 1.0  # seconds without taking connections in, where descriptors are used up
_REFRESHED = 10.0  # seconds between two looks at this machine's addresses
_FAREWELL = 0.15  # seconds for websockets to hear of the end
_RATE, _BURST = 200.0, 400.0  # requests a second, and at once: a page takes two dozen
_GUESSES = 1.0, 10.0  # wrong tokens a second, and at once

_SAFE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Server": "Latent Jockey",
}
_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
_HTML_POLICY = "; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"


@dataclass(frozen=True, slots=True)
class Question:
    """A request as a site sees it."""

    path: str
    attributes: tuple[str, ...]  # names in its query
    here: Place  # the address of this machine at which it came


@dataclass(frozen=True, slots=True)
class Answer:
    """What a site answers."""

    body: bytes = b""
    kind: str = "text/plain; charset=utf-8"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def sentence(status: int, text: str) -> Answer:
    """An answer in words."""
    return Answer(f"{text}\n".encode(), status=status)


class Conversation(Protocol):
    """One websocket's side of a site."""

    rest: float  # seconds for which it is not heard, after it sent too much

    def hear(self, data: bytes | str) -> list[bytes]:
        """What is answered to a message."""
        ...

    def news(self, values: Mapping[str, list[Any]]) -> list[bytes]:
        """What it is told of the values that are."""
        ...


class Site(Protocol):
    """What is served; called in the server's thread, where nothing may wait."""

    def answer(self, question: Question) -> Answer:
        """What is answered to a question."""
        ...

    def conversation(self) -> Conversation:
        """What is said over a websocket that was opened."""
        ...

    def values(self) -> Mapping[str, list[Any]]:
        """Every value by its address, for websockets to tell what changed."""
        ...

    def carry_out_what_is_due(self) -> None:
        """Carry out messages that waited for their time."""
        ...


class HttpServer:
    """Listens from the beginning, serves from `start` on, and is started anew when it hangs."""

    def __init__(
        self,
        site: Site,
        place: Place,
        option: str,
        *,
        token: str = "",
        names: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> None:
        """With a `token` every request needs it; beyond loopback there is one in any case.

        `names` are what others may call this machine. They are safe there: who gives such a name
        to an address of his own, or lets it point here, has no token. UserError names the option
        where the place is taken or cannot be had.
        """
        self.faults = Faults()
        self.site, self.patience, self.place = site, patience, place
        self._option, self._names = option, set[str]()
        if not is_everywhere(place[0]):
            self._names.add(plain_host(place[0]))
        self._listener: socket.socket | None = self._listening()
        if not is_loopback(self.place[0]):
            token = token or secrets.token_urlsafe(12)
            self._names |= {plain_host(name) for name in names}
        self.guard = Guard(token)
        self._service: _Service | None = None
        self._supervisor: Supervisor | None = None
        self._worker: Worker | None = None

    @property
    def cookie(self) -> str:
        """Its name: browsers tell ports apart by nothing else."""
        return f"latent-jockey-{self.place[1]}"

    def hosts(self) -> set[str]:
        """What requests may call this machine."""
        if not is_everywhere(self.place[0]):
            return {*self._names, plain_host(self.place[0])}
        return self._names | {plain_host(str(interface.ip)) for interface in interfaces()}

    def _listening(self) -> socket.socket:
        family, address = resolved(self.place, self._option, socket.SOCK_STREAM)
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            if sys.platform != "win32":  # where the option means something else
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6 and is_everywhere(address[0]):
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.bind(address)
            listener.listen(MOST)
            listener.setblocking(False)
        except OSError as error:
            listener.close()
            raise UserError(
                f"{self._option} {written(self.place)}: {error.strerror}; use another"
            ) from error
        self.place = listener.getsockname()[:2]
        return listener

    def start(self, supervisor: Supervisor) -> None:
        """Serve from now on."""
        self._supervisor, self.faults = supervisor, supervisor.faults
        self._worker = supervisor.employ(PART, self._serve, renew=self._renew)

    def stop(self) -> None:
        """Serve no longer, whatever peers do."""
        if self._supervisor is not None and self._worker is not None:
            self._supervisor.dismiss(self._worker, 0.7)
        self._give_up()

    def _renew(self) -> None:
        """In the supervisor's thread: take all from a loop that hangs, and listen anew."""
        self._give_up()
        if self._service is not None:
            self._service.cut()
        self._listener = self._listening()

    def _give_up(self) -> None:
        if self._listener is not None:
            self._listener.close()
        self._listener = None

    def _serve(self, shift: Shift) -> None:
        """One round is one life of the server."""
        with asyncio.Runner(loop_factory=asyncio.SelectorEventLoop) as runner:
            runner.get_loop()  # where it cannot be had, peers wait at the listener for the next one
            listener = self._listener = self._listener or self._listening()
            told = _Told(self.faults)
            logging.getLogger("aiohttp").addHandler(told)
            self._service = _Service(self, listener)
            try:
                runner.run(self._service.run(shift))
            finally:
                logging.getLogger("aiohttp").removeHandler(told)
                listener.close()
                if self._listener is listener:
                    self._listener = None


class _Told(logging.Handler):
    """What aiohttp would print is told."""

    def __init__(self, faults: Faults) -> None:
        super().__init__(logging.WARNING)
        self._faults = faults

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        reason = f" ({reason_of(error)})" if error is not None else ""
        self._faults.tell(PART, f"{record.getMessage()[:120]}{reason}", kind=str(record.msg))


@dataclass(eq=False, slots=True)
class _Connection:
    socket: socket.socket
    host: str
    here: Place  # this machine's address that it reached
    late: float  # when it is closed, if nothing came
    transport: asyncio.Transport | None = None
    websocket: web.WebSocketResponse | None = None
    conversation: Conversation | None = None

    @property
    def is_gone(self) -> bool:
        transport = self.transport
        return (
            transport is not None
            and transport.is_closing()
            and transport.get_write_buffer_size() == 0
        )

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def cut(self) -> None:
        """From another thread: its peer shall see the end."""
        with contextlib.suppress(OSError):  # it may be gone already
            self.socket.shutdown(socket.SHUT_RDWR)


class _Service:
    """One life of the server: its connections and what is done for them."""

    def __init__(self, server: HttpServer, listener: socket.socket) -> None:
        self._server, self._site, self._listener = server, server.site, listener
        self._faults = server.faults
        self._hosts, self._looked = server.hosts(), -math.inf
        self._connections: list[_Connection] = []
        self._requests, self._guesses = RateLimit(_RATE, _BURST), RateLimit(*_GUESSES)

    async def run(self, shift: Shift) -> None:
        """Serve until the shift is over."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._tell)
        self._protocols = web.Server(
            self._handle,
            access_log=None,
            lingering_time=1.0,
            keepalive_timeout=self._server.patience,
        )
        listening = self._listener.fileno()
        loop.add_reader(listening, self._accept, loop, listening)
        publishing = loop.create_task(self._publish())
        try:
            while not shift.over:
                shift.round()
                self._look(loop.time())
                await asyncio.sleep(_BEAT)
        finally:
            loop.remove_reader(listening)
            publishing.cancel()
            await self._end()

    def _tell(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        reason = f" ({reason_of(error)})" if error is not None else ""
        self._faults.tell(PART, f"{context['message']}{reason}")

    # ---- connections

    def _accept(self, loop: asyncio.AbstractEventLoop, listening: int) -> None:
        """One at a time: the descriptor of one that gave its place up is closed in between."""
        try:
            peer, address = self._listener.accept()
        except OSError as error:
            if error.errno in _EXHAUSTED:
                text = f"no connection can be taken in ({error.strerror}); tried again"
                self._faults.tell(PART, text, kind="exhausted")
                loop.remove_reader(listening)
                loop.call_later(_BREATH, loop.add_reader, listening, self._accept, loop, listening)
            return  # else: nobody is there any more
        if not self._make_room(loop.time()):
            peer.close()
            return
        peer.setblocking(False)
        late = loop.time() + self._server.patience
        connection = _Connection(peer, address[0], peer.getsockname()[:2], late)
        self._connections.append(connection)
        loop.create_task(self._take_in(connection)).add_done_callback(_finished)

    def _make_room(self, now: float) -> bool:
        """Whether there is room for one more; whoever holds most gives an idle one up."""
        self._look(now)
        if len(self._connections) < MOST:
            return True
        self._faults.tell(PART, f"more than {MOST} connections at once", kind="too many")
        held = Counter(connection.host for connection in self._connections)
        idle = [c for c in self._connections if c.websocket is None]
        oldest = max(idle, key=lambda c: (held[c.host], -c.late), default=None)
        if oldest is None or oldest.transport is None:
            return False
        oldest.abort()
        self._connections.remove(oldest)
        return True

    async def _take_in(self, connection: _Connection) -> None:
        loop = asyncio.get_running_loop()
        try:
            connection.transport, _ = await loop.connect_accepted_socket(
                self._protocols, connection.socket
            )
        except OSError:
            connection.socket.close()
            self._connections.remove(connection)

    def _look(self, now: float) -> None:
        """Close what is late, and forget what is gone."""
        for connection in self._connections:
            if now > connection.late:
                connection.abort()
        self._connections = [c for c in self._connections if not c.is_gone]
        if now - self._looked > _REFRESHED:
            self._hosts, self._looked = self._server.hosts(), now

    def cut(self) -> None:
        """From another thread, while this one hangs: peers shall connect anew."""
        for connection in list(self._connections):
            connection.cut()

    async def _end(self) -> None:
        farewells = [
            asyncio.ensure_future(connection.websocket.close(code=1001))
            for connection in self._connections
            if connection.websocket is not None
        ]
        if farewells:
            await asyncio.wait(farewells, timeout=_FAREWELL)
        for connection in self._connections:
            connection.abort()
        await self._protocols.shutdown(_FAREWELL)

    # ---- requests

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        transport = request.transport
        connection = next((c for c in self._connections if c.transport is transport), None)
        if connection is None or transport is None:
            raise ConnectionResetError  # it went away meanwhile
        connection.late = math.inf
        try:
            return await self._answered(request, connection)
        except web.HTTPException as refusal:  # a websocket's hands that were not shaken
            return self._response(request, sentence(refusal.status, str(refusal.text)[:200]))
        except ConnectionError:
            raise
        except Exception as error:  # of the site: told, and the next request is answered
            self._faults.tell(PART, f"{request.path[:80]} failed ({reason_of(error)})")
            return self._response(request, sentence(500, "this failed; the show tells why"))
        finally:
            connection.late = asyncio.get_running_loop().time() + self._server.patience

    async def _answered(
        self, request: web.BaseRequest, connection: _Connection
    ) -> web.StreamResponse:
        tokens = request.query.getall("token", [])
        cookie = request.cookies.get(self._server.cookie)
        offered = [*tokens, *([cookie] if cookie is not None else [])]
        refusal = self._server.guard.refusal(request.headers, offered, self._hosts)
        if refusal is not None:
            return self._refused(request, refusal, connection.host)
        if request.method not in ("GET", "HEAD"):
            allowed = Answer(b"only GET\n", status=405, headers={"Allow": "GET, HEAD"})
            return self._response(request, allowed)
        if not self._requests.spend():
            self._faults.tell(PART, f"more than {_RATE:.0f} requests a second", kind="too fast")
            return self._response(request, sentence(429, "too many requests; ask more slowly"))
        if request.headers.get("Upgrade", "").strip().lower() == "websocket":
            return await self._converse(request, connection)
        attributes = tuple(name for name in request.query if name != "token")
        answer = self._site.answer(Question(request.path, attributes, connection.here))
        response = self._response(request, answer)
        if tokens and self._server.guard.token and answer.kind.startswith("text/html"):
            response.set_cookie(
                self._server.cookie, self._server.guard.token, httponly=True, samesite="Strict"
            )
        return response

    def _refused(self, request: web.BaseRequest, refusal: Refusal, host: str) -> web.Response:
        self._faults.tell(PART, f"{host} was refused: {refusal.value}", kind=refusal.name.lower())
        if refusal is Refusal.WRONG and not self._guesses.spend():
            response = self._response(request, sentence(429, refusal.value))
            response.force_close()
            return response
        return self._response(request, sentence(403, refusal.value))

    def _response(self, request: web.BaseRequest, answer: Answer) -> web.Response:
        policy = _POLICY
        if answer.kind.startswith("text/html"):  # 'self' means no websockets in some browsers
            policy += f"{_HTML_POLICY} ws://{request.headers.get('Host', '')}"
        headers = {**_SAFE, "Content-Security-Policy": policy, "Content-Type": answer.kind}
        return web.Response(
            body=answer.body, status=answer.status, headers={**headers, **answer.headers}
        )

    # ---- websockets

    async def _converse(
        self, request: web.BaseRequest, connection: _Connection
    ) -> web.StreamResponse:
        if sum(one.websocket is not None for one in self._connections) >= CONVERSATIONS:
            self._faults.tell(PART, f"more than {CONVERSATIONS} websockets", kind="too many")
            return self._response(request, sentence(503, "too many controllers"))
        websocket = web.WebSocketResponse(
            max_msg_size=LARGEST, heartbeat=20, compress=False, timeout=1.0
        )
        websocket.headers.update(_SAFE)
        await websocket.prepare(request)
        conversation = self._site.conversation()
        connection.websocket, connection.conversation = websocket, conversation
        try:
            async for message in websocket:
                if message.type in (WSMsgType.BINARY, WSMsgType.TEXT):
                    for packet in conversation.hear(message.data):
                        await websocket.send_bytes(packet)
                    if conversation.rest:
                        await asyncio.sleep(conversation.rest)
        finally:
            connection.websocket = connection.conversation = None
        return websocket

    async def _publish(self) -> None:
        while True:
            await asyncio.sleep(_PUBLISHED)
            try:
                self._site.carry_out_what_is_due()
                await self._tell_news()
            except Exception as error:  # told, and the next look is a new one
                self._faults.tell(PART, f"news could not be told ({reason_of(error)})")

    async def _tell_news(self) -> None:
        listening = [c for c in self._connections if c.conversation is not None]
        if not listening:
            return
        values = self._site.values()
        for one in listening:
            if one.transport is None or one.transport.get_write_buffer_size() > _BACKLOG:
                continue
            try:
                for packet in one.conversation.news(values) if one.conversation else ():
                    if one.websocket is not None:
                        await one.websocket.send_bytes(packet)
            except ConnectionError:
                continue  # its own coroutine sees the end too


def _finished(task: "asyncio.Task[None]") -> None:
    """Take up what a task raised, so that nobody complains that nobody did."""
    if not task.cancelled():
        task.exception()

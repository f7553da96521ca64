"""OSCQuery: the address space as JSON over HTTP, and values over a websocket.

Any controller that knows OSCQuery finds the instrument by mDNS and builds itself from what it
reads here; see https://github.com/Vidvox/OSCQueryProposal. All is made from `controls`.
"""

import asyncio
import hmac
import io
import json
import threading
from collections.abc import Awaitable, Callable
from importlib import resources
from typing import Any

from aiohttp import WSMsgType, web
from PIL import Image

from synth.knobs import Knob
from synth.preset import shipped
from synth.trouble import Trouble

from .controls import Controls, Node
from .osc import LARGEST, Address, OscPort, messages, packet_of

_PUBLISHED = 1 / 30  # seconds between two looks for what changed
_CLIENTS = 32
_COMMAND = 4096  # bytes of a websocket's text
ATTRIBUTES = ("VALUE", "TYPE", "ACCESS", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE", "FULL_PATH")
_PAGE = {"index.html": "text/html", "page.css": "text/css", "page.js": "text/javascript"}
_PREVIEW = 320  # pixels
_SAFE = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def described(node: Node, *, value: bool = True) -> dict[str, Any]:
    """One address as OSCQuery describes it, without its CONTENTS."""
    told: dict[str, Any] = {
        "FULL_PATH": node.address,
        "TYPE": node.tags,
        "ACCESS": node.access,
        "DESCRIPTION": node.sentence,
    }
    if value and node.read is not None:
        told["VALUE"] = node.read()
    if node.knob is not None:
        told |= _limits(node.knob)
    if value and node.choices is not None:
        told["RANGE"] = [{"VALS": node.choices()}]
    return told


def _limits(knob: Knob) -> dict[str, Any]:
    if knob.choices:
        return {"RANGE": [{"VALS": list(knob.choices)}], "CLIPMODE": ["none"]}
    told: dict[str, Any] = {}
    if knob.low is not None and not isinstance(knob.default, bool):
        told = {"RANGE": [{"MIN": knob.low, "MAX": knob.high}], "CLIPMODE": ["both"]}
    return told | ({"UNIT": [knob.unit]} if knob.unit else {})


def tree(controls: Controls) -> dict[str, Any]:
    """The whole address space, containers and all."""
    root: dict[str, Any] = {"FULL_PATH": "/", "ACCESS": 0, "CONTENTS": {}}
    for node in controls.nodes.values():
        place, path = root, ""
        for part in node.address.strip("/").split("/"):
            path += f"/{part}"
            branch = place.setdefault("CONTENTS", {})
            place = branch.setdefault(part, {"FULL_PATH": path, "ACCESS": 0})
        place |= described(node)
    return root


class OscQuery:
    """Serves HTTP and websockets in a thread of its own."""

    def __init__(
        self,
        controls: Controls,
        place: Address,
        osc: OscPort | None,
        *,
        token: str = "",
        page: bool = False,
    ) -> None:
        """With a `token`, every request must carry `?token=` or be refused; `page` serves /page."""
        self._controls, self._osc, self._token, self._page = controls, osc, token, page
        self.place = place
        self._sockets: dict[web.WebSocketResponse, set[str]] = {}
        self._loop = asyncio.new_event_loop()
        self._up = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._serve, name="oscquery", daemon=True)

    def start(self) -> None:
        """Trouble when the port is taken."""
        self._thread.start()
        self._up.wait(10.0)
        if self._failure is not None:
            host, port = self.place
            raise Trouble(f"--oscquery {host}:{port}: {self._failure.strerror}; use another")

    def stop(self) -> None:
        if self._thread.is_alive() and self._failure is None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(3.0)

    # ---- the server's thread

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        app = web.Application(middlewares=[self._guarded], client_max_size=LARGEST)
        self.add_routes(app)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        try:
            self._loop.run_until_complete(self._begin(runner))
        except OSError as error:
            self._failure = error
            self._loop.run_until_complete(runner.cleanup())
            self._loop.close()
            self._up.set()
            return
        tasks = [self._loop.create_task(work) for work in (self._publish(), _announce(self.place))]
        self._up.set()
        self._loop.run_forever()
        for task in tasks:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
        self._loop.run_until_complete(self._end(runner))
        self._loop.close()

    def add_routes(self, app: web.Application) -> None:
        """Every address is a path; a websocket may be asked for at any."""
        if self._page:
            app.router.add_get("/page/preview.jpg", self._preview)
            app.router.add_get("/page/thumbnail/{name}", self._thumbnail)
            app.router.add_get("/page/{name}", self._file)
        app.router.add_get("/{path:.*}", self._answer)

    async def _begin(self, runner: web.AppRunner) -> None:
        await runner.setup()
        site = web.TCPSite(runner, *self.place)
        await site.start()
        self.place = runner.addresses[0][:2]

    async def _end(self, runner: web.AppRunner) -> None:
        for socket in list(self._sockets):
            await socket.close()
        await runner.cleanup()

    @web.middleware
    async def _guarded(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        public = self._page and request.path in ("/page/page.css", "/page/page.js")
        if (
            self._token
            and not public
            and not hmac.compare_digest(
                request.query.get("token", "").encode(), self._token.encode()
            )
        ):
            raise web.HTTPForbidden(text="the token that lj printed is needed: ?token=…")
        origin = request.headers.get("Origin")
        if origin is not None and origin.split("//")[-1] != request.host:
            raise web.HTTPForbidden(text="other pages may not steer the show")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(_SAFE)
        return response

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._converse(request)
        attributes = [name for name in request.query if name != "token"]
        if "HOST_INFO" in attributes:
            return web.json_response(self._host())
        place: dict[str, Any] | None = tree(self._controls)
        for part in request.path.strip("/").split("/"):
            if part and place is not None:
                place = place.get("CONTENTS", {}).get(part)
        if place is None:
            raise web.HTTPNotFound(text="there is no such address")
        if not attributes:
            return web.json_response(place)
        if attributes[0] not in ATTRIBUTES:
            raise web.HTTPBadRequest(text=f"ask for {', '.join(ATTRIBUTES)} or HOST_INFO")
        if attributes[0] not in place:
            return web.Response(status=204)
        return web.json_response({attributes[0]: place[attributes[0]]})

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """One of the control page's three files; no name from outside becomes a path."""
        kind = _PAGE.get(request.match_info["name"])
        if kind is None:
            raise web.HTTPNotFound(text="there is no such page")
        file = resources.files("live").joinpath("page", request.match_info["name"])
        return web.Response(text=file.read_text("utf-8"), content_type=kind)

    async def _thumbnail(self, request: web.Request) -> web.StreamResponse:
        """A shipped preset's picture."""
        name = request.match_info["name"]
        if name not in shipped():
            raise web.HTTPNotFound(text="there is no such picture")
        file = resources.files("presets").joinpath(f"{name}.jpg")
        return web.Response(body=file.read_bytes(), content_type="image/jpeg")

    async def _preview(self, _request: web.Request) -> web.StreamResponse:
        picture = self._controls.picture()
        if picture is None:
            raise web.HTTPNotFound(text="nothing is drawn yet")
        small = Image.fromarray(picture)
        small.thumbnail((_PREVIEW, _PREVIEW))
        data = io.BytesIO()
        small.save(data, "JPEG", quality=70)
        return web.Response(
            body=data.getvalue(), content_type="image/jpeg", headers={"Cache-Control": "no-store"}
        )

    def _host(self) -> dict[str, Any]:
        host, port = self._osc.place if self._osc is not None else self.place
        known = dict.fromkeys(("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE"), True)
        return {
            "NAME": "Latent Jockey",
            "OSC_IP": host,
            "OSC_PORT": port,
            "OSC_TRANSPORT": "UDP",
            "WS_IP": self.place[0],
            "WS_PORT": self.place[1],
            "EXTENSIONS": known | {"LISTEN": True},
        }

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        if len(self._sockets) >= _CLIENTS:
            raise web.HTTPServiceUnavailable(text="too many controllers")
        socket = web.WebSocketResponse(max_msg_size=LARGEST, heartbeat=20)
        await socket.prepare(request)
        self._sockets[socket] = set()
        try:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    self._take(message.data)
                elif message.type is WSMsgType.TEXT:
                    await self._command(socket, message.data)
        finally:
            self._sockets.pop(socket, None)
        return socket

    def _take(self, packet: bytes) -> None:
        try:
            for _, address, arguments in messages(packet):
                self._controls.receive(address, arguments)
        except ValueError:
            self._controls.refused += 1

    async def _command(self, socket: web.WebSocketResponse, text: str) -> None:
        """LISTEN and IGNORE, as `{"COMMAND": "LISTEN", "DATA": "/steer/truncation"}`."""
        try:
            command = json.loads(text) if len(text) <= _COMMAND else {}
            name, address = command.get("COMMAND"), command.get("DATA")
        except (ValueError, AttributeError, RecursionError):
            return
        if not isinstance(address, str):
            return
        if name == "LISTEN" and address in self._controls.nodes:
            self._sockets[socket].add(address)
            node = self._controls.nodes[address]
            if node.read is not None:
                await socket.send_bytes(packet_of(address, node.read()))
        elif name == "IGNORE":
            self._sockets[socket].discard(address)

    async def _publish(self) -> None:
        known: dict[str, list[Any]] = {}
        while True:
            await asyncio.sleep(_PUBLISHED)
            if not self._sockets:
                continue
            values = self._controls.values(senses=False) | self._controls.values(senses=True)
            news = {a: v for a, v in values.items() if known.get(a) != v}
            known |= news
            for socket, listening in list(self._sockets.items()):
                for address in listening & news.keys():
                    await self._send(socket, packet_of(address, news[address]))

    async def _send(self, socket: web.WebSocketResponse, packet: bytes) -> None:
        try:
            await asyncio.wait_for(socket.send_bytes(packet), 0.5)
        except (OSError, asyncio.TimeoutError):  # noqa: UP041
            self._sockets.pop(socket, None)


async def _announce(place: Address) -> None:
    """Be found by mDNS until cancelled; quietly not, where the network does not take part."""
    try:
        from zeroconf import InterfaceChoice
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
    except ImportError:
        return
    host, port = place
    everywhere = host == "0.0.0.0"
    kind = "_oscjson._tcp.local."
    try:
        network = AsyncZeroconf(interfaces=InterfaceChoice.All if everywhere else [host])
        info = AsyncServiceInfo(
            kind,
            f"Latent Jockey {port}.{kind}",
            port=port,
            parsed_addresses=None if everywhere else [host],
            server=f"latent-jockey-{port}.local.",
        )
    except (OSError, ValueError, RuntimeError):
        return
    telling: Awaitable[None] | None = None
    try:
        telling = await network.async_register_service(info)
        await telling
        await asyncio.Event().wait()
    except (OSError, ValueError, RuntimeError):
        return
    finally:
        if isinstance(telling, asyncio.Task):
            telling.cancel()
            await network.async_unregister_all_services()
        await network.async_close()

"""OSCQuery: the address space as JSON over HTTP, and values over a websocket.

Any controller that knows OSCQuery finds the instrument by mDNS and builds itself from what it
reads here; see https://github.com/Vidvox/OSCQueryProposal. All is made from `address_space`.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from synth.settings.knobs import Knob

from ..supervisor import Supervisor
from .address_space import AddressSpace
from .control_page import ControlPage
from .http_server import PATIENCE, Answer, HttpServer, Question, sentence
from .inbox import Inbox
from .network_addresses import Place, is_everywhere, is_loopback
from .nodes import Node
from .osc_packets import packet_of
from .rate_limit import RateLimit

_COMMAND = 4096  # characters of a websocket's text
_COMMANDS = 200.0, 1000.0  # commands a second, and at once: one for each address
_REST = 0.02  # seconds for which one that sends too much is not heard
ATTRIBUTES = ("VALUE", "TYPE", "ACCESS", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE", "FULL_PATH")

Values = Mapping[str, list[Any]]


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


def tree(address_space: AddressSpace) -> dict[str, Any]:
    """The whole address space, containers and all."""
    root: dict[str, Any] = {"FULL_PATH": "/", "ACCESS": 0, "CONTENTS": {}}
    for node in address_space.nodes.values():
        place, path = root, ""
        for part in node.address.strip("/").split("/"):
            path += f"/{part}"
            branch = place.setdefault("CONTENTS", {})
            place = branch.setdefault(part, {"FULL_PATH": path, "ACCESS": 0})
        place |= described(node)
    return root


class OscQuery:
    """Serves the address space, and the control page if it is wanted."""

    def __init__(
        self,
        address_space: AddressSpace,
        place: Place,
        osc: Place | None,
        *,
        token: str = "",
        page: ControlPage | None = None,
        names: Collection[str] = (),
        patience: float = PATIENCE,
    ) -> None:
        """`osc` is where datagrams are heard, `page` answers at /page; the others: HttpServer.

        UserError when the place cannot be had.
        """
        self._controls, self._osc = address_space, osc
        self._page = page
        self.inbox = Inbox(
            "HTTP", lambda address, values, _: address_space.receive(address, values)
        )
        self._server = HttpServer(
            self, place, "--oscquery", token=token, names=names, patience=patience
        )

    @property
    def place(self) -> Place:
        """Host and port that are served."""
        return self._server.place

    @property
    def token(self) -> str:
        """What every request needs; empty where only this machine can ask."""
        return self._server.guard.token

    def start(self, supervisor: Supervisor) -> None:
        """Serve from now on."""
        self.inbox.faults = supervisor.faults
        self._server.start(supervisor)

    def stop(self) -> None:
        """Serve no longer."""
        self._server.stop()

    # ---- in the server's thread

    def answer(self, question: Question) -> Answer:
        """What is at an address, or one attribute of it."""
        if self._page is not None and f"{question.path}/".startswith("/page/"):
            return self._page.answer(question.path)
        if "HOST_INFO" in question.attributes:
            return _json(self._host(question.here))
        place: dict[str, Any] | None = tree(self._controls)
        for part in question.path.strip("/").split("/"):
            if part and place is not None:
                place = place.get("CONTENTS", {}).get(part)
        if place is None:
            return sentence(404, "there is no such address")
        if not question.attributes:
            return _json(place)
        attribute = question.attributes[0]
        if attribute not in ATTRIBUTES:
            return sentence(400, f"ask for {', '.join(ATTRIBUTES)} or HOST_INFO")
        if attribute not in place:
            return Answer(status=204)
        return _json({attribute: place[attribute]})

    def _host(self, here: Place) -> dict[str, Any]:
        known = dict.fromkeys(("ACCESS", "VALUE", "RANGE", "DESCRIPTION", "UNIT", "CLIPMODE"), True)
        told = {
            "NAME": "Latent Jockey",
            "WS_IP": here[0],
            "WS_PORT": self.place[1],
            "EXTENSIONS": known | {"LISTEN": True},
        }
        if self._osc is None or (is_loopback(self._osc[0]) and not is_loopback(here[0])):
            return told  # who asks from elsewhere cannot reach it
        host = here[0] if is_everywhere(self._osc[0]) else self._osc[0]
        return told | {"OSC_IP": host, "OSC_PORT": self._osc[1], "OSC_TRANSPORT": "UDP"}

    def conversation(self) -> "Listener":
        """One websocket's side."""
        return Listener(self._controls, self.inbox)

    def values(self) -> Values:
        """Everything that can be read, now."""
        return self._controls.values(senses=False) | self._controls.values(senses=True)

    def carry_out_what_is_due(self) -> None:
        """Carry out timed messages."""
        self.inbox.carry_out_what_is_due()


class Listener:
    """A websocket's side: binary frames are OSC packets, text is LISTEN and IGNORE."""

    def __init__(self, address_space: AddressSpace, inbox: Inbox) -> None:
        self.rest = 0.0
        self._controls, self._inbox = address_space, inbox
        self._commands = RateLimit(*_COMMANDS)
        self._told: dict[str, list[Any] | None] = {}  # the last value of each that is listened to

    def hear(self, data: bytes | str) -> list[bytes]:
        """Carry a message out; a command is answered with the value."""
        if isinstance(data, str):
            return self._command(data)
        self.rest = 0.0 if self._inbox.take(data) else _REST
        return []

    def _command(self, text: str) -> list[bytes]:
        """Such as `{"COMMAND": "LISTEN", "DATA": "/steer/truncation"}`."""
        self.rest = 0.0
        if not self._commands.spend():
            self._inbox.drop("too many", "a websocket sends too many commands; some are dropped")
            self.rest = _REST
            return []
        try:
            command = json.loads(text[:_COMMAND])
            name, address = command["COMMAND"], command["DATA"]
            node = self._controls.nodes.get(address)
        except (ValueError, TypeError, KeyError, RecursionError):
            self._inbox.refuse("a websocket's text that is no command")
            return []
        if name == "IGNORE":
            self._told.pop(address, None)
        elif name == "LISTEN" and node is not None:
            value = self._told[address] = node.read() if node.read is not None else None
            return [packet_of(address, value)] if value is not None else []
        return []

    def news(self, values: Values) -> list[bytes]:
        """Of what is listened to, what changed since it was told."""
        news = {a: values[a] for a, told in self._told.items() if values.get(a, told) != told}
        self._told |= news
        return [packet_of(address, value) for address, value in news.items()]


def _json(value: Any) -> Answer:
    return Answer(json.dumps(value).encode(), "application/json; charset=utf-8")

"""The address space on paper: a map for people, for programs, and for Open Stage Control."""

import json
from types import SimpleNamespace
from typing import Any, cast

from synth.settings.preset import preset_of

from ..engine.parameters import Parameters
from ..supervisor import Supervisor
from .address_space import AddressSpace
from .nodes import Node
from .oscquery import described

_ACCESS = {1: "read", 2: "write", 3: "read and write"}
_WIDTH, _HEIGHT, _GAP, _COLUMNS = 180, 64, 8, 4  # pixels, and faders beside one another


def nodes(preset: str) -> list[Node]:
    """Every address, with no show behind it: what parameters alone know can be read."""
    parameters = Parameters(preset_of(preset), [], None)
    nobody = SimpleNamespace(
        parameters=parameters, freeze=None, blackout=None, panic=None, supervisor=Supervisor()
    )
    return list(AddressSpace(cast(Any, nobody)).nodes.values())


def markdown(preset: str) -> str:
    """The map as a table."""
    rows = ["| address | types | access | range | what it does |", "|---|---|---|---|---|"]
    for node in nodes(preset):
        span = node.knob.cure.removeprefix("use ") if node.knob is not None else ""
        access = _ACCESS[node.access]
        rows.append(f"| `{node.address}` | `{node.tags}` | {access} | {span} | {node.sentence} |")
    return "\n".join(["# The OSC map", "", *rows, ""])


def as_json(preset: str) -> str:
    """The map for programs: the attributes of OSCQuery, without values."""
    told = [described(node, value=False) for node in nodes(preset)]
    return json.dumps(told, indent=1, ensure_ascii=False) + "\n"


def open_stage_control(preset: str, target: str = "127.0.0.1:9000") -> str:
    """A session with a fader, switch or menu for each knob, and buttons for what is pressed."""
    tabs: dict[str, list[dict[str, Any]]] = {}
    for node in nodes(preset):
        group = node.address.split("/")[1] if node.address.count("/") > 1 else "show"
        widget = _widget(node)
        if widget is not None:
            row = tabs.setdefault(group, [])
            row.append(widget | _placed(len(row)) | {"target": target})
    content = {
        "type": "root",
        "id": "root",
        "tabs": [
            {"type": "tab", "id": f"tab_{name}", "label": name, "widgets": widgets}
            for name, widgets in tabs.items()
        ],
    }
    session = {"createdWith": "Open Stage Control", "version": "1.26.0", "type": "session"}
    return json.dumps(session | {"content": content}, indent=1, ensure_ascii=False) + "\n"


def _placed(number: int) -> dict[str, int]:
    row, column = divmod(number, _COLUMNS)
    left, top = column * (_WIDTH + _GAP) + _GAP, row * (_HEIGHT + _GAP) + _GAP
    return {"left": left, "top": top, "width": _WIDTH, "height": _HEIGHT}


def _widget(node: Node) -> dict[str, Any] | None:
    """What suits an address; none for words, for steps that a fader makes itself, and for what can
    only be read."""
    if node.write is None:
        return None
    name = node.address.strip("/")
    common = {"id": name.replace("/", "_"), "label": name, "address": node.address}
    knob = node.knob
    if knob is None:
        if node.tags == "N" and name.count("/") < 2:
            return {"type": "button", "mode": "momentary", **common}
        return {"type": "button", "mode": "toggle", **common} if node.tags == "T" else None
    if knob.choices:
        values = {word: word for word in knob.choices}
        return {"type": "dropdown", "values": values, "default": knob.default, **common}
    if isinstance(knob.default, bool):
        return {"type": "button", "mode": "toggle", "default": int(knob.default), **common}
    if knob.low is None:
        return None
    return {
        "type": "fader",
        "horizontal": True,
        "range": {"min": knob.low, "max": knob.high},
        "default": knob.default,
        **common,
    }

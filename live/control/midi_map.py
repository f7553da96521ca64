"""Which control of a controller plays which address: maps, as small TOML files.

Maps of one's own lie in a folder and come before those that come with the program. Whatever a file
holds, it costs no more than itself: a broken one is told, and the others play.
"""

import json
import os
import re
import tomllib
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import count
from pathlib import Path
from typing import Any, Literal

from synth.errors import UserError, cut, shown

Mode = Literal["absolute", "twos", "offset", "sign"]
MODES: tuple[Mode, ...] = ("absolute", "twos", "offset", "sign")
_LARGEST = 1 << 19  # bytes of a map
_MOST = 1024  # controls of one
_LONGEST = 48  # characters of a controller's name in the name of its file
_MAP_KEYS = ("name", "clock", "control")


@dataclass(frozen=True, slots=True)
class Control:
    """One fader, encoder, button or pad, and what it plays."""

    address: str
    cc: int | None = None
    note: int | None = None
    channel: int | None = None  # 1 to 16; any when None
    mode: Mode = "absolute"
    fine: bool = False  # 14 bits: cc holds the high seven, cc + 32 the low seven
    momentary: bool = False  # a pad: its force while it is down, the preset's value after

    def hears(self, kind: str, number: int, channel: int) -> bool:
        """Whether a message of kind "cc" or "note" comes from it; channels count from 1."""
        if self.channel not in (None, channel):
            return False
        if kind == "note":
            return self.note == number
        return self.cc is not None and number in (
            (self.cc, self.cc + 32) if self.fine else (self.cc,)
        )


_CONTROL_KEYS = tuple(Control.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Map:
    """A controller's controls."""

    name: str  # a part of the port's name
    controls: tuple[Control, ...]
    clock: bool = False  # whether its clock is the tempo


# ---- as TOML


def map_of(text: str, place: str) -> Map:
    """Read a map; UserError names the place, the value and the cure."""
    try:
        values = tomllib.loads(text)
    except ValueError as error:  # of tomllib, and of numbers with thousands of digits
        raise UserError(f"{place}: is not TOML: {cut(str(error))}") from error
    except RecursionError as error:
        raise UserError(f"{place}: is nested too deeply; a map is name and [[control]]") from error
    if "name" not in values:
        raise UserError(f"{place}: is no map; it needs name and [[control]]")
    _check_keys(values, _MAP_KEYS, place)
    name, clock, entries = (
        values.get(k, d) for k, d in zip(_MAP_KEYS, ("", False, []), strict=True)
    )
    if not isinstance(name, str) or not name.strip():
        raise UserError(f"{place}: name is {shown(name)}; write a part of the port's name")
    _check_switch("clock", clock, place)
    if not isinstance(entries, list):
        raise UserError(f"{place}: control is {shown(entries)}; write each as a [[control]]")
    if len(entries) > _MOST:
        raise UserError(f"{place}: has {len(entries)} controls; use {_MOST} or fewer")
    controls = (_control(e, f"{place}: control {n}") for n, e in enumerate(entries, 1))
    return Map(name, tuple(controls), clock)


def _control(entry: object, place: str) -> Control:
    if not isinstance(entry, dict):
        raise UserError(f"{place} is {shown(entry)}; write it as a [[control]]")
    _check_keys(entry, _CONTROL_KEYS, place)
    address = entry.get("address")
    if not isinstance(address, str) or not address.startswith("/"):
        raise UserError(f"{place}: address is {shown(address)}; it begins with /")
    if ("cc" in entry) == ("note" in entry):
        raise UserError(f"{place}: {cut(address)} needs cc or note, 0 to 127")
    for key, low, high in (("cc", 0, 127), ("note", 0, 127), ("channel", 1, 16)):
        number = entry.get(key, low)
        if type(number) is not int or not low <= number <= high:  # true is 1 for isinstance
            raise UserError(f"{place}: {key} is {shown(number)}; use {low} to {high}")
    mode = entry.get("mode", MODES[0])
    if mode not in MODES:
        raise UserError(f"{place}: mode is {shown(mode)}; use {', '.join(MODES)}")
    for key in ("fine", "momentary"):
        _check_switch(key, entry.get(key, False), place)
    if entry.get("fine") and entry.get("cc", 0) > 95:
        raise UserError(
            f"{place}: cc is {entry['cc']} and fine; use 0 to 95, for cc + 32 is heard too"
        )
    return Control(**entry)


def _check_keys(values: dict[str, Any], known: Iterable[str], place: str) -> None:
    for key in values:
        if key not in known:
            raise UserError(f"{place}: has {shown(key)}; use {', '.join(known)}")


def _check_switch(key: str, value: object, place: str) -> None:
    if not isinstance(value, bool):
        raise UserError(f"{place}: {key} is {shown(value)}; use true or false")


def text_of(learned: Map) -> str:
    """A map as TOML."""
    lines = [f"name = {_quoted(learned.name)}", f"clock = {str(learned.clock).lower()}"]
    for control in learned.controls:
        lines += ["", "[[control]]", f"address = {_quoted(control.address)}"]
        lines += [
            f"{key} = {value}"
            for key, value in (
                ("cc", control.cc),
                ("note", control.note),
                ("channel", control.channel),
            )
            if value is not None
        ]
        lines += [f'mode = "{control.mode}"'] if control.mode != "absolute" else []
        lines += [f"{key} = true" for key in ("fine", "momentary") if getattr(control, key)]
    return "\n".join(lines) + "\n"


def _quoted(words: str) -> str:
    """As a basic string of TOML, which is one of JSON but for the delete character."""
    return json.dumps(words, ensure_ascii=False).replace("\x7f", "\\u007f")


# ---- as files


def maps_of(folder: Path | None, tell: Callable[[str], object]) -> list[Map]:
    """Maps of one's own first, then those that come with the program; `tell` hears of broken ones.

    Of one's own, a file that is named after its controller comes before others: `kept` writes it,
    and it holds what was learnt on top of them.
    """
    own = [(path, found) for path in _own(folder, tell) if (found := _read(path, tell))]
    own.sort(key=lambda one: not _is_named_after(one[0], one[1].name))
    shipped = sorted(
        resources.files("live.control").joinpath("maps").iterdir(), key=lambda f: f.name
    )
    return [found for _, found in own] + [
        found for file in shipped if file.name.endswith(".toml") and (found := _read(file, tell))
    ]


def _own(folder: Path | None, tell: Callable[[str], object]) -> list[Path]:
    try:
        there = sorted(folder.iterdir()) if folder is not None else []
    except FileNotFoundError:
        return []
    except OSError as error:
        tell(f"{folder}: maps of your own cannot be read ({error.strerror})")
        return []
    return [p for p in there if p.suffix == ".toml" and not p.name.startswith(".")]


def _read(file: Traversable, tell: Callable[[str], object]) -> Map | None:
    place = str(file)
    try:
        if not file.is_file():  # a pipe would be waited for
            raise UserError(f"{place}: is no file; a map is a file")
        with file.open("rb") as opened:
            content = opened.read(_LARGEST + 1)
        if len(content) > _LARGEST:
            raise UserError(f"{place}: is larger than {_LARGEST >> 10} KiB; no map is")
        return map_of(content.decode("utf-8-sig"), place)
    except UnicodeDecodeError:
        tell(f"{place}: is not UTF-8; save it as UTF-8")
    except OSError as error:
        tell(f"{place}: cannot be read ({error.strerror})")
    except UserError as trouble:
        tell(str(trouble))
    return None


def kept(learned: Map, folder: Path) -> Path:
    """Write a map whole or not at all, over its own file and no other; returns where it is.

    OSError and UnicodeError when it cannot be.
    """
    content = text_of(learned).encode("utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    path = _place_for(learned, folder)
    working = path.with_name(f".{path.name}.part")
    try:
        with working.open("wb") as opened:
            opened.write(content)
            opened.flush()
            os.fsync(opened.fileno())
        working.replace(path)
    except OSError:
        with suppress(OSError):
            working.unlink()
        raise
    return path


def _place_for(learned: Map, folder: Path) -> Path:
    """The first file named after the controller that is free or holds its map."""
    slug = _slug(learned.name)
    for number in count(1):
        path = folder / (f"{slug}.toml" if number == 1 else f"{slug}-{number}.toml")
        if not os.path.lexists(path):
            return path
        there = _read(path, lambda _: None)
        if there is not None and there.name == learned.name:
            return path
    raise AssertionError  # numbers do not end


def _is_named_after(path: Path, name: str) -> bool:
    return re.fullmatch(re.escape(_slug(name)) + r"(-\d+)?", path.stem) is not None


def _slug(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name.lower())[:_LONGEST]

"""Looks as files: read a TOML preset, find a shipped one, change single knobs."""

import difflib
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from ..errors import UserError, cut, shown
from ..files import bytes_of
from .knobs import Knobs, knobs_of, table, value_of

SUFFIX = ".toml"
LARGEST = 64 << 10  # bytes
_DEEPEST = 64  # dots or opening brackets in a line; more would take the reader minutes


@dataclass(frozen=True, slots=True)
class Preset:
    """A look: what it is called, what one sees, and every knob."""

    name: str
    description: str
    knobs: Knobs


@functools.cache
def shipped() -> tuple[str, ...]:
    """Names of the presets that come with the program, sorted."""
    folder = resources.files("presets")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(SUFFIX)))


def is_file(name_or_path: str) -> bool:
    """Whether a file is meant, and no shipped preset."""
    return name_or_path.endswith(SUFFIX) or "/" in name_or_path


def preset_of(name_or_path: str, settings: Iterable[str] = ()) -> Preset:
    """The preset of a shipped name or of a .toml file, with `--set` settings laid over it."""
    if is_file(name_or_path):
        path = Path(name_or_path)
        return _parsed(_text_of(path), str(path), path.stem, settings)
    if name_or_path in shipped():
        return _shipped(name_or_path, tuple(settings))
    close = difflib.get_close_matches(name_or_path, shipped(), 1)
    hint = f"did you mean {close[0]}?" if close else f"use {', '.join(shipped())}"
    raise UserError(f"“{cut(name_or_path)}” is no preset; {hint}")


@functools.cache
def _shipped(name: str, settings: tuple[str, ...]) -> Preset:
    """Kept, for a hand on a button may ask for it many times a second."""
    text = resources.files("presets").joinpath(f"{name}{SUFFIX}").read_text("utf-8")
    return _parsed(text, f"presets/{name}{SUFFIX}", name, settings)


def _text_of(path: Path) -> str:
    try:
        return bytes_of(path, LARGEST, what="a preset file").decode("utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: cannot be read as UTF-8 text ({error})") from error


def _parsed(text: str, place: str, name: str, settings: Iterable[str]) -> Preset:
    values = _values_in(text, place)
    description = values.pop("description", "")
    if not isinstance(description, str):
        raise UserError(f"{place}: description is {shown(description)}; use a sentence in quotes")
    knobs = knobs_of(values, place)
    _check_read_only(knobs, place)
    return Preset(name, description, _overlaid(knobs, settings))


def _values_in(text: str, place: str) -> dict[str, Any]:
    for number, line in enumerate(text.split("\n"), 1):
        if max(map(line.count, ".[{")) > _DEEPEST:
            raise UserError(
                f"{place}: line {number} is nested too deeply; use [group] and knob = …"
            )
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise UserError(f"{place}: is nested too deeply; use [group] and knob = value") from error
    except ValueError as error:  # tomllib's own, and Python's for numbers of thousands of digits
        raise UserError(f"{place}: is not TOML: {cut(str(error), 160)}") from error


def _check_read_only(knobs: Knobs, place: str) -> None:
    """UserError where a preset turns off what only the command line may."""
    for knob in table():
        value = value_of(knobs, knob.name)
        if knob.read_only and value != knob.default:
            raise UserError(
                f"{place}: {knob.name} is {str(value).lower()}; no preset may say so: leave it "
                f"out, and begin with --set {knob.name}={str(value).lower()}"
            )


def _overlaid(knobs: Knobs, settings: Iterable[str]) -> Knobs:
    values = knobs.model_dump()
    for setting in settings:
        name, equals, value = setting.partition("=")
        group, dot, key = name.strip().partition(".")
        place = f"--set {cut(setting)}"
        if not equals or not dot:
            raise UserError(f"{place}: write it as group.knob=value, e.g. steer.kick=0.8")
        values.setdefault(group, {})[key] = _plain(value.strip())
        knobs = knobs_of(values, place)
    return knobs


def _plain(value: str) -> Any:
    """A value as TOML would read it; bare words and lists of bare words are text."""
    try:
        return tomllib.loads(f"v = {value}")["v"]
    except (ValueError, RecursionError):
        return value.strip("[]")

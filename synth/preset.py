"""Looks as files: read a TOML preset, find a shipped one, change single knobs."""

import difflib
import functools
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from .knobs import Knobs, knobs_of
from .trouble import Trouble


@dataclass(frozen=True, slots=True)
class Preset:
    """A look: what it is called, what one sees, and every knob."""

    name: str
    description: str
    knobs: Knobs


def shipped() -> tuple[str, ...]:
    """Names of the presets that come with the program, sorted."""
    folder = resources.files("presets")
    return tuple(sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".toml")))


def preset_of(name_or_path: str, settings: Iterable[str] = ()) -> Preset:
    """The preset of a shipped name or of a .toml file, with `--set` settings laid over it."""
    if name_or_path.endswith(".toml") or "/" in name_or_path:
        path = Path(name_or_path)
        if not path.is_file():
            raise Trouble(f"{path}: no such preset file")
        text, place, name = _text_of(path), str(path), path.stem
    elif name_or_path in shipped():
        return _shipped(name_or_path, tuple(settings))
    else:
        close = difflib.get_close_matches(name_or_path, shipped(), 1)
        hint = f"did you mean {close[0]}?" if close else f"use {', '.join(shipped())}"
        raise Trouble(f"“{name_or_path}” is no preset; {hint}")
    return _parsed(text, place, name, settings)


@functools.cache
def _shipped(name: str, settings: tuple[str, ...]) -> Preset:
    """Kept, for a hand on a button may ask for it many times a second."""
    text = resources.files("presets").joinpath(f"{name}.toml").read_text("utf-8")
    return _parsed(text, f"presets/{name}.toml", name, settings)


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(f"{path}: cannot be read as UTF-8 text ({error})") from None


def _parsed(text: str, place: str, name: str, settings: Iterable[str]) -> Preset:
    try:
        values = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Trouble(f"{place}: is not TOML: {error}") from None
    description = values.pop("description", "")
    if not isinstance(description, str):
        raise Trouble(f"{place}: description is {description!r}; use a sentence in quotes")
    knobs = knobs_of(values, place)
    return Preset(name, description, _overlaid(knobs, settings))


def _overlaid(knobs: Knobs, settings: Iterable[str]) -> Knobs:
    values = knobs.model_dump()
    for setting in settings:
        name, equals, value = setting.partition("=")
        group, dot, key = name.strip().partition(".")
        if not equals or not dot:
            raise Trouble(f"--set {setting}: write it as group.knob=value, e.g. steer.kick=0.8")
        values.setdefault(group, {})[key] = _plain(value.strip())
        knobs = knobs_of(values, f"--set {setting}")
    return knobs


def _plain(value: str) -> Any:
    """A value as TOML would read it; bare words and lists of bare words are text."""
    try:
        return tomllib.loads(f"v = {value}")["v"]
    except tomllib.TOMLDecodeError:
        return value.strip("[]")

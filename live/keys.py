"""What each key does, in one table: shows carry it out, help and README tell of it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .show import Screen, Show

Action = Callable[["Show", "Screen", str], object]


@dataclass(frozen=True, slots=True)
class Binding:
    """Keys, as the window names them, and what they do."""

    keys: tuple[str, ...]
    label: str  # the keys, for people
    words: str  # what they do, in short
    sentence: str  # and at length
    action: Action


def _tap(show: "Show", _screen: "Screen", _key: str) -> None:
    from .sync.clock import TAP

    parameters = show.deck.parameters
    bpm, leader = parameters.tap(time.monotonic()), parameters.clock.leader
    if leader not in ("", TAP):
        text = f"{leader} leads at {bpm:.1f} BPM; taps count when it does not"
    else:
        text = f"tapped {bpm:.1f} BPM" if bpm else "tap on; the tempo is heard"
    show.supervisor.notices.say(text)


def _turn_overlay(show: "Show", _screen: "Screen", _key: str) -> None:
    show.panel.overlay_on = not show.panel.overlay_on


def _step_preset(show: "Show", _screen: "Screen", key: str) -> None:
    if key in ("left", "right"):
        show.deck.parameters.step(1 if key == "right" else -1)
    else:
        show.deck.parameters.number(int(key))


def _learn(show: "Show", _screen: "Screen", _key: str) -> None:
    if show.learn is not None:
        show.learn()


BINDINGS = (
    Binding(
        (" ",),
        "space",
        "freeze",
        "freeze the picture, and let it go on",
        lambda show, _screen, _key: show.deck.freeze(not show.deck.frozen),
    ),
    Binding(
        ("b",),
        "B",
        "blackout",
        "blackout, and back; it fades",
        lambda show, _screen, _key: show.deck.blackout(not show.deck.black),
    ),
    Binding(
        ("f",),
        "F",
        "full screen",
        "full screen, and back",
        lambda _show, screen, _key: screen.toggle_full(),
    ),
    Binding(
        (*"123456789", "left", "right"),
        "1 … 9, ← →",
        "presets",
        "presets; one fades into the other over `preset.fade` seconds",
        _step_preset,
    ),
    Binding(
        ("t",),
        "T",
        "tap",
        "tap the tempo, where none is set; one tap after a pause listens again",
        _tap,
    ),
    Binding(
        ("g",),
        "G",
        "next keyframe",
        "the next keyframe of the bank",
        lambda show, _screen, _key: show.deck.parameters.cue("next"),
    ),
    Binding(("l",), "L", "learn MIDI", "teach the next MIDI control that moves a knob", _learn),
    Binding(("h",), "H", "overlay", "overlay on and off", _turn_overlay),
    Binding(
        ("p",),
        "P",
        "the page's address",
        "where phones open the control page, as a QR code",
        lambda show, _screen, _key: show.panel.turn_card(),
    ),
    Binding(
        ("escape",),
        "Esc",
        "end, twice at once",
        "fade out and end; twice: end at once",
        lambda show, _screen, _key: show.ending.escape(time.monotonic()),
    ),
)
_BY_KEY = {key: binding for binding in BINDINGS for key in binding.keys}


def press(show: "Show", screen: "Screen", key: str) -> None:
    """Carry out what a key does; one that does nothing does nothing."""
    if key in _BY_KEY:
        _BY_KEY[key].action(show, screen, key)


def summary() -> str:
    """All keys in a line."""
    return "Keys: " + ", ".join(f"{b.label} {b.words}" for b in BINDINGS) + "."


def markdown() -> str:
    """README's table."""
    rows = [f"| {b.label} | {b.sentence} |" for b in BINDINGS]
    return "\n".join(["| key | what it does |", "|---|---|", *rows])

"""What may be done with a deck and known of it: one node for each knob, action and sense.

Addresses are told to what carries out a message, so that a deck under a prefix names its own.
"""

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from synth.analysis.analyzer import Features
from synth.errors import UserError, cut, shown
from synth.latents.bank import Bank
from synth.settings.knobs import (
    Knob,
    as_sent,
    coerced,
    knob_of,
    stepped,
    switched,
    table,
    value_of,
)

from ..deck import Deck
from ..engine.parameters import Parameters

Arguments = Sequence[Any]
Write = Callable[[str, Arguments], None]  # to an address
READ, WRITE = 1, 2
_LONGEST_FADE = 60.0  # seconds


@dataclass(frozen=True, slots=True)
class Node:
    """One address."""

    address: str
    tags: str  # OSC type tags of its value or its arguments
    sentence: str
    read: Callable[[], list[Any]] | None = None
    write: Write | None = None
    knob: Knob | None = None  # whose range and unit it has
    choices: Callable[[], list[str]] | None = None  # the words that may be sent

    @property
    def access(self) -> int:
        """As OSCQuery counts: 1 read, 2 write, 3 both."""
        return (READ if self.read else 0) + (WRITE if self.write else 0)


def nodes_of(deck: Deck, prefix: str = "") -> list[Node]:
    """Every node of a deck, its addresses under the prefix, such as /b."""
    parts = [*_knobs(deck.parameters), *_looks(deck.parameters), *_picture(deck)]
    parts += [*_cues(deck), *_tempo(deck), *_senses(deck)]
    return [replace(node, address=prefix + node.address) for node in parts]


# ---- knobs


def _knobs(parameters: Parameters) -> list[Node]:
    return [node for knob in table() for node in _knob(knob, parameters)]


def _knob(knob: Knob, parameters: Parameters) -> list[Node]:
    """A knob's value, and the ways to turn it."""
    address = "/" + knob.name.replace(".", "/")

    def read() -> list[Any]:
        return _plain(value_of(parameters.wanted, knob.name))

    if knob.read_only:
        return [Node(address, _tags(knob), knob.sentence, read, None, knob)]

    def write(address: str, arguments: Arguments) -> None:
        value = list(arguments) if isinstance(knob.default, tuple) else _one(address, arguments)
        parameters.turn(knob.name, coerced(knob, value))

    def reset(_address: str, arguments: Arguments) -> None:
        if not is_released(arguments):
            parameters.turn(knob.name, value_of(parameters.preset.knobs, knob.name))

    nodes = [
        Node(address, _tags(knob), knob.sentence, read, write, knob),
        Node(f"{address}/reset", "N", "Back to the preset's value.", None, reset),
    ]
    return nodes if knob.low is None else nodes + _number_knob(knob, address, parameters)


def _number_knob(knob: Knob, address: str, parameters: Parameters) -> list[Node]:
    """What can be done with a number besides."""

    def add(address: str, arguments: Arguments) -> None:
        step = _number(address, _one(address, arguments))
        parameters.turn(knob.name, stepped(knob, value_of(parameters.wanted, knob.name), step))

    def to(address: str, arguments: Arguments) -> None:
        if len(arguments) != 2:
            raise UserError(f"{address} has {len(arguments)} arguments; send value and seconds")
        target, seconds = (_number(address, a) for a in arguments)
        parameters.ramp(knob.name, target, seconds)

    nodes = [Node(f"{address}/add", "f", "Turn it by so much.", None, add)]
    if not isinstance(knob.default, int):
        nodes.append(Node(f"{address}/to", "ff", "Go there in so many seconds.", None, to))
    return nodes


# ---- actions


def _looks(parameters: Parameters) -> list[Node]:
    def load(address: str, arguments: Arguments) -> None:
        if not 1 <= len(arguments) <= 2 or not isinstance(arguments[0], str):
            raise UserError(f"{address}: send a preset's name, and seconds if you like")
        fade = _number(address, arguments[1]) if arguments[1:] else None
        there = parameters.presets()
        if arguments[0] not in there:
            known = cut(", ".join(there), 400)
            raise UserError(f"“{cut(arguments[0])}” is no preset; use {known}")
        parameters.load(there[arguments[0]], fade and min(max(0.0, fade), _LONGEST_FADE))

    def seed(address: str, arguments: Arguments) -> None:
        value = _one(address, arguments) if arguments else secrets.randbelow(2**32)
        parameters.turn("steer.seed", coerced(knob_of("steer.seed"), value))

    def presets() -> list[str]:
        return list(parameters.presets())

    back = _pressed(lambda: parameters.step(-1))
    fade = "Fade to a preset: its name, and seconds."
    return [
        Node("/preset/load", "s", fade, None, load, choices=presets),
        Node("/preset/next", "N", "The next preset.", None, _pressed(lambda: parameters.step(1))),
        Node("/preset/previous", "N", "The one before.", None, back),
        Node("/preset/name", "s", "The preset that plays.", lambda: [parameters.preset.name]),
        Node("/seed", "i", "Another show: a number, or none for chance.", None, seed),
    ]


def _picture(deck: Deck) -> list[Node]:
    freeze = _switch(lambda: deck.frozen, deck.freeze)
    blackout = _switch(lambda: deck.black, deck.blackout)
    calm = "All as the preset has it, no freeze, no black."
    return [
        Node("/freeze", "T", "Hold the picture.", lambda: [deck.frozen], freeze),
        Node("/blackout", "T", "Fade to black.", lambda: [deck.black], blackout),
        Node("/panic", "N", calm, None, _pressed(deck.panic)),
    ]


def _cues(deck: Deck) -> list[Node]:
    def bank(address: str) -> Bank:
        if deck.engine.cues is None:
            raise UserError(f"{address}: there is no bank; begin the show with --bank")
        return deck.engine.cues.bank

    def cue(address: str, arguments: Arguments) -> None:
        there, wanted = bank(address), _one(address, arguments)
        number = there.find(wanted) if isinstance(wanted, str) else wanted
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            number = None
        if number is None or number not in range(len(there)):
            raise UserError(f"{address}: {shown(wanted)} is no keyframe; use 0 to {len(there) - 1}")
        deck.parameters.cue(int(number))

    def cued(what: Literal["next", "release"]) -> Write:
        def write(address: str, arguments: Arguments) -> None:
            if not is_released(arguments):
                bank(address)
                deck.parameters.cue(what)

        return write

    def lines() -> list[str]:
        cues = deck.engine.cues
        return [entry.text for entry in cues.bank.entries] if cues is not None else []

    by_name = "A keyframe by number from 0, or by its first words."
    return [
        Node("/cue", "i", by_name, None, cue, choices=lines),
        Node("/cue/go", "N", "The next keyframe.", None, cued("next")),
        Node("/cue/release", "N", "Let keyframes go.", None, cued("release")),
    ]


def _tempo(deck: Deck) -> list[Node]:
    tap = _pressed(lambda: deck.parameters.tap(deck.supervisor.clock()))
    return [Node("/tap", "N", "Tap the tempo.", None, tap)]


def _pressed(action: Callable[[], object]) -> Write:
    """Done when a button is pressed, not when it is let go."""

    def write(_address: str, arguments: Arguments) -> None:
        if not is_released(arguments):
            action()

    return write


def _switch(now: Callable[[], bool], put: Callable[[bool], None]) -> Write:
    """Put to what is sent, or turned over where nothing is."""

    def write(address: str, arguments: Arguments) -> None:
        on = switched(address, _one(address, arguments)) if arguments else not now()
        if on != now():
            put(on)

    return write


# ---- senses


def _senses(deck: Deck) -> list[Node]:
    def heard(values: Callable[[Features], list[Any]], silence: list[Any]) -> Any:
        return lambda: silence if deck.engine.heard is None else values(deck.engine.heard)

    def beat(now: Features) -> list[Any]:
        return [round(now.beat_phase, 4), deck.analysis.beats, round(now.bpm, 2)]

    def bar(now: Features) -> list[Any]:
        return [now.beat_in_bar, round(now.beat_confidence, 4)]

    def drums() -> list[float]:
        return [round(float(v), 4) for v in deck.analysis.drums]

    def bands(now: Features) -> list[Any]:
        return [round(v, 4) for v in (now.loudness, now.bass, now.mid, now.treble)]

    def chroma(now: Features) -> list[Any]:
        return [round(float(c), 4) for c in now.chroma]

    def level() -> list[float]:
        return [round(deck.analysis.decibels, 2)]

    def onsets() -> list[int]:
        return [deck.analysis.moments.heard]

    pitches = "How much of each pitch class is heard, C first, 0 to 1."
    phase = "Phase of the beat 0 to 1, beats since the show began, beats a minute."
    place = "Which beat of the bar the last one was, 0 while unknown; how sure the next is, 0 to 1."
    struck = "Kick, snare and hat: how sure it is that each was struck, 0 to 1, fading."
    marks = "Drops and breaks since the show began."
    return [
        Node("/sense/chroma", "f" * 12, pitches, heard(chroma, [0.0] * 12)),
        Node("/sense/onset_count", "i", "Onsets since the show began.", onsets),
        Node("/sense/beat", "fif", phase, heard(beat, [0.0, 0, 0.0])),
        Node("/sense/bar", "if", place, heard(bar, [0, 0.0])),
        Node("/sense/drums", "fff", struck, drums),
        Node(
            "/sense/bands",
            "ffff",
            "Loudness, bass, mid and treble, 0 to 1.",
            heard(bands, [0.0] * 4),
        ),
        Node("/sense/level", "f", "The input's level, dBFS.", level),
        Node("/sense/section", "i", marks, heard(lambda now: [now.section], [0])),
    ]


# ---- arguments


def is_released(arguments: Arguments) -> bool:
    """Whether a button was let go: controllers send 0 then."""
    return bool(arguments) and isinstance(arguments[0], (int, float)) and not arguments[0]


def _one(address: str, arguments: Arguments) -> Any:
    if len(arguments) != 1:
        raise UserError(f"{address} has {len(arguments)} arguments; send one")
    return arguments[0]


def _number(address: str, value: object) -> float:
    """A finite number that a float can hold."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return as_sent(number)
    raise UserError(f"{address} has {shown(value)}; send a number")


def _tags(knob: Knob) -> str:
    match knob.default:
        case bool():
            return "T"
        case int():
            return "i"
        case float():
            return "f"
        case tuple():
            return "i" * 12
        case _:
            return "s"


def _plain(value: Any) -> list[Any]:
    """A knob's value as OSC arguments."""
    return list(value) if isinstance(value, tuple) else [value]

"""The address space: every knob, action and sense by its OSC address, made from the knob table.

OSC, OSCQuery and the control page all speak through it; no second list of knobs exists. Knobs that
are numbers are clipped to their range, words that are none of a knob's are refused.
"""

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synth.knobs import Knob, coerced, table, value_of
from synth.trouble import Trouble

if TYPE_CHECKING:
    from .show import Show

Arguments = Sequence[Any]
READ, WRITE = 1, 2


@dataclass(frozen=True, slots=True)
class Node:
    """One address."""

    address: str
    tags: str  # OSC type tags of its value or its arguments
    sentence: str
    read: Callable[[], list[Any]] | None = None
    write: Callable[[Arguments], None] | None = None
    knob: Knob | None = None  # whose range and unit it has
    choices: Callable[[], list[str]] | None = None  # the words that may be sent

    @property
    def access(self) -> int:
        """As OSCQuery counts: 1 read, 2 write, 3 both."""
        return (READ if self.read else 0) + (WRITE if self.write else 0)


class Controls:
    """What controllers may do with a show, and what they may know of it."""

    def __init__(self, show: "Show") -> None:
        self._show, self._desk = show, show.desk
        self.nodes: dict[str, Node] = {}
        for node in [*self._knobs(), *self._actions(), *self._senses()]:
            assert node.address not in self.nodes, node.address
            self.nodes[node.address] = node
        self.learn: Callable[[str], None] | None = None  # MIDI's, where there is any
        self.refused = 0
        self.trouble = ""  # of the last message that was refused

    def receive(self, address: str, arguments: Arguments) -> bool:
        """Carry out one message; what cannot be is refused, counted and told, never raised."""
        if address.startswith("/cue/") and address not in self.nodes:
            wanted = address.removeprefix(
                "/cue/"
            )  # /cue/3 and /cue/words are /cue 3 and /cue words
            if _released(arguments):
                return True
            address, arguments = "/cue", [int(wanted) if wanted.isdecimal() else wanted]
        node = self.nodes.get(address)
        try:
            if node is None or node.write is None:
                raise Trouble(f"{address[:80]}: there is no such address to write to")
            node.write(arguments)
        except Trouble as trouble:
            self.refused += 1
            self.trouble = str(trouble)
            return False
        return True

    def value(self, address: str) -> list[Any]:
        """The value at an address; KeyError when nothing can be read there."""
        read = self.nodes[address].read
        if read is None:
            raise KeyError(address)
        return read()

    def values(self, *, senses: bool) -> dict[str, list[Any]]:
        """Every value that can be read: those of the instrument, or those of its senses."""
        return {
            address: node.read()
            for address, node in self.nodes.items()
            if node.read and address.startswith("/sense/") == senses
        }

    def presets(self) -> dict[str, str]:
        """Every preset that may be loaded."""
        return self._desk.presets()

    def picture(self) -> np.ndarray | None:
        """The picture that was drawn last, uint8 (h, w, 3)."""
        return self._show.picture

    def _lines(self) -> list[str]:
        cues = getattr(getattr(self._show, "visual", None), "cues", None)
        return [entry.text for entry in cues.bank.entries] if cues is not None else []

    # ---- what there is

    def _knobs(self) -> list[Node]:
        return [node for knob in table() for node in self._knob(knob)]

    def _knob(self, knob: Knob) -> list[Node]:
        address, desk = "/" + knob.name.replace(".", "/"), self._desk

        def read() -> list[Any]:
            return _plain(value_of(desk.wanted, knob.name))

        def write(arguments: Arguments) -> None:
            value = list(arguments) if isinstance(knob.default, tuple) else _one(address, arguments)
            desk.turn(knob.name, coerced(knob, value))

        def reset(arguments: Arguments) -> None:
            if not _released(arguments):
                desk.turn(knob.name, value_of(desk.preset.knobs, knob.name))

        nodes = [
            Node(address, _tags(knob), knob.sentence, read, write, knob),
            Node(f"{address}/reset", "N", "Back to the preset's value.", None, reset),
        ]
        if knob.low is None or isinstance(knob.default, bool):
            return nodes

        def add(arguments: Arguments) -> None:
            step = _number(address, _one(address, arguments))
            desk.turn(knob.name, coerced(knob, value_of(desk.wanted, knob.name) + step))

        def to(arguments: Arguments) -> None:
            if len(arguments) != 2:
                raise Trouble(
                    f"{address}/to has {len(arguments)} arguments; send value and seconds"
                )
            target, seconds = (_number(address, a) for a in arguments)
            desk.ramp(knob.name, float(coerced(knob, target)), min(3600.0, max(0.0, seconds)))  # type: ignore[arg-type]

        nodes.append(Node(f"{address}/add", "f", "Turn it by so much.", None, add))
        if not isinstance(knob.default, int):
            nodes.append(Node(f"{address}/to", "ff", "Go there in so many seconds.", None, to))
        return nodes

    def _actions(self) -> list[Node]:
        show, desk = self._show, self._desk

        def pressed(action: Callable[[], object]) -> Callable[[Arguments], None]:
            def write(arguments: Arguments) -> None:
                if not _released(arguments):
                    action()

            return write

        def switch(now: Callable[[], bool], put: Callable[[bool], None]) -> Callable[..., None]:
            def write(arguments: Arguments) -> None:
                put(bool(arguments[0]) if arguments else not now())

            return write

        def load(arguments: Arguments) -> None:
            if not 1 <= len(arguments) <= 2 or not isinstance(arguments[0], str):
                raise Trouble("/preset/load: send a preset's name, and seconds if you like")
            fade = min(60.0, _number("/preset/load", arguments[1])) if arguments[1:] else None
            there = desk.presets()
            if arguments[0] not in there:
                raise Trouble(f"“{arguments[0][:40]}” is no preset; use {', '.join(there)}")
            desk.load(there[arguments[0]], None if fade is None else max(0.0, fade))

        def seed(arguments: Arguments) -> None:
            knob = next(knob for knob in table() if knob.name == "steer.seed")
            value = _one("/seed", arguments) if arguments else secrets.randbelow(2**32)
            desk.turn("steer.seed", coerced(knob, value))

        def cue(arguments: Arguments) -> None:
            bank = show.visual.cues.bank if show.visual.cues is not None else None
            if bank is None:
                raise Trouble("/cue: there is no bank; begin the show with --bank")
            wanted = _one("/cue", arguments)
            number = bank.find(wanted) if isinstance(wanted, str) else wanted
            if isinstance(number, bool) or number is None or number not in range(len(bank)):
                raise Trouble(
                    f"/cue: “{str(wanted)[:40]}” is no keyframe; use 0 to {len(bank) - 1}"
                )
            desk.cue(int(number))

        def learn(arguments: Arguments) -> None:
            if self.learn is None:
                raise Trouble("/midi/learn: there is no MIDI; begin the show with --midi")
            address = str(_one("/midi/learn", arguments))
            if address not in self.nodes:
                raise Trouble(f"/midi/learn: {address[:60]} is no address")
            self.learn(address)

        def panic() -> None:
            show.freeze(False)
            show.blackout(False)
            for knob in table():
                desk.turn(knob.name, value_of(desk.preset.knobs, knob.name))

        return [
            Node(
                "/preset/load",
                "s",
                "Fade to a preset: its name, and seconds.",
                None,
                load,
                choices=lambda: list(desk.presets()),
            ),
            Node("/preset/next", "N", "The next preset.", None, pressed(lambda: desk.step(1))),
            Node("/preset/previous", "N", "The one before.", None, pressed(lambda: desk.step(-1))),
            Node("/preset/name", "s", "The preset that plays.", lambda: [desk.preset.name]),
            Node(
                "/freeze",
                "T",
                "Hold the picture.",
                lambda: [show.painter.frozen],
                switch(lambda: show.painter.frozen, show.freeze),
            ),
            Node(
                "/blackout",
                "T",
                "Fade to black.",
                lambda: [show.black],
                switch(lambda: show.black, show.blackout),
            ),
            Node(
                "/cue",
                "i",
                "A keyframe by number from 0, or by its first words.",
                None,
                cue,
                choices=self._lines,
            ),
            Node("/cue/go", "N", "The next keyframe.", None, pressed(lambda: desk.cue("next"))),
            Node(
                "/cue/release",
                "N",
                "Let keyframes go.",
                None,
                pressed(lambda: desk.cue("release")),
            ),
            Node("/tap", "N", "Tap the tempo.", None, pressed(lambda: desk.tap(time.monotonic()))),
            Node(
                "/panic",
                "N",
                "All as the preset has it, no freeze, no black.",
                None,
                pressed(panic),
            ),
            Node("/midi/learn", "s", "The control moved next plays this address.", None, learn),
            Node("/seed", "i", "Another show: a number, or none for chance.", None, seed),
        ]

    def _senses(self) -> list[Node]:
        show = self._show

        def heard(
            values: Callable[[Any], list[Any]], silence: list[Any]
        ) -> Callable[[], list[Any]]:
            def read() -> list[Any]:
                return silence if show.visual.heard is None else values(show.visual.heard)

            return read

        def level() -> list[float]:
            return [round(float(20 * np.log10(max(show.ears.level, 1e-5))), 2)]

        return [
            Node(
                "/sense/chroma",
                "f" * 12,
                "How much of each pitch class is heard, C first, 0 to 1.",
                heard(lambda h: [round(float(c), 4) for c in h.chroma], [0.0] * 12),
            ),
            Node(
                "/sense/onset_count",
                "i",
                "Onsets since the show began.",
                lambda: [show.ears.moments.heard],
            ),
            Node(
                "/sense/beat",
                "fif",
                "Phase of the beat 0 to 1, beats since the show began, beats a minute.",
                heard(
                    lambda h: [round(h.beat_phase, 4), show.ears.beats, round(h.bpm, 2)],
                    [0.0, 0, 0.0],
                ),
            ),
            Node(
                "/sense/bands",
                "ffff",
                "Loudness, bass, mid and treble, 0 to 1.",
                heard(
                    lambda h: [round(v, 4) for v in (h.loudness, h.bass, h.mid, h.treble)],
                    [0.0] * 4,
                ),
            ),
            Node("/sense/level", "f", "The input's level, dBFS.", level),
            Node(
                "/sense/section",
                "i",
                "Drops and breaks since the show began.",
                heard(lambda h: [h.section], [0]),
            ),
        ]


def _one(address: str, arguments: Arguments) -> Any:
    if len(arguments) != 1:
        raise Trouble(f"{address} has {len(arguments)} arguments; send one")
    return arguments[0]


def _number(address: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise Trouble(f"{address} has {str(value)[:40]!r}; send a number")
    return float(value)


def _released(arguments: Arguments) -> bool:
    """A button that was let go: controllers send 0 then."""
    return bool(arguments) and arguments[0] in (0, False)


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

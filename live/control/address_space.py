"""The address space: every knob, action and sense by its OSC address, made from the knob table.

OSC, OSCQuery and the control page all speak through it; no second list of knobs exists. Knobs that
are numbers are clipped to their range, words that are none of a knob's are refused.
"""

import math
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

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

from ..faults import reason_of

if TYPE_CHECKING:
    from ..show import Show

Arguments = Sequence[Any]
READ, WRITE = 1, 2
PART = "controls"  # what its faults go by
_DIGITS = 9  # of a keyframe's number
_LONGEST_FADE = 60.0  # seconds
_QUIETEST = 1e-5  # of the level that is told


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


class AddressSpace:
    """What controllers may do with a show, and what they may know of it."""

    def __init__(self, show: "Show") -> None:
        self._show, self._desk = show, show.parameters
        self.nodes: dict[str, Node] = {}
        for node in [*self._knobs(), *self._actions(), *self._senses()]:
            assert node.address not in self.nodes, node.address
            self.nodes[node.address] = node
        self._groups = {"/".join(address.split("/")[:2]) for address in self.nodes}
        self._faults, self._clock = show.supervisor.faults, show.supervisor.clock
        self.learn: Callable[[str], None] | None = None  # MIDI's, where there is any
        self.refused = 0
        self.trouble = ""  # of the last message that was refused

    def receive(self, address: str, arguments: Arguments) -> bool:
        """Carry out one message; what cannot be is refused, counted and told, never raised."""
        try:
            self._carry_out(address, arguments)
        except UserError as trouble:
            self._refuse(address, str(trouble))
            return False
        except Exception as error:  # whatever it was: the thread that plays it must live
            self._refuse(address, f"{cut(str(address))}: {reason_of(error)}")
            return False
        return True

    def _carry_out(self, address: str, arguments: Arguments) -> None:
        if address.startswith("/cue/") and address not in self.nodes:
            if _released(arguments):
                return
            address, arguments = "/cue", [_cue_in(address)]
        node = self.nodes.get(address)
        if node is None:
            raise UserError(f"{cut(address)}: there is no such address to write to")
        if node.write is None:
            knob = node.knob
            cure = f"; begin with --set {knob.name}=…" if knob is not None else ""
            raise UserError(f"{address}: can only be read{cure}")
        node.write(arguments)

    def _refuse(self, address: str, trouble: str) -> None:
        """Count and tell; how many kinds there are must not be for a stranger to choose."""
        self.refused += 1
        self.trouble = trouble
        group = "/".join(str(address).split("/")[:2])
        kind = group if group in self._groups else "no such address"
        self._faults.tell(PART, trouble, kind=f"refused {kind}")

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
        cues = getattr(getattr(self._show, "engine", None), "cues", None)
        return [entry.text for entry in cues.bank.entries] if cues is not None else []

    # ---- what there is

    def _knobs(self) -> list[Node]:
        return [node for knob in table() for node in self._knob(knob)]

    def _knob(self, knob: Knob) -> list[Node]:
        address, parameters = "/" + knob.name.replace(".", "/"), self._desk

        def read() -> list[Any]:
            return _plain(value_of(parameters.wanted, knob.name))

        if knob.read_only:
            return [Node(address, _tags(knob), knob.sentence, read, None, knob)]

        def write(arguments: Arguments) -> None:
            value = list(arguments) if isinstance(knob.default, tuple) else _one(address, arguments)
            parameters.turn(knob.name, coerced(knob, value))

        def reset(arguments: Arguments) -> None:
            if not _released(arguments):
                parameters.turn(knob.name, value_of(parameters.preset.knobs, knob.name))

        nodes = [
            Node(address, _tags(knob), knob.sentence, read, write, knob),
            Node(f"{address}/reset", "N", "Back to the preset's value.", None, reset),
        ]
        if knob.low is None:
            return nodes

        def add(arguments: Arguments) -> None:
            step = _number(f"{address}/add", _one(f"{address}/add", arguments))
            parameters.turn(knob.name, stepped(knob, value_of(parameters.wanted, knob.name), step))

        def to(arguments: Arguments) -> None:
            if len(arguments) != 2:
                raise UserError(
                    f"{address}/to has {len(arguments)} arguments; send value and seconds"
                )
            target, seconds = (_number(f"{address}/to", a) for a in arguments)
            parameters.ramp(knob.name, target, seconds)

        nodes.append(Node(f"{address}/add", "f", "Turn it by so much.", None, add))
        if not isinstance(knob.default, int):
            nodes.append(Node(f"{address}/to", "ff", "Go there in so many seconds.", None, to))
        return nodes

    def _actions(self) -> list[Node]:
        show, parameters = self._show, self._desk

        def pressed(action: Callable[[], object]) -> Callable[[Arguments], None]:
            def write(arguments: Arguments) -> None:
                if not _released(arguments):
                    action()

            return write

        def switch(
            address: str, now: Callable[[], bool], put: Callable[[bool], None]
        ) -> Callable[[Arguments], None]:
            def write(arguments: Arguments) -> None:
                on = switched(address, _one(address, arguments)) if arguments else not now()
                if on != now():
                    put(on)

            return write

        def load(arguments: Arguments) -> None:
            if not 1 <= len(arguments) <= 2 or not isinstance(arguments[0], str):
                raise UserError("/preset/load: send a preset's name, and seconds if you like")
            fade = _number("/preset/load", arguments[1]) if arguments[1:] else None
            there = parameters.presets()
            if arguments[0] not in there:
                known = cut(", ".join(there), 400)
                raise UserError(f"“{cut(arguments[0])}” is no preset; use {known}")
            parameters.load(there[arguments[0]], fade and min(max(0.0, fade), _LONGEST_FADE))

        def seed(arguments: Arguments) -> None:
            value = _one("/seed", arguments) if arguments else secrets.randbelow(2**32)
            parameters.turn("steer.seed", coerced(knob_of("steer.seed"), value))

        def bank() -> Bank:
            if show.engine.cues is None:
                raise UserError("/cue: there is no bank; begin the show with --bank")
            return show.engine.cues.bank

        def cue(arguments: Arguments) -> None:
            there = bank()
            wanted = _one("/cue", arguments)
            number = there.find(wanted) if isinstance(wanted, str) else wanted
            if not isinstance(number, (int, float)) or isinstance(number, bool):
                number = None
            if number is None or number not in range(len(there)):
                raise UserError(f"/cue: {shown(wanted)} is no keyframe; use 0 to {len(there) - 1}")
            parameters.cue(int(number))

        def cued(what: Literal["next", "release"]) -> None:
            bank()
            parameters.cue(what)

        def learn(arguments: Arguments) -> None:
            if self.learn is None:
                raise UserError("/midi/learn: there is no MIDI; begin the show with --midi")
            address = _one("/midi/learn", arguments)
            node = self.nodes.get(address) if isinstance(address, str) else None
            if node is None or node.write is None:
                raise UserError(f"/midi/learn: {shown(address)} is no address to write to")
            self.learn(node.address)

        def panic() -> None:
            show.freeze(False)
            show.blackout(False)
            parameters.reset()

        return [
            Node(
                "/preset/load",
                "s",
                "Fade to a preset: its name, and seconds.",
                None,
                load,
                choices=lambda: list(parameters.presets()),
            ),
            Node(
                "/preset/next", "N", "The next preset.", None, pressed(lambda: parameters.step(1))
            ),
            Node(
                "/preset/previous",
                "N",
                "The one before.",
                None,
                pressed(lambda: parameters.step(-1)),
            ),
            Node("/preset/name", "s", "The preset that plays.", lambda: [parameters.preset.name]),
            Node(
                "/freeze",
                "T",
                "Hold the picture.",
                lambda: [show.renderer.frozen],
                switch("/freeze", lambda: show.renderer.frozen, show.freeze),
            ),
            Node(
                "/blackout",
                "T",
                "Fade to black.",
                lambda: [show.black],
                switch("/blackout", lambda: show.black, show.blackout),
            ),
            Node(
                "/cue",
                "i",
                "A keyframe by number from 0, or by its first words.",
                None,
                cue,
                choices=self._lines,
            ),
            Node("/cue/go", "N", "The next keyframe.", None, pressed(lambda: cued("next"))),
            Node(
                "/cue/release",
                "N",
                "Let keyframes go.",
                None,
                pressed(lambda: cued("release")),
            ),
            Node(
                "/tap", "N", "Tap the tempo.", None, pressed(lambda: parameters.tap(self._clock()))
            ),
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
                return silence if show.engine.heard is None else values(show.engine.heard)

            return read

        def level() -> list[float]:
            heard = show.analysis.level if math.isfinite(show.analysis.level) else 0.0
            return [round(20 * math.log10(max(heard, _QUIETEST)), 2)]

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
                lambda: [show.analysis.moments.heard],
            ),
            Node(
                "/sense/beat",
                "fif",
                "Phase of the beat 0 to 1, beats since the show began, beats a minute.",
                heard(
                    lambda h: [round(h.beat_phase, 4), show.analysis.beats, round(h.bpm, 2)],
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


def _released(arguments: Arguments) -> bool:
    """A button that was let go: controllers send 0 then."""
    return bool(arguments) and isinstance(arguments[0], (int, float)) and not arguments[0]


def _cue_in(address: str) -> int | str:
    """The keyframe of /cue/3 or /cue/words.

    Plain digits alone are a number: those of other scripts may well begin a line that is sung.
    """
    wanted = address.removeprefix("/cue/")
    if wanted.isascii() and wanted.isdigit() and len(wanted) <= _DIGITS:
        return int(wanted)
    return wanted


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

"""What a MIDI message means: a map from controls to addresses, with soft takeover.

A map is a small TOML file. Everything here is pure but for what a map remembers of its controls,
so that it can be tested without a port.
"""

import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from synth.knobs import Knob
from synth.trouble import Trouble

Mode = Literal["absolute", "twos", "offset", "sign"]
MODES: tuple[Mode, ...] = ("absolute", "twos", "offset", "sign")
_CLOSE = 2.5 / 127  # of a knob's range, within which a control has it in hand
_STEP = 1 / 127  # of a knob's range, for one detent of a relative encoder


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
        if self.channel not in (None, channel):
            return False
        if kind == "note":
            return self.note == number
        return self.cc is not None and number in (
            (self.cc, self.cc + 32) if self.fine else (self.cc,)
        )


@dataclass(frozen=True, slots=True)
class Map:
    """A controller's controls."""

    name: str  # a part of the port's name
    controls: tuple[Control, ...]
    clock: bool = False  # whether its clock is the tempo


def map_of(text: str, place: str) -> Map:
    """Read a map; Trouble names the place and the cure."""
    try:
        values = tomllib.loads(text)
        name = values["name"]
        controls = tuple(_control(entry, place) for entry in values.get("control", []))
    except tomllib.TOMLDecodeError as error:
        raise Trouble(f"{place}: is not TOML: {error}") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise Trouble(f"{place}: is no map ({error}); it needs name and [[control]]") from None
    if not isinstance(name, str) or not name:
        raise Trouble(f"{place}: name is {name!r}; write a part of the port's name")
    return Map(name, controls, bool(values.get("clock", False)))


def _control(entry: dict[str, Any], place: str) -> Control:
    control = Control(**entry)
    numbers = (control.cc, control.note)
    if sum(n is not None for n in numbers) != 1 or not all(
        n is None or (isinstance(n, int) and 0 <= n <= 127) for n in numbers
    ):
        raise Trouble(f"{place}: {control.address} needs cc or note, 0 to 127")
    if control.mode not in MODES:
        raise Trouble(f"{place}: mode is {control.mode!r}; use {', '.join(MODES)}")
    if control.channel is not None and control.channel not in range(1, 17):
        raise Trouble(f"{place}: channel is {control.channel!r}; use 1 to 16")
    if not str(control.address).startswith("/"):
        raise Trouble(f"{place}: address is {control.address!r}; it begins with /")
    return control


def text_of(learned: Map) -> str:
    """A map as TOML."""
    lines = [f'name = "{learned.name}"', f"clock = {str(learned.clock).lower()}"]
    for control in learned.controls:
        lines += ["", "[[control]]", f'address = "{control.address}"']
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


def maps_of(folder: Path | None) -> list[Map]:
    """Maps of one's own first, then those that come with the program."""
    own = sorted(folder.glob("*.toml")) if folder is not None and folder.is_dir() else []
    shipped = resources.files("live").joinpath("maps").iterdir()
    return [map_of(path.read_text("utf-8"), str(path)) for path in own] + [
        map_of(file.read_text("utf-8"), file.name)
        for file in sorted(shipped, key=lambda f: f.name)
        if file.name.endswith(".toml")
    ]


def detents(value: int, mode: Mode) -> int:
    """How far a relative encoder was turned; the three usual ways to say it in seven bits."""
    match mode:
        case "twos":
            return value if value < 64 else value - 128
        case "offset":
            return value - 64
        case _:
            return value if value < 64 else 64 - value


def spread_over(knob: Knob, part: float) -> object:
    """The knob's value at a part (0..1) of its range."""
    if knob.choices:
        return knob.choices[min(len(knob.choices) - 1, int(part * len(knob.choices)))]
    if isinstance(knob.default, bool):
        return part >= 0.5
    assert knob.low is not None and knob.high is not None
    return knob.low + (knob.high - knob.low) * part


def part_of(knob: Knob, value: Any) -> float:
    """Where in its range a knob stands, 0..1."""
    if knob.choices:
        return knob.choices.index(value) / max(1, len(knob.choices) - 1)
    if isinstance(knob.default, bool):
        return float(value)
    assert knob.low is not None and knob.high is not None
    return (float(value) - knob.low) / (knob.high - knob.low)


@dataclass
class _Hand:
    """What is known of a control that is turned."""

    part: float | None = None  # where it stood last
    holds: bool = False  # whether the knob follows it
    given: object = None  # what the knob was set to by it
    high: int = 0  # the high seven bits of a fine one


@dataclass
class Takeover:
    """A controller at work: messages in, values for addresses out."""

    map: Map
    knob_at: Callable[[str], Knob | None]
    value_at: Callable[[str], Any]
    send: Callable[[str, list[Any]], object]
    _hands: dict[Control, _Hand] = field(default_factory=dict)

    def change(self, number: int, value: int, channel: int) -> None:
        """A control change 0..127."""
        for control in self._hearing("cc", number, channel):
            hand = self._hands.setdefault(control, _Hand())
            if control.fine and number == control.cc:
                hand.high = value
                continue  # the low seven bits follow
            part = (hand.high * 128 + value) / 16383 if control.fine else value / 127
            self._turned(control, hand, value, part)

    def note(self, number: int, velocity: int, channel: int) -> None:
        """A note; velocity 0 lets it go."""
        for control in self._hearing("note", number, channel):
            knob = self.knob_at(control.address)
            if control.momentary and knob is not None:
                if velocity:
                    self.send(control.address, [spread_over(knob, velocity / 127)])
                else:
                    self.send(f"{control.address}/reset", [])
            elif velocity:
                self._pressed(control.address, knob)

    def _pressed(self, address: str, knob: Knob | None) -> None:
        if knob is not None and isinstance(knob.default, bool):
            self.send(address, [not self.value_at(address)])
        elif knob is None:
            self.send(address, [])

    def _hearing(self, kind: str, number: int, channel: int) -> Iterable[Control]:
        return [c for c in self.map.controls if c.hears(kind, number, channel)]

    def _turned(self, control: Control, hand: _Hand, value: int, part: float) -> None:
        knob = self.knob_at(control.address)
        if knob is None:
            if value:
                self.send(control.address, [])
            return
        if control.mode != "absolute":
            here = part_of(knob, self.value_at(control.address))
            there = min(1.0, max(0.0, here + detents(value, control.mode) * _STEP))
            self.send(control.address, [spread_over(knob, there)])
            return
        if self._has_it(control, hand, knob, part):
            given = spread_over(knob, part)
            self.send(control.address, [given])
            hand.given = self.value_at(control.address)
        hand.part = part

    def _has_it(self, control: Control, hand: _Hand, knob: Knob, part: float) -> bool:
        """Whether the knob follows: it is near, was passed, or still stands where it was put."""
        now = self.value_at(control.address)
        if hand.holds and now == hand.given:
            return True
        here, before = part_of(knob, now), hand.part
        passed = before is not None and min(before, part) <= here <= max(before, part)
        hand.holds = passed or abs(part - here) <= _CLOSE or bool(knob.choices)
        return hand.holds

    def lights(self, address: str, value: Any) -> list[tuple[str, int, int, int]]:
        """What to send back so that the controller shows a value: kind, number, value, channel."""
        knob = self.knob_at(address)
        told: list[tuple[str, int, int, int]] = []
        for control in self.map.controls:
            if control.address != address:
                continue
            part = float(bool(value)) if knob is None else part_of(knob, value)
            channel = (control.channel or 1) - 1
            if control.cc is not None:
                told.append(("cc", control.cc, round(part * 127), channel))
            elif control.note is not None:
                told.append(("note", control.note, 127 if part >= 0.5 else 0, channel))
        return told

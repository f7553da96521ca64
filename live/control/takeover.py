"""What a controller's messages mean: values for addresses, with soft takeover, and lights back.

All is pure but for what is remembered of each control, so that it can be tested without a port.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from synth.errors import cut, shown
from synth.settings.knobs import Knob, stepped

from .midi_map import Control, Map, Mode

_CLOSE = 2.5 / 127  # of a knob's range, within which a control has it in hand
_STEP = 1 / 127  # of a knob's range, for one detent of a relative encoder

Light = tuple[str, int, int, int]  # "cc" or "note", number, value, channel from 0


def is_scale(knob: Knob) -> bool:
    """Whether a control can play it: it has a range, choices or two positions; lists have none."""
    return bool(knob.choices) or isinstance(knob.default, bool) or knob.low is not None


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
    """The value at a part (0..1) of a knob that is a scale."""
    if knob.choices:
        return knob.choices[min(len(knob.choices) - 1, int(part * len(knob.choices)))]
    if isinstance(knob.default, bool):
        return part >= 0.5
    assert knob.low is not None and knob.high is not None
    return min(float(knob.high), knob.low + (knob.high - knob.low) * part)


def part_of(knob: Knob, value: Any) -> float | None:
    """Where in its range a knob stands, 0..1; None for what is no place on a scale."""
    if knob.choices:
        last = max(1, len(knob.choices) - 1)
        return knob.choices.index(value) / last if value in knob.choices else None
    if not isinstance(value, (bool, int, float)) or not math.isfinite(value):
        return None
    if isinstance(knob.default, bool):
        return float(bool(value))
    if knob.low is None or knob.high is None:
        return None
    return min(1.0, max(0.0, (value - knob.low) / (knob.high - knob.low)))


def turned(knob: Knob, value: Any, steps: int) -> object:
    """The value so many detents from one on the scale; a choice or a switch moves with each."""
    if knob.choices:
        place = knob.choices.index(value) + steps
        return knob.choices[min(len(knob.choices) - 1, max(0, place))]
    if isinstance(knob.default, bool):
        return steps > 0
    assert knob.low is not None and knob.high is not None
    return stepped(knob, value, steps * _STEP * (knob.high - knob.low))


@dataclass
class _Hand:
    """What is known of a control that is turned."""

    part: float | None = None  # where it stood last
    holds: bool = False  # whether the knob follows it
    given: object = None  # what the knob was set to by it
    high: int | None = None  # the high seven bits of a fine one


@dataclass
class Takeover:
    """A controller at work: messages in, values for addresses out."""

    map: Map
    knob_at: Callable[[str], Knob | None]
    value_at: Callable[[str], Any]  # KeyError where there is none
    send: Callable[[str, list[Any]], object]
    tell: Callable[[str], object] = lambda _: None  # why a control does nothing; once for each
    _hands: dict[Control, _Hand] = field(default_factory=dict)
    _told: set[Control] = field(default_factory=set)

    def change(self, number: int, value: int, channel: int) -> None:
        """A control change 0..127."""
        for control in self._hearing("cc", number, channel):
            hand = self._hands.setdefault(control, _Hand())
            if control.fine and number == control.cc:
                hand.high = value  # the low seven bits follow
            elif not control.fine:
                self._turned(control, hand, value, value / 127)
            elif hand.high is not None:
                self._turned(control, hand, value, (hand.high * 128 + value) / 16383)

    def note(self, number: int, velocity: int, channel: int) -> None:
        """A note; velocity 0 lets it go."""
        for control in self._hearing("note", number, channel):
            knob = self.knob_at(control.address)
            if knob is None:
                if velocity:
                    self.send(control.address, [])
            elif control.momentary:
                self._held(control, knob, velocity)
            elif velocity:
                self._pressed(control, knob)

    def lights(self, address: str, value: Any) -> list[Light]:
        """What to send back so that the controller shows a value."""
        knob = self.knob_at(address)
        part = float(bool(value)) if knob is None else part_of(knob, value)
        if part is None:
            return []
        told: list[Light] = []
        for control in self.map.controls:
            if control.address != address:
                continue
            channel = (control.channel or 1) - 1
            if control.cc is not None:
                told.append(("cc", control.cc, round(part * 127), channel))
            elif control.note is not None:
                told.append(("note", control.note, 127 if part >= 0.5 else 0, channel))
        return told

    def _hearing(self, kind: str, number: int, channel: int) -> list[Control]:
        return [c for c in self.map.controls if c.hears(kind, number, channel)]

    def _held(self, control: Control, knob: Knob, velocity: int) -> None:
        """A pad that gives its force while it is down."""
        if not is_scale(knob):
            self._refuse(control, "is no scale that a pad could play")
        elif velocity:
            self.send(control.address, [spread_over(knob, velocity / 127)])
        else:
            self.send(f"{control.address}/reset", [])

    def _pressed(self, control: Control, knob: Knob) -> None:
        """A button: the next choice, or the other position."""
        value = self._value(control, knob)
        if value is None:
            return
        if knob.choices:
            following = (knob.choices.index(value) + 1) % len(knob.choices)
            self.send(control.address, [knob.choices[following]])
        elif isinstance(knob.default, bool):
            self.send(control.address, [not value])
        else:
            self._refuse(control, "is played by a note only with momentary = true")

    def _turned(self, control: Control, hand: _Hand, value: int, part: float) -> None:
        knob = self.knob_at(control.address)
        if knob is None:
            if value:
                self.send(control.address, [])
            return
        now = self._value(control, knob)
        if now is None:
            return
        if control.mode != "absolute":
            if steps := detents(value, control.mode):
                self.send(control.address, [turned(knob, now, steps)])
            return
        if self._has_it(hand, knob, part, now):
            self.send(control.address, [spread_over(knob, part)])
            hand.given = self._value(control, knob)
        hand.part = part

    def _has_it(self, hand: _Hand, knob: Knob, part: float, now: Any) -> bool:
        """Whether the knob follows: it is near, was passed, or still stands where it was put."""
        if hand.holds and now == hand.given:
            return True
        here, before = part_of(knob, now), hand.part
        assert here is not None
        passed = before is not None and min(before, part) <= here <= max(before, part)
        hand.holds = passed or abs(part - here) <= _CLOSE or bool(knob.choices)
        return hand.holds

    def _value(self, control: Control, knob: Knob) -> Any:
        """Where the knob stands; None when that is no place on a scale, which is told."""
        try:
            value = self.value_at(control.address)
        except KeyError:
            self._refuse(control, "has no value that a control could turn")
            return None
        if part_of(knob, value) is None:
            self._refuse(control, f"is {shown(value)}, which is no place on a scale")
            return None
        return value

    def _refuse(self, control: Control, why: str) -> None:
        if control not in self._told:
            self._told.add(control)
            self.tell(f"{self.map.name}: {cut(control.address)} {why}; its control does nothing")

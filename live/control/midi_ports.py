"""MIDI ports: looked for, opened, given lights, lost and found again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ..faults import Clock
from ..supervisor import Shift
from .midi_driver import Driver, DriverFault, DriverLost, Link
from .midi_map import Map
from .takeover import Light, Takeover

_LOOK = 1.0  # seconds between two looks for controllers
_RARELY = 10.0  # seconds between two of them, at most, while the driver fails
_LIGHTS = 1 / 20  # seconds between two updates of their lights
_SLOW = 10.0  # seconds that a driver may take to start, and to open a port
_PATIENCE = 2.0  # seconds that it may take for all else


@dataclass(eq=False)
class Box:
    """A controller that is plugged in."""

    name: str  # of its port
    map: Map  # as its file has it
    takeover: Takeover  # of what can be played of it
    is_open: bool = False  # whether the driver has said so
    output: str = ""  # name of the port of its lights, once that is open
    shown: dict[str, Any] = field(default_factory=dict)  # what they show, by address
    anew: bool = True  # whether all is to be shown again


class Ports:
    """The controllers that are plugged in.

    `tend` is one round of the worker that asks the driver, and `renew` frees one that hangs in it:
    all that it opened is gone with the driver's process, so that nothing it brings late can count.
    `box_of` makes a box for the port of a controller, `value_at` raises KeyError where there is
    no value, `tell` takes a fault and its kind.
    """

    def __init__(
        self,
        driver: Driver,
        box_of: Callable[[str], Box | None],
        value_at: Callable[[str], Any],
        tell: Callable[[str, str], object],
        say: Callable[[str], object],
    ) -> None:
        self.boxes: dict[str, Box] = {}  # by name of the port
        self.clock: Clock = time.monotonic
        self._driver, self._box_of, self._value_at = driver, box_of, value_at
        self._tell, self._say = tell, say
        self._links: tuple[Link, Link] | None = None  # to look, and with all of `boxes` open
        self._pause, self._due = _LOOK, 0.0  # seconds until the next look, and its time

    def tend(self, shift: Shift) -> None:
        """Look for controllers where it is time, and show what is new on their lights."""
        try:
            for link in self._links or ():
                if link.lost:
                    raise link.loss
            if self.clock() >= self._due:
                self._look(shift)
                self._pause, self._due = _LOOK, self.clock() + _LOOK
            for box in list(self.boxes.values()):
                if box.output and self._links is not None:
                    self._show(self._links[1], box)
        except DriverFault as error:
            if shift.over:
                return
            self._tell(f"controllers are lost ({error})", type(error).__name__)
            self.renew()
        shift.wait(_LIGHTS)

    def renew(self) -> None:
        """Free the thread that hangs in the driver, and begin anew with another process.

        The more often that is so, the later it begins.
        """
        self._driver.kill()
        self._links, self.boxes = None, {}
        self._pause = min(_RARELY, 2 * self._pause)
        self._due = self.clock() + self._pause

    # ---- found and lost

    def _current(self, shift: Shift) -> tuple[Link, Link]:
        shift.allow(_SLOW)
        links = self._driver.links()
        if links != self._links:
            for link in links:
                link.ask("hello")
            self._links, self.boxes = links, {}
        shift.allow(_PATIENCE)
        return links

    def _look(self, shift: Shift) -> None:
        looking, link = self._current(shift)
        inputs, outputs = looking.ask("look")
        for name in [name for name in self.boxes if name not in inputs]:
            self._lose(link, name)
        for name in sorted(set(inputs) - set(self.boxes)):
            box = self._box_of(name)
            if box is not None and not shift.over:
                self._take_up(link, shift, box)
        for box in list(self.boxes.values()):
            if not box.output and (output := self._output_for(box, outputs)):
                self._light_up(link, shift, box, output)

    def _take_up(self, link: Link, shift: Shift, box: Box) -> None:
        shift.allow(_SLOW)
        self.boxes[box.name] = box  # its first messages may come before the answer
        try:
            link.ask("open", box.name)
        except DriverFault as error:
            if self.boxes.get(box.name) is box:
                del self.boxes[box.name]
            if isinstance(error, DriverLost):
                raise
            self._tell(f"{box.name}: cannot be opened ({error})", "open")
            return
        box.is_open = True
        self._say(f"{box.name} plays")

    def _output_for(self, box: Box, outputs: list[str]) -> str:
        """The output of the same name, else the first of its map's name that no other has."""
        others = {other.output for other in self.boxes.values()}
        likely = [n for n in outputs if box.map.name.lower() in n.lower() and n not in others]
        return box.name if box.name in likely else next(iter(likely), "")

    def _light_up(self, link: Link, shift: Shift, box: Box, output: str) -> None:
        shift.allow(_SLOW)
        try:
            link.ask("lights", output)
        except DriverLost:
            raise
        except DriverFault as error:
            self._tell(f"{output}: its lights cannot be opened ({error})", "lights")
            return
        box.output, box.anew = output, True

    def _lose(self, link: Link, name: str) -> None:
        box = self.boxes.pop(name)
        self._say(f"{name} is gone; it is taken up again when it is back")
        try:
            link.ask("close", name, box.output)
        except DriverLost:
            raise
        except DriverFault as error:
            self._tell(f"{name}: closing failed ({error})", "close")

    # ---- lights

    def _show(self, link: Link, box: Box) -> None:
        """Send what changed since it was sent last."""
        if box.anew:
            box.anew, box.shown = False, {}
        news: dict[str, Any] = {}
        for address in dict.fromkeys(control.address for control in box.takeover.map.controls):
            try:
                value = self._value_at(address)
            except KeyError:
                continue  # an action; it has no light
            if address not in box.shown or box.shown[address] != value:
                news[address] = value
        if not news:
            return
        lights = [light for a, value in news.items() for light in box.takeover.lights(a, value)]
        try:
            link.ask("send", box.output, [_message_of(light) for light in lights])
        except DriverLost:
            raise
        except DriverFault as error:  # a controller that was just pulled out
            self._tell(f"{box.output}: cannot be sent to ({error})", "send")
            box.output = ""  # the next look tries again
            return
        box.shown.update(news)


def _message_of(light: Light) -> dict[str, Any]:
    kind, number, value, channel = light
    if kind == "cc":
        return {"type": "control_change", "control": number, "value": value, "channel": channel}
    return {"type": "note_on", "note": number, "velocity": value, "channel": channel}

"""MIDI: controllers that have a map play the address space, show its values and learn.

Two workers: "MIDI" asks the driver, which may hang, and "MIDI in" plays what the driver's process
tells; see `midi_driver`.
"""

import threading
import time
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from synth.errors import UserError, cut
from synth.settings.knobs import Knob

from ..faults import Clock, reason_of
from ..supervisor import Shift, Supervisor, Worker
from ..sync.clock import Tempo
from ..sync.midi_clock import MidiClock
from .address_space import AddressSpace
from .midi_driver import Told, driver_for
from .midi_map import Control, Map, kept, maps_of
from .midi_ports import Box, Ports
from .nodes import Node
from .takeover import Takeover, is_scale

_ROUND = 0.1  # seconds that are waited for a message
_WAITING = 1024  # messages that may wait; then the oldest are dropped
_LEARNING = 60.0  # seconds in which a control is waited for
_REMIND = 5.0  # seconds between two words that it is
_LEAVE = 0.25  # seconds in which the driver is to end, and then each worker
_MAY_BE_ALONE = frozenset({"/seed"})  # actions that take a number, or none

Message = dict[str, Any]  # as mido writes it down: type, and what that has


class Midi:
    """Listens to every controller that has a map."""

    def __init__(
        self, address_space: AddressSpace, folder: Path | None, *, wanted: str | None = None
    ) -> None:
        """`folder` holds maps of one's own; `wanted` names a port that needs no map to be opened.

        UserError when MIDI cannot be had at all. A map that is broken is told at the start.
        """
        self.address_space = address_space
        self.dropped = 0  # messages that came too fast
        self._supervisor: Supervisor | None = None
        self._untold: list[tuple[str, str]] = []  # faults from before the start
        self._driver = driver_for(self._queue)
        self._ports = Ports(self._driver, self._box_for, self._value, self._tell, self._say)
        self.maps = maps_of(folder, self._tell)
        for one in self.maps:
            self._tell_left_out(one)
        self._folder, self._wanted = folder, (wanted or "").strip()
        self._clock: Clock = time.monotonic
        self._workers: list[Worker] = []
        self._heard: SimpleQueue[tuple[float, Box, Message] | None] = SimpleQueue()
        self._lock = threading.Lock()  # of what is being learnt
        self._learning, self._learning_since, self._reminded = "", 0.0, 0.0
        self._tempo, self._led_by = MidiClock(), ""

    def start(self, supervisor: Supervisor) -> None:
        """Begin, and tell what was wrong with the maps."""
        self._supervisor = supervisor
        self._clock = self._ports.clock = supervisor.clock
        for text, kind in self._untold:
            self._tell(text, kind)
        self.address_space.learn = self.learn
        self._workers = [
            supervisor.employ("MIDI in", self._play, renew=lambda: None),
            supervisor.employ("MIDI", self._ports.tend, renew=self._ports.renew),
        ]

    def stop(self) -> None:
        """End within a second; a driver that does not let go is told and left behind."""
        self.address_space.learn = None
        self._heard.put(None)
        for worker in self._workers:
            worker.end()
        if not self._driver.end(_LEAVE):
            self._tell("the driver's process did not end in time and was left behind", "left")
        for worker in self._workers:
            assert self._supervisor is not None
            self._supervisor.dismiss(worker, _LEAVE)
        self._ports.boxes = {}

    @property
    def connected(self) -> list[str]:
        """Names of the ports that are heard."""
        return [name for name, box in list(self._ports.boxes.items()) if box.is_open]

    def _tell(self, text: str, kind: str = "") -> None:
        if self._supervisor is None:
            self._untold.append((text, kind))
        else:
            self._supervisor.faults.tell("MIDI", text, kind=kind)

    def _say(self, text: str) -> None:
        if self._supervisor is not None:
            self._supervisor.notices.say(text)

    # ---- for hands, from any thread

    def learn(self, address: str) -> None:
        """The next control that is moved plays this address; none ends learning.

        UserError where no control can play it.
        """
        if address and (why := self._hindrance(address)):
            raise UserError(
                f"/midi/learn: {cut(address)} {why}; learn a knob, a switch or a button"
            )
        with self._lock:
            self._learning, self._learning_since = address, self._clock()
        self._remind(f"move a control for {address}" if address else "no control is learnt")

    def learn_next(self) -> None:
        """Learn the first knob, then the next at each call, then none; key L does this."""
        addresses = [
            address
            for address, node in self.address_space.nodes.items()
            if node.knob is not None and not _hindrance(node)
        ]
        here = addresses.index(self._learning) if self._learning in addresses else -1
        self.learn(addresses[here + 1] if here + 1 < len(addresses) else "")

    def _remind(self, text: str) -> None:
        self._reminded = self._clock()
        self._say(text)

    # ---- what of a map can be played

    def _box_for(self, port: str) -> Box | None:
        found = next((m for m in self.maps if m.name.lower() in port.lower()), None)
        if found is None and self._wanted and self._wanted.lower() in port.lower():
            found = Map(self._wanted, ())
        if found is None:
            return None
        playable = self._playable(found)
        takeover = Takeover(
            playable, self._knob, self._value, self.address_space.receive, self._tell
        )
        return Box(port, found, takeover)

    def _playable(self, found: Map) -> Map:
        controls = tuple(c for c in found.controls if not self._hindrance(c.address))
        return replace(found, controls=controls)

    def _tell_left_out(self, found: Map) -> None:
        reasons = {c.address: self._hindrance(c.address) for c in found.controls}
        left = [f"{cut(address)} {why}" for address, why in reasons.items() if why]
        if left:
            text = f"{found.name}: {', '.join(left)}; what should play this is left out"
            self._tell(text, f"left out of {found.name}")

    def _hindrance(self, address: str) -> str:
        """Why no control can play an address; empty where one can."""
        node = self.address_space.nodes.get(address)
        if node is None:  # /cue/3 and /cue/words are actions of no node
            return "" if address.startswith("/cue/") else "is no address"
        return _hindrance(node)

    def _knob(self, address: str) -> Knob | None:
        node = self.address_space.nodes.get(address)
        return node.knob if node is not None else None

    def _value(self, address: str) -> Any:
        """The one value at an address; KeyError where there is none."""
        values = self.address_space.value(address)
        if len(values) != 1:
            raise KeyError(address)
        return values[0]

    # ---- messages

    def _queue(self, told: Told) -> None:
        """Keep what a controller says for the worker that plays; called in the driver's thread."""
        try:
            if "heard" in told and (box := self._ports.boxes.get(told["port"])) is not None:
                self._make_room()
                self._heard.put((self._clock(), box, told["heard"]))
            elif "lost" in told:
                self._tell(f"{told['port']}: a message was lost ({told['lost']})", "lost message")
            self._drop(told.get("dropped", 0))
        except Exception as error:  # whatever a driver hands over
            self._tell(f"a message was lost ({reason_of(error)})", "lost message")

    def _make_room(self) -> None:
        """Drop the oldest: where a fader stands now counts most."""
        while self._heard.qsize() >= _WAITING:
            try:
                self._heard.get_nowait()
            except Empty:  # the worker was faster
                return
            self._drop(1)

    def _drop(self, count: int) -> None:
        if count:
            self.dropped += count  # in the driver's thread alone
            self._tell(f"{self.dropped} messages were dropped; they come too fast", "dropped")

    def _play(self, shift: Shift) -> None:
        """Play one message, or wait a while for it."""
        try:
            heard = self._heard.get(timeout=_ROUND)
        except Empty:
            heard = None
        if heard is not None and not shift.over:
            self._hear_safely(*heard)
        if self._tempo.stopped(self._clock()):
            self._let_tempo_go()
        self._wait_for_a_control()

    def _hear_safely(self, at: float, box: Box, message: Message) -> None:
        try:
            self._hear(at, box, message)
        except Exception as error:  # the next message may do
            kind = str(message.get("type"))
            text = f"{box.name}: {cut(kind, 40)} was not played ({reason_of(error)})"
            self._tell(text, f"{type(error).__name__} in a message")

    def _hear(self, at: float, box: Box, message: Message) -> None:
        match message:
            case {"type": "control_change", "control": n, "value": value, "channel": channel}:
                if not self._learned(box, "cc", n, channel + 1):
                    box.takeover.change(n, value, channel + 1)
            case {"type": "note_on", "note": n, "velocity": force, "channel": channel}:
                if not (force and self._learned(box, "note", n, channel + 1)):
                    box.takeover.note(n, force, channel + 1)
            case {"type": "note_off", "note": n, "channel": channel}:
                box.takeover.note(n, 0, channel + 1)
            case {"type": "program_change", "program": program}:
                self._load(box, program)
            case {"type": "clock"} if box.map.clock:
                self._tick(at, box)
            case {"type": "pitchwheel" | "aftertouch" | "polytouch" as kind} if self._learning:
                self._remind(f"{kind} cannot be learnt; move another control")

    def _load(self, box: Box, program: int) -> None:
        names = list(self.address_space.presets())
        if program < len(names):
            self.address_space.receive("/preset/load", [names[program]])
        else:
            text = f"{box.name}: program {program + 1} is asked for; there are {len(names)} presets"
            self._tell(text, "program")

    # ---- the tempo of a clock

    def _tick(self, at: float, box: Box) -> None:
        bpm = self._tempo.tick(box.name, at)
        if bpm is not None:
            self._led_by = box.name
            self.address_space.follow(box.name, Tempo(bpm))
        if self._tempo.absurd:
            self._tell(f"{box.name}: its clock {self._tempo.absurd}", "clock")
            self._tempo.absurd = ""

    def _let_tempo_go(self) -> None:
        """What was set or tapped leads again, mostly nothing: music is listened to."""
        self.address_space.follow(self._led_by, None)
        bpm = self._value("/hear/bpm")
        what = f"{bpm:.1f} beats a minute" if bpm else "the tempo that is heard"
        self._say(f"the MIDI clock stopped; {what} from now on")

    # ---- learning

    def _learned(self, box: Box, kind: str, number: int, channel: int) -> bool:
        """Take a control into the map, where one is being learnt, and keep it on disk."""
        with self._lock:
            address, self._learning = self._learning, ""
        if not address:
            return False
        others = [c for c in box.map.controls if not c.hears(kind, number, channel)]
        if kind == "cc":
            control = Control(address, cc=number, channel=channel)
        else:
            held = self._is_range(address)  # a pad gives its force; it presses all else
            control = Control(address, note=number, channel=channel, momentary=held)
        learnt = replace(box.map, controls=(*others, control))
        self.maps = [learnt, *(m for m in self.maps if m.name != learnt.name)]
        for one in list(self._ports.boxes.values()):
            if one.map.name == learnt.name:
                one.map, one.takeover.map, one.anew = learnt, self._playable(learnt), True
        self._say(f"learnt: {address}")
        self._keep(learnt)
        return True

    def _is_range(self, address: str) -> bool:
        knob = self._knob(address)
        return knob is not None and not knob.choices and not isinstance(knob.default, bool)

    def _keep(self, learnt: Map) -> None:
        if self._folder is None:
            return
        try:
            kept(learnt, self._folder)
        except (OSError, UnicodeError) as error:
            self._tell(f"{self._folder}: the map cannot be kept ({reason_of(error)})", "kept")

    def _wait_for_a_control(self) -> None:
        now, address = self._clock(), self._learning
        if address and now - self._learning_since > _LEARNING:
            self.learn("")
        elif address and now - self._reminded > _REMIND:
            self._remind(f"move a control for {address}")


def _hindrance(node: Node) -> str:
    if node.write is None:
        return "can only be read"
    if node.knob is not None:
        return "" if is_scale(node.knob) else "is a list, which no control can play"
    alone = node.tags in ("N", "T") or node.address in _MAY_BE_ALONE
    return "" if alone else "needs words or numbers that no control can say"

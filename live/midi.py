"""MIDI ports: found by name, opened, lost and found again; messages to the map and lights back."""

import os
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Any

from synth.trouble import Trouble

from .controls import Controls
from .midimap import Control, Map, Takeover, maps_of, text_of
from .supervisor import Supervisor

_LOOK = 1.0  # seconds between two looks for controllers
_LIGHTS = 1 / 20  # seconds between two updates of their lights
_TICKS = 24  # of the clock in a beat
_BEATS = 4  # over which the clock's tempo is averaged


class Midi:
    """Listens to every controller that has a map, in threads of its own."""

    def __init__(
        self, controls: Controls, folder: Path | None, *, wanted: str | None = None
    ) -> None:
        """`folder` holds maps of one's own; `wanted` names a port that needs no map to be opened.

        Trouble when MIDI cannot be had at all, or a map is broken.
        """
        self.controls, self.trouble, self.notice = controls, "", ""
        self.maps = maps_of(folder)
        self._folder, self._wanted = folder, wanted
        self._mido = _mido()
        self._open: dict[str, tuple[Any, Any, Takeover]] = {}  # port: in, out, takeover
        self._learning = ""
        self._clock: deque[float] = deque(maxlen=_TICKS * _BEATS + 1)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="midi", daemon=True)
        controls.learn = self.learn

    def start(self, _supervisor: Supervisor) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2.0)
        for name in list(self._open):
            self._close(name)

    @property
    def connected(self) -> list[str]:
        """Names of the ports that are heard."""
        return list(self._open)

    def learn(self, address: str) -> None:
        """The next control that is moved plays this address; none ends learning."""
        self._learning = address
        self.notice = f"move a control for {address}" if address else ""

    def learn_next(self) -> None:
        """Learn the first knob, then the next at each call, then none; key L does this."""
        addresses = [a for a, node in self.controls.nodes.items() if node.knob is not None]
        here = addresses.index(self._learning) if self._learning in addresses else -1
        self.learn(addresses[here + 1] if here + 1 < len(addresses) else "")

    def _work(self) -> None:
        looked, known = 0.0, dict[str, list[Any]]()
        while not self._stop.wait(_LIGHTS):
            if time.monotonic() - looked >= _LOOK:
                looked = time.monotonic()
                self._look()
            known = self._light(known)

    def _look(self) -> None:
        try:
            there = set(self._mido.get_input_names())
        except Exception as error:  # drivers fail in many ways; all mean: not now
            self.trouble = f"MIDI cannot be read ({error})"
            return
        self.trouble = ""
        for name in set(self._open) - there:
            self._close(name)
            self.notice = f"{name} is gone; it is taken up again when it is back"
        for name in there - set(self._open):
            found = next((m for m in self.maps if m.name.lower() in name.lower()), None)
            if found is None and self._wanted and self._wanted.lower() in name.lower():
                found = Map(self._wanted, ())
            if found is not None:
                self._take_up(name, found)

    def _take_up(self, name: str, found: Map) -> None:
        takeover = Takeover(found, self._knob, self._value, self.controls.receive)
        try:
            source = self._mido.open_input(name, callback=lambda m: self._hear(m, takeover))
            outputs = [n for n in self._mido.get_output_names() if found.name.lower() in n.lower()]
            sink = self._mido.open_output(outputs[0]) if outputs else None
        except Exception as error:  # as above
            self.trouble = f"{name}: cannot be opened ({error})"
            return
        self._open[name] = (source, sink, takeover)
        self.notice = f"{name} plays"

    def _close(self, name: str) -> None:
        source, sink, _ = self._open.pop(name)
        for port in (source, sink):
            try:
                if port is not None:
                    port.close()
            except Exception as error:  # it is gone; say why it went badly
                self.trouble = f"{name}: closing failed ({error})"

    def _knob(self, address: str) -> Any:
        node = self.controls.nodes.get(address)
        return node.knob if node is not None else None

    def _value(self, address: str) -> Any:
        return self.controls.value(address)[0]

    def _hear(self, message: Any, takeover: Takeover) -> None:
        """One message, in the driver's thread; nothing it may hold raises."""
        match message.type:
            case "control_change":
                if not self._learned(takeover, cc=message.control):
                    takeover.change(message.control, message.value, message.channel + 1)
            case "note_on" | "note_off":
                velocity = message.velocity if message.type == "note_on" else 0
                if not (velocity and self._learned(takeover, note=message.note)):
                    takeover.note(message.note, velocity, message.channel + 1)
            case "program_change":
                names = list(self.controls.presets())
                if message.program < len(names):
                    self.controls.receive("/preset/load", [names[message.program]])
            case "clock" if takeover.map.clock:
                self._tick(time.monotonic())

    def _tick(self, now: float) -> None:
        self._clock.append(now)
        if len(self._clock) == self._clock.maxlen and len(self._clock) > 1:
            seconds = (self._clock[-1] - self._clock[0]) / _BEATS
            self._clock = deque(list(self._clock)[-1:], maxlen=self._clock.maxlen)
            self.controls.receive("/hear/bpm", [round(60 / seconds, 1)])

    def _learned(self, takeover: Takeover, **place: int) -> bool:
        """Take a control into the map, where one is being learnt, and keep it on disk."""
        address, self._learning = self._learning, ""
        if not address:
            return False
        control = Control(address, place.get("cc"), place.get("note"))
        same = [c for c in takeover.map.controls if (c.cc, c.note) != (control.cc, control.note)]
        takeover.map = Map(takeover.map.name, (*same, control), takeover.map.clock)
        self.notice = f"learnt: {address}"
        if self._folder is not None:
            try:
                self._folder.mkdir(parents=True, exist_ok=True)
                name = "".join(c if c.isalnum() else "-" for c in takeover.map.name.lower())
                (self._folder / f"{name}.toml").write_text(text_of(takeover.map), "utf-8")
            except OSError as error:
                self.trouble = f"{self._folder}: the map cannot be kept ({error.strerror})"
        return True

    def _light(self, known: dict[str, list[Any]]) -> dict[str, list[Any]]:
        values = self.controls.values(senses=False)
        news = {a: v for a, v in values.items() if known.get(a) != v and v}
        for _, sink, takeover in self._open.values():
            for address, value in news.items() if sink is not None else ():
                for kind, number, level, channel in takeover.lights(address, value[0]):
                    self._send(sink, kind, number, level, channel)
        return values

    def _send(self, sink: Any, kind: str, number: int, level: int, channel: int) -> None:
        names = {
            "cc": ("control_change", "control", "value"),
            "note": ("note_on", "note", "velocity"),
        }
        what, where, how = names[kind]
        try:
            sink.send(self._mido.Message(what, channel=channel, **{where: number, how: level}))
        except Exception as error:  # a controller that was just pulled out
            self.trouble = f"MIDI cannot be sent ({error})"


def _mido() -> Any:
    try:
        import mido

        if not os.environ.get("MIDO_BACKEND") and sys.platform == "linux":
            Path("/dev/snd/seq").stat()  # without it ALSA complains on the terminal
        mido.get_input_names()
    except ImportError:
        raise Trouble(
            "MIDI needs mido and python-rtmidi; pip install 'latent-jockey[midi]', or use OSC"
        ) from None
    except Exception as error:  # no driver, no server, no rights
        raise Trouble(f"MIDI cannot be had here ({error}); use OSC") from None
    return mido

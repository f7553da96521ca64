"""The doors through which controllers reach a show: OSC, OSCQuery and MIDI."""

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from synth.trouble import Trouble

if TYPE_CHECKING:
    from live.controls import Controls
    from live.show import Show

_LOOPBACK = ("127.", "localhost", "::1")


class Doors:
    """Opened before the show. A door that cannot be opened is told, and the show goes on."""

    def __init__(
        self,
        show: "Show",
        osc: str,
        allow: str | None,
        oscquery: str,
        midi: str,
        *,
        page: bool,
    ) -> None:
        from live.controls import Controls
        from live.midi import Midi
        from live.osc import OscPort, place_of
        from live.oscquery import OscQuery

        self.lines: list[str] = []
        self._port: OscPort | None = None
        self._query: OscQuery | None = None
        self._midi: Midi | None = None
        controls = Controls(show)
        places = {
            option: place_of(text, option)
            for option, text in (("--osc", osc), ("--oscquery", oscquery))
            if text != "off"
        }
        try:
            if "--osc" in places:
                hosts = [host.strip() for host in allow.split(",")] if allow else []
                self._port = OscPort(controls, places["--osc"], allowed=hosts)
                self._port.start()
            if "--oscquery" in places:
                host, _ = places["--oscquery"]
                token = "" if host.startswith(_LOOPBACK) else secrets.token_urlsafe(12)
                query = OscQuery(controls, places["--oscquery"], self._port, token=token, page=page)
                query.start()
                self._query = query
                address = f"http://{query.place[0]}:{query.place[1]}/"
                secret = f"?token={token}" if token else ""
                self.lines.append(f"OSCQuery at {address}{secret}")
                if page:
                    self.lines.append(f"control page at {address}page/index.html{secret}")
        except Trouble as trouble:
            show.supervisor.faults.tell("doors", str(trouble))
            self.lines.append(str(trouble))
        if self._port is not None:
            self.lines.append(f"OSC at {self._port.place[0]}:{self._port.place[1]}")

        if midi != "off":
            self._open_midi(show, controls, midi)

    def _open_midi(self, show: "Show", controls: "Controls", wanted: str) -> None:
        """Every controller with a map; quietly none, where MIDI was not asked for by name."""
        from live.midi import Midi

        folder = Path(platformdirs.user_config_dir("latent-jockey")) / "midi"
        try:
            midi = Midi(controls, folder, wanted=None if wanted == "auto" else wanted)
        except Trouble as trouble:
            if wanted != "auto":
                show.supervisor.faults.tell("doors", str(trouble))
                self.lines.append(str(trouble))
            return
        midi.start()
        self._midi = midi
        show.learn = midi.learn_next
        self.lines.append("MIDI: controllers with a map are taken up as they are plugged in")

    def close(self) -> None:
        for door in (self._query, self._port, self._midi):
            if door is not None:
                door.stop()

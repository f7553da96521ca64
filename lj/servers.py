"""The servers through which controllers reach a show: OSC, OSCQuery and page, mDNS, MIDI."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Protocol

import platformdirs

from synth.errors import UserError

if TYPE_CHECKING:
    import numpy as np

    from live.control.network_addresses import Network, Place
    from live.deck import Deck
    from live.supervisor import Supervisor
    from synth.sink import Sink

_CLOSING = 1.0  # seconds for all servers together


@dataclass(frozen=True)
class Wanted:
    """The servers' options, understood; a place is None where there is none."""

    osc: "Place | None"
    allowed: "tuple[Network, ...]"
    receivers: "tuple[Place, ...]"
    oscquery: "Place | None"
    page: bool
    midi: str

    @classmethod
    def of(
        cls,
        osc: str,
        osc_allow: str | None,
        osc_to: Sequence[str] | None,
        oscquery: str,
        page: bool,
        midi: str,
    ) -> "Wanted":
        """From the command line; UserError for what cannot be understood."""
        from live.control.access import networks_of
        from live.control.network_addresses import place_of

        if page and oscquery == "off":
            raise UserError("--page is served at --oscquery, which is off; leave it on")
        return cls(
            None if osc == "off" else place_of(osc, "--osc"),
            networks_of(osc_allow, "--osc-allow"),
            tuple(place_of(text, "--osc-to") for text in osc_to or ()),
            None if oscquery == "off" else place_of(oscquery, "--oscquery"),
            page,
            midi,
        )


class Server(Protocol):
    """Something that was opened."""

    def start(self, supervisor: "Supervisor") -> None:
        """Serve from now on."""
        ...

    def stop(self) -> None:
        """Serve no more."""
        ...


class Servers:
    """Opened before the show. A server that cannot be opened is told, and the others open."""

    def __init__(self, deck: "Deck", wanted: Wanted) -> None:
        from live.control.address_space import AddressSpace
        from live.control.osc import OscPort

        self.lines: list[str] = []  # for the terminal
        self.address = ""  # of the control page, or of OSCQuery where there is no page
        self.code: np.ndarray | None = None  # the page's address for phones
        self.learn: Callable[[], None] | None = None  # what a MIDI control shall turn
        self.sinks: list[tuple[str, Sink]] = []  # by their names: what shall be fed pictures
        self._supervisor, self._wanted = deck.supervisor, wanted
        self._controls = AddressSpace(deck)
        self._port = OscPort(self._controls)
        self._services: list[tuple[str, Place]] = []  # what mDNS may tell
        self._servers: list[Server] = []
        openings: list[tuple[str, Callable[[], None]]] = [
            ("OSC in", self._hear),
            *(("OSC out", partial(self._tell, receiver)) for receiver in wanted.receivers),
            ("OSC in", self._begin_osc),
            ("HTTP", self._serve),
            ("HTTP", self._draw_code),
            ("mDNS", self._announce),
            ("MIDI", self._play),
        ]
        for part, opening in openings:
            self._open(part, opening)

    def _open(self, part: str, opening: Callable[[], None]) -> None:
        try:
            opening()
        except UserError as trouble:
            text = str(trouble)
        except ImportError as error:
            text = f"{part} needs {error.name}; pip install 'latent-jockey[live]'"
        except OSError as error:
            text = f"{part} cannot be opened ({error.strerror})"
        else:
            return
        self._supervisor.faults.tell(part, text)

    def _add(self, server: Server) -> None:
        server.start(self._supervisor)
        self._servers.append(server)

    # ---- OSC: one port hears and tells

    def _hear(self) -> None:
        from live.control.network_addresses import written

        if self._wanted.osc is not None:
            self._port.listen(self._wanted.osc, self._wanted.allowed)
            self._services.append(("_osc._udp", self._port.place))
            self.lines.append(f"OSC at {written(self._port.place)}")

    def _tell(self, receiver: "Place") -> None:
        from live.control.network_addresses import written

        self._port.always_tell(receiver)
        self.lines.append(f"OSC to {written(receiver)}")

    def _begin_osc(self) -> None:
        if self._port.is_needed:
            self._add(self._port)

    # ---- HTTP, and being found

    def _serve(self) -> None:
        from live.control.control_page import ControlPage
        from live.control.mdns import host_name
        from live.control.network_addresses import reachable, written
        from live.control.oscquery import OscQuery
        from live.output.preview import Preview

        place, page = self._wanted.oscquery, self._wanted.page
        if place is None:
            return
        osc = self._port.place if self._port.place[1] else None
        preview = Preview()
        shown = ControlPage(preview.jpeg) if page else None
        query = OscQuery(self._controls, place, osc, page=shown, names=[host_name(place[1])])
        self._add(query)
        if page:
            self.sinks.append(("page", preview))
        self._services.append(("_oscjson._tcp", query.place))
        secret = f"?token={query.token}" if query.token else ""
        roots = [f"http://{written((host, place[1]))}" for host in reachable(query.place[0])]
        self.lines.append("OSCQuery at " + " or ".join(f"{root}/{secret}" for root in roots))
        self.address = f"{roots[0]}/{secret}"
        if page:
            self.address = f"{roots[0]}/page{secret}"
            self.lines.append(f"control page at {self.address}")

    def _draw_code(self) -> None:
        """Where phones can open the page."""
        from live.control.network_addresses import is_loopback
        from live.output.qr_code import modules

        if self._wanted.page and self.address and not is_loopback(self._services[-1][1][0]):
            self.code = modules(self.address)

    def _announce(self) -> None:
        from live.control.mdns import Announcement, Service

        self._add(Announcement([Service(kind, *place) for kind, place in self._services]))

    # ---- MIDI

    def _play(self) -> None:
        """Every controller with a map; quietly none, where MIDI was not asked for by name."""
        from live.control.midi import Midi

        wanted = self._wanted.midi
        if wanted == "off":
            return
        folder = Path(platformdirs.user_config_dir("latent-jockey")) / "midi"
        try:
            midi = Midi(self._controls, folder, wanted=None if wanted == "auto" else wanted)
        except UserError:
            if wanted == "auto":
                return
            raise
        self._add(midi)
        self.learn = midi.learn_next
        self.lines.append("MIDI: controllers with a map are taken up as they are plugged in")

    def close(self) -> None:
        """Close all servers at once, for each may wait for its peers; a second time is nothing."""
        servers, self._servers = self._servers, []
        closing = [Thread(target=server.stop, daemon=True) for server in servers]
        for thread in closing:
            thread.start()
        end = time.monotonic() + _CLOSING
        for thread in closing:
            thread.join(max(0.0, end - time.monotonic()))

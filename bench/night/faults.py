"""Everything that goes wrong in a night, one row a kind."""

import os
import random
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from bench.hands import mutated
from live.control.inbox import RATE
from live.control.osc_packets import packet_of

from . import packets, web
from .player import Player
from .venue import CUES, Venue

_TRIED_SECONDS = 20  # in which a flood must have come about
_PACE = 0.0005  # seconds between two packets that are not meant as a flood


@dataclass
class Hall:
    """What faults are done to."""

    venue: Venue
    player: Player
    chance: random.Random
    crowd: web.Crowd = field(init=False)
    ahead: float = 0.0  # seconds by which the show's own clock is ahead

    def __post_init__(self) -> None:
        self.crowd = web.Crowd(self.venue.http)

    def ask(self, what: str, **given: Any) -> dict[str, Any]:
        return self.player.ask(what, **given)

    def later(self) -> float:
        """Half a minute more; such a clock never goes back."""
        self.ahead += 30.0
        return self.ahead

    def send(self, datagrams: Sequence[bytes], pace: float = _PACE) -> None:
        """To the show's OSC port."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for datagram in datagrams:
                sender.sendto(datagram, ("127.0.0.1", self.venue.osc))
                time.sleep(pace)


Done = Callable[[Hall], object]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault: what is done, what must be told of it, and how it is mended."""

    name: str
    do: Done
    undo: Done = lambda _hall: None
    seconds: float = 0.0  # from the one to the other
    part: str = ""  # a pattern of the part that tells; nothing need be told where there is none
    words: str = ""  # a pattern of its words
    check: Callable[[Hall], str] = lambda _hall: ""  # what is wrong once it is mended; "" is well
    needs: str = ""  # of the venue: midi, xdotool
    still: float = 1.0  # seconds that may pass between two new pictures

    @property
    def is_told(self) -> bool:
        """Whether the show must say something; else it need only be well."""
        return bool(self.part)


# ---- sound


def _swap_server(hall: Hall) -> None:
    hall.venue.server.kill()
    hall.venue.server.start()


def _lost_sound(name: str, do: Done, undo: Done, seconds: float) -> Kind:
    return Kind(name, do, undo, seconds, "capture", "no sound|input stopped|does not answer")


_SOUND = (
    _lost_sound(
        "sound server killed",
        lambda hall: hall.venue.server.kill(),
        lambda hall: hall.venue.server.start(),
        6.0,
    ),
    _lost_sound(
        "sound server stopped",
        lambda hall: hall.venue.server.pause(),
        lambda hall: hall.venue.server.resume(),
        8.0,
    ),
    _lost_sound("sound server swapped", _swap_server, lambda _hall: None, 0.0),
)

# ---- the instrument


def _draw(
    name: str, how: str, seconds: float, words: str, *, every: bool = False, still: float = 1.0
) -> Kind:
    return Kind(
        name,
        lambda hall: hall.ask("draw", how=how, seconds=seconds, every=every),
        seconds=seconds,
        part="drawing",
        words=words,
        still=still,
    )


def _hear(name: str, how: str, seconds: float, words: str, still: float) -> Kind:
    return Kind(
        name,
        lambda hall: hall.ask("hear", how=how, seconds=seconds),
        seconds=seconds,
        part="analysis",
        words=words,
        still=still,
    )


_FOUND = 3.0  # seconds until a thread that hangs is found, and another one does its work
_TRIED = 2.0  # seconds between two attempts, where nothing else can be had

_INSTRUMENT = (
    _draw("generator raises", "raise", 3.0, "told to fail"),
    _draw("generator hangs for good", "hang", 6.0, "has not come round", still=_FOUND),
    _draw("generator out of memory", "memory", 3.0, "OutOfMemory"),
    _draw("generator gives rubbish", "rubbish", 2.0, "frames of shape"),
    _draw("generator ends its thread", "die", 2.0, "thread died"),
    _draw("every generator raises", "raise", 3.0, "to fail", every=True, still=3.5 + _TRIED),
    _hear("analysis raises", "raise", 1.0, "told to fail", still=2.0),
    _hear("analysis hangs", "hang", 3.0, "has not come round", still=_FOUND),
)

# ---- presets and banks


def _preset(name: str, do: Done, words: str, seconds: float = 4.0) -> Kind:
    def done(hall: Hall) -> None:
        _play_the_file(hall)
        do(hall)

    return Kind(name, done, lambda hall: hall.venue.write_look(), seconds, "presets|preset", words)


def _play_the_file(hall: Hall) -> None:
    """Packets of chance may have loaded another look."""

    def plays() -> bool:
        hall.send([packet_of("/preset/load", [hall.venue.look.stem])])
        return web.wait_until(lambda: hall.ask("status")["plays_file"], 1.0)

    if not web.wait_until(plays, 10.0):
        raise RuntimeError("the file of the look does not play")


def _fifo(hall: Hall) -> None:
    hall.venue.look.unlink()
    os.mkfifo(hall.venue.look)


def _hung_path(hall: Hall) -> None:
    hall.ask("read", how="hang", seconds=6.0)
    hall.venue.write_look()


def _cued(hall: Hall) -> str:
    """Whether each keyframe still comes when it is asked for."""
    for number, text in enumerate(CUES):
        hall.send([packet_of("/cue", [number])])

        def shows(text: str = text) -> bool:
            return bool(hall.ask("status")["cue"] == text)

        if not web.wait_until(shows, 5.0):
            return f"cue {number} does not come"
    hall.send([packet_of("/cue/release", [])])
    return ""


def _bank_gone(hall: Hall) -> None:
    hall.venue.bank.rename(hall.venue.bank.with_suffix(".gone"))


def _bank_back(hall: Hall) -> None:
    hall.venue.bank.with_suffix(".gone").rename(hall.venue.bank)


def _bank_broken(hall: Hall) -> None:
    whole = hall.venue.bank.read_bytes()
    _bank_gone(hall)
    hall.venue.bank.write_bytes(whole[:100] + hall.chance.randbytes(1000))


_FILES = (
    _preset("preset broken", lambda hall: hall.venue.write_look("[steer\ntruncation = "), "TOML"),
    _preset("preset emptied", lambda hall: hall.venue.write_look(""), "empty"),
    _preset("preset removed", lambda hall: hall.venue.look.unlink(), "no such"),
    _preset("preset huge", lambda hall: hall.venue.write_look("#" * 10_000_000), "larger"),
    _preset(
        "preset nested a thousand deep",
        lambda hall: hall.venue.write_look("a = " + "[" * 5000 + "]" * 5000),
        "nested",
    ),
    _preset("preset is a pipe", _fifo, "no file|empty"),
    _preset("preset on a hung path", _hung_path, "has not come round", 7.0),
    Kind("bank gone", _bank_gone, _bank_back, 1.0, check=_cued),
    Kind("bank broken", _bank_broken, _bank_back, 1.0, check=_cued),
)

# ---- disks and descriptors


def _disk(name: str, how: str, seconds: float, words: str) -> Kind:
    return Kind(
        name,
        lambda hall: hall.ask("keep", how=how, seconds=seconds),
        lambda hall: hall.ask("kept"),
        seconds,
        "writing (small|stuck)",
        words,
    )


def _report_gone(hall: Hall) -> None:
    place = hall.venue.folder / ".report.json.writing"
    place.mkdir()  # what cannot be written over


def _report_back(hall: Hall) -> None:
    (hall.venue.folder / ".report.json.writing").rmdir()


_DISKS = (
    _disk("disk full under a film", "film", 15.0, "written no further"),
    _disk("disk full under a log", "log", 5.0, "written no further"),
    _disk("disk hangs", "hang", 6.0, "has not come round"),
    Kind("report cannot be written", _report_gone, _report_back, 12.0, "report", "rror"),
    Kind(
        "descriptors used up",
        lambda hall: hall.ask("descriptors", hold=True),
        lambda hall: hall.ask("descriptors", hold=False),
        12.0,
        ".*",
        "Too many open files|descriptors",
    ),
)

# ---- controllers and the network


def _flood(hall: Hall) -> None:
    """Three seconds, each of which has more than the show takes; a slow machine needs more."""
    full = 0
    for _ in range(_TRIED_SECONDS):
        begun, sent = time.monotonic(), 0
        while time.monotonic() < begun + 1.0:
            hall.send([packet_of("/steer/truncation", [0.5])] * 500, pace=0.0)
            sent += 500
        full += sent > 2 * RATE
        if full == 3:
            return
    raise RuntimeError("this machine sends too few packets for a flood")


def _rubbish(hall: Hall) -> None:
    kept = mutated(200_000)
    for _ in range(hall.chance.randrange(1000)):
        next(kept)
    hall.send([next(kept) for _ in range(2000)])


def _hostile(hall: Hall) -> None:
    one = packets.message("/steer/truncation", "f", b"\x3f\0\0\0")
    deep = one
    for _ in range(12):
        deep = packets.bundle([deep])
    cue = packets.bundle([packets.message("/cue/" + "9" * 5000, "")])
    timed = packets.Packet(cue, 1, 0.2).timed(time.time())
    nested = [
        packets.message("/steer/classes", "[" * 1500 + tail) for tail in ("", "i", "]" * 1500)
    ]
    clocks = [packet_of("/tap", [])] * 2
    hall.send([deep, timed, *nested, *clocks, packets.bundle([one] * 400)] * 5)


def _far_future(hall: Hall) -> None:
    one = packets.Packet(packets.bundle([packet_of("/steer/kick", [0.5])]), 1, 30.0)
    hall.send([one.timed(time.time()) for _ in range(5000)])


def _websocket_flood(hall: Hall) -> None:
    """As much as the show takes in five seconds; its own pace holds the sender back."""
    turn = web.frame(packet_of("/steer/kick", [0.5]))
    with web.websocket(hall.venue.http) as peer, suppress(OSError):  # to be turned away will do
        for _ in range(400):
            peer.sendall(turn * 50)


def _subscribers(hall: Hall) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind(("127.0.0.1", 0))
        port = sender.getsockname()[1]
    hall.send([packet_of("/subscribe", [port])] + [packet_of("/subscribe", [])] * 200)


def _answers(hall: Hall) -> str:
    answered = web.wait_until(lambda: web.answered(hall.venue.http) == 200, 10.0)
    return "" if answered else "the web server does not answer"


def _idle(hall: Hall) -> None:
    hall.crowd.gather(200)


def _slow(hall: Hall) -> None:
    hall.crowd.gather(20, web.begun(hall.venue.http))
    end = time.monotonic() + 20.0
    while time.monotonic() < end and hall.crowd.held:
        hall.crowd.murmur(b"X: y\r\n")
        time.sleep(1.0)


def _slow_gone(hall: Hall) -> str:
    held = hall.crowd.held
    hall.crowd.leave()
    return f"{held} of 20 slow peers were still served" if held else _answers(hall)


def _strange(hall: Hall) -> dict[str, int]:
    """What is answered to requests that no page of ours makes."""
    port = hall.venue.http
    return {
        "another Host": web.answered(port, Host="evil.example"),
        "another Origin": web.answered(port, Origin="http://evil.example"),
        "another site": web.answered(port, **{"Sec-Fetch-Site": "cross-site"}),
    }


def _strangers(hall: Hall) -> str:
    wrong = [f"{name}: {status}" for name, status in _strange(hall).items() if status != 403]
    return "; ".join(wrong) or _answers(hall)


def _osc(name: str, do: Done, words: str) -> Kind:
    return Kind(name, do, seconds=1.0, part="OSC", words=words, check=_answers)


_NETWORK = (
    _osc("flood of packets", _flood, "more than|came faster"),
    _osc("rubbish packets", _rubbish, "no OSC"),
    _osc("hostile packets", _hostile, "no OSC"),
    _osc("bundles for the far future", _far_future, "wait"),
    Kind("hundreds of subscriptions", _subscribers, seconds=2.0, check=_answers),
    Kind(
        "flood by websocket",
        _websocket_flood,
        seconds=1.0,
        part="HTTP",
        words="more than",
        check=_answers,
    ),
    Kind(
        "two hundred idle peers",
        _idle,
        lambda hall: hall.crowd.leave(),
        5.0,
        "HTTP|doors",
        "connection|peers|many",
        _answers,
    ),
    Kind("slow peers", _slow, check=_slow_gone),
    Kind("requests of strangers", _strange, part="HTTP", words="refused", check=_strangers),
    Kind(
        "controller pulled out",
        lambda hall: hall.venue.controller.kill(),
        lambda hall: hall.venue.controller.start(),
        4.0,
        "MIDI|notice",
        "gone",
        needs="midi",
    ),
    Kind(
        "MIDI server killed",
        lambda hall: hall.venue.kill_midi(),
        lambda hall: hall.venue.start_midi(),
        5.0,
        "MIDI",
        "are lost|has not come round",
        needs="midi",
    ),
)

# ---- the window, the clock, the whole


def _sizes(hall: Hall) -> None:
    for size in ((1, 1), (700, 2), (1, 360), (640, 360)):
        hall.venue.resize(*size)
        time.sleep(0.5)


def _no_monitor(hall: Hall) -> None:
    hall.ask("monitors", there=False)
    hall.ask("key", key="f")


def _monitor_back(hall: Hall) -> None:
    hall.ask("monitors", there=True)
    time.sleep(1.0)
    hall.ask("key", key="f")


def _step_wall(hall: Hall) -> None:
    """Bundles wait while the wall clock steps an hour on, and back again."""
    waiting = packets.Packet(packets.bundle([packet_of("/steer/kick", [0.3])]), 1, 5.0)
    hall.send([waiting.timed(time.time())] * 10)
    hall.ask("wall", more=3600.0)
    time.sleep(2.0)
    hall.ask("wall", more=-3600.0)
    hall.send([waiting.timed(time.time())] * 10)
    time.sleep(2.0)


_STAGE = (
    Kind("window to odd sizes", _sizes, needs="xdotool"),
    Kind(
        "window to 0x0",
        lambda hall: hall.ask("framebuffer", there=False),
        lambda hall: hall.ask("framebuffer", there=True),
        5.0,
    ),
    Kind("monitor gone", _no_monitor, _monitor_back, 4.0, "window", "monitor"),
    Kind("graphics context lost", lambda hall: hall.ask("context"), part="window", words="context"),
    Kind(
        "driver raises",
        lambda hall: hall.ask("screen", how="raise", seconds=0.5),
        seconds=0.5,
        part="main loop|window",
        words="told to fail",
    ),
    Kind(
        "wall clock steps", _step_wall, lambda hall: hall.ask("wall", more=0.0), 2.0, check=_answers
    ),
    Kind(
        "clock steps half a minute on",
        lambda hall: hall.ask("clock", more=hall.later()),
        part="supervisor",
        words="stood still",
    ),
    Kind(
        "the whole stopped for 5 s",
        lambda hall: hall.player.stand_still(5.0),
        part="supervisor",
        words="stood still",
    ),
)

# Whatever is allocated once belongs into the warming up: both steps of the ladder do.
FIRST: tuple[Kind, ...] = _INSTRUMENT
KINDS: tuple[Kind, ...] = (*_SOUND, *_INSTRUMENT, *_FILES, *_DISKS, *_NETWORK, *_STAGE)

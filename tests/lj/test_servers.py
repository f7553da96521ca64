"""The servers of a show: each opens by itself, and each that does not is told."""

import json
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from live.audio.file_player import Playback
from live.control.network_addresses import interfaces
from live.control.osc_packets import packet_of
from live.engine.parameters import Parameters
from live.show import Show
from lj.servers import Servers, Wanted
from synth.errors import UserError
from synth.settings.preset import preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.lj.terminal import Terminal

HERE = str(next(i.ip for i in interfaces() if i.version == 4))
Opening = Callable[..., Servers]


def free(kind: socket.SocketKind = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wanted(**options: Any) -> Wanted:
    closed: dict[str, Any] = {
        "osc": "off",
        "osc_allow": None,
        "osc_to": [],
        "oscquery": "off",
        "page": False,
        "midi": "off",
    }
    return Wanted.of(**closed | options)


@pytest.fixture
def show(tmp_path: Path) -> Show:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.silence(1))
    return show_of(Playback(song, aloud=False), Parameters(preset_of("silk"), [], None), Lamp(), [])


@pytest.fixture
def opened(show: Show) -> Iterator[Opening]:
    """Opens servers, and closes them in the end."""
    opened: list[Servers] = []

    def opening(**options: Any) -> Servers:
        opened.append(Servers(show.deck, wanted(**options)))
        return opened[-1]

    yield opening
    for servers in opened:
        servers.close()


def told(show: Show) -> list[tuple[str, str]]:
    return [(fault.part, fault.text) for fault in show.supervisor.faults]


def page_at(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=5) as answer:
        return bytes(answer.read())


def test_a_taken_osc_port_does_not_close_the_page(show: Show, opened: Opening) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        osc, http = taken.getsockname()[1], free()
        servers = opened(osc=f"127.0.0.1:{osc}", oscquery=f"127.0.0.1:{http}", page=True)
    sentence = f"--osc 127.0.0.1:{osc}: Address already in use; use another"
    assert told(show) == [("OSC in", sentence)]
    assert f"control page at http://127.0.0.1:{http}/page" in servers.lines
    assert b"<title>Latent Jockey" in page_at(servers.address)
    assert b'"OSC_PORT"' not in page_at(f"http://127.0.0.1:{http}/?HOST_INFO")


def test_a_taken_page_does_not_close_osc(show: Show, opened: Opening) -> None:
    osc = free(socket.SOCK_DGRAM)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        http = taken.getsockname()[1]
        servers = opened(osc=f"127.0.0.1:{osc}", oscquery=f"127.0.0.1:{http}", page=True)
    sentence = f"--oscquery 127.0.0.1:{http}: Address already in use; use another"
    assert told(show) == [("HTTP", sentence)]
    assert f"OSC at 127.0.0.1:{osc}" in servers.lines
    assert servers.address == ""
    assert servers.code is None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(packet_of("/steer/kick", [0.125]), ("127.0.0.1", osc))
    end = time.monotonic() + 2
    while show.deck.parameters.wanted.steer.kick != 0.125:
        assert time.monotonic() < end


def test_osc_that_is_open_to_others_names_them_or_stays_closed(show: Show, opened: Opening) -> None:
    osc, http = free(socket.SOCK_DGRAM), free()
    servers = opened(osc=f"0.0.0.0:{osc}", oscquery=f"127.0.0.1:{http}")
    assert servers.lines == [f"OSCQuery at http://127.0.0.1:{http}/"]
    ((part, text),) = told(show)
    assert part == "OSC in"
    assert "is open to others; say who is heard with --osc-allow, such as --osc-allow" in text
    assert opened(osc=f"0.0.0.0:{osc}", osc_allow=HERE).lines == [f"OSC at 0.0.0.0:{osc}"]


def test_each_receiver_is_named_by_itself(show: Show, opened: Opening) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lamps:
        lamps.bind(("127.0.0.1", 0))
        lamps.settimeout(5)
        place = f"127.0.0.1:{lamps.getsockname()[1]}"
        servers = opened(osc_to=["lamp.invalid:9000", "0.0.0.0:9000", place])
        assert lamps.recv(4096).startswith(b"/")
    assert servers.lines == [f"OSC to {place}"]
    (first, second) = (one for one in told(show) if "--osc-to" in one[1])
    assert first[0] == second[0] == "OSC out"
    assert "--osc-to lamp.invalid:9000: there is no such host" in first[1]
    assert "--osc-to 0.0.0.0:9000 is not one host" in second[1]


def test_what_is_printed_can_be_opened_from_a_phone(show: Show, opened: Opening) -> None:
    """Bound everywhere, so at this machine's address; with its token, and as a picture."""
    http = free()
    servers = opened(oscquery=f"0.0.0.0:{http}", page=True)
    assert told(show) == []
    assert servers.address.startswith(f"http://{HERE}:{http}/page?token=")
    assert not any("0.0.0.0" in line for line in servers.lines)
    assert b"<title>Latent Jockey" in page_at(servers.address)
    assert servers.code is not None
    assert servers.code.dtype == bool
    oscquery = next(line for line in servers.lines if line.startswith("OSCQuery at "))
    assert json.loads(page_at(oscquery.split()[2]))["FULL_PATH"] == "/"


@pytest.mark.parametrize(("place", "host"), [("[::1]", "[::1]"), ("localhost", "127.0.0.1")])
def test_any_way_to_write_this_machine_is_understood(
    show: Show, opened: Opening, place: str, host: str
) -> None:
    http = free()
    servers = opened(oscquery=f"{place}:{http}", page=True)
    assert told(show) == []
    assert servers.address == f"http://{host}:{http}/page"
    assert b"<title>Latent Jockey" in page_at(servers.address)
    assert servers.code is None, "no phone reaches it"


def test_mdns_is_silent_while_all_is_on_loopback(show: Show, opened: Opening) -> None:
    opened(osc=f"127.0.0.1:{free(socket.SOCK_DGRAM)}", oscquery=f"127.0.0.1:{free()}")
    assert "mDNS" not in {worker.name for worker in show.supervisor.workers}
    opened(oscquery=f"{HERE}:{free()}")
    assert "mDNS" in {worker.name for worker in show.supervisor.workers}


def test_a_package_that_is_missing_is_named(
    show: Show, opened: Opening, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "segno", None)
    servers = opened(oscquery=f"0.0.0.0:{free()}", page=True)
    assert told(show) == [
        ("HTTP", "a QR code needs segno; pip install 'latent-jockey[live]'"),
    ]
    assert servers.address.startswith("http://")


def test_all_doors_close_within_a_second(show: Show) -> None:
    osc, http = free(socket.SOCK_DGRAM), free()
    servers = Servers(
        show.deck,
        wanted(osc=f"0.0.0.0:{osc}", osc_allow=HERE, oscquery=f"0.0.0.0:{http}", page=True),
    )
    peers = [socket.create_connection(("127.0.0.1", http)) for _ in range(20)]
    time.sleep(1.5)  # until it is announced
    begun = time.monotonic()
    servers.close()
    assert time.monotonic() - begun < 1.2
    for peer in peers:
        peer.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"osc": "9000"}, "--osc is 9000; write it as HOST:PORT"),
        ({"oscquery": "::1:9001"}, "--oscquery is ::1:9001; write it as HOST:PORT"),
        ({"page": True}, "--page is served at --oscquery, which is off"),
        ({"osc_to": ["lamp"]}, "--osc-to is lamp; write it as HOST:PORT"),
        ({"osc_allow": "lamp"}, "--osc-allow is lamp .*write IP addresses or networks"),
        ({"osc_allow": "10.0.0.0/33"}, "--osc-allow is 10.0.0.0/33 .*write IP addresses or net"),
    ],
)
def test_what_cannot_be_understood_is_told_before_the_show(
    options: dict[str, Any], says: str
) -> None:
    with pytest.raises(UserError, match=says):
        wanted(**options)


def test_a_show_goes_on_with_a_door_closed(terminal: Terminal) -> None:
    http = free()
    words = ("live", "--file", "song.wav", "--no-window", "--size", "128", "--seconds", "1")
    servers = ("--osc", "0.0.0.0:9000", "--oscquery", f"0.0.0.0:{http}", "--page")
    code, _, err = terminal.run(*words, *servers, "--report", "r.json")
    assert code == 0, err
    assert "say who is heard with --osc-allow" in " ".join(err.split())
    assert f":{http}/page?token=" in err
    assert "\x1b[" not in err, "no picture where nobody looks"
    report = json.loads((terminal.folder / "r.json").read_text())
    assert any("--osc-allow" in str(fault) for fault in report["faults"])
    code, _, err = terminal.here(*words, "--osc-allow", "lamp")
    assert code == 1
    assert "--osc-allow is lamp" in " ".join(err.split())
    assert "Traceback" not in err

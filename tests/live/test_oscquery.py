"""A real server, asked over real HTTP and websockets."""

import asyncio
import json
import urllib.error
import urllib.request
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pythonosc.osc_message import OscMessage

from live.audio.file_player import Playback
from live.control.address_space import AddressSpace
from live.control.network_addresses import interfaces
from live.control.osc_packets import packet_of
from live.control.oscquery import OscQuery
from live.engine.parameters import Parameters
from live.supervisor import Supervisor
from synth.errors import UserError
from synth.settings.knobs import table
from synth.settings.preset import preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp


@pytest.fixture
def address_space(tmp_path: Path) -> AddressSpace:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.silence(1))
    show = show_of(Playback(song, aloud=False), Parameters(preset_of("silk"), [], None), Lamp(), [])
    return AddressSpace(show.deck)


@pytest.fixture
def server(address_space: AddressSpace) -> Iterator[OscQuery]:
    server = OscQuery(address_space, ("127.0.0.1", 0), None)
    server.start(Supervisor())
    yield server
    server.stop()


def ask(server: OscQuery, path: str, **headers: str) -> Any:
    url = f"http://127.0.0.1:{server.place[1]}{path}"
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request, timeout=5) as answer:
        return json.loads(answer.read() or "null")


def refusal(server: OscQuery, path: str, **headers: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as error:
        ask(server, path, **headers)
    error.value.close()
    return error.value.code


def test_the_whole_table_is_there_with_its_ranges(server: OscQuery) -> None:
    root = ask(server, "/")
    for knob in table():
        group, key = knob.name.split(".")
        told = root["CONTENTS"][group]["CONTENTS"][key]
        assert told["FULL_PATH"] == f"/{group}/{key}"
        assert told["DESCRIPTION"] == knob.sentence
        assert told["ACCESS"] == (1 if knob.read_only else 3)
        if knob.choices:
            assert told["RANGE"] == [{"VALS": list(knob.choices)}]
        elif knob.low is not None and not isinstance(knob.default, bool):
            assert told["RANGE"] == [{"MIN": knob.low, "MAX": knob.high}]
            assert told["CLIPMODE"] == ["both"]
    assert root["CONTENTS"]["steer"]["CONTENTS"]["smoothing"]["UNIT"] == ["s"]
    assert root["CONTENTS"]["sense"]["CONTENTS"]["level"]["ACCESS"] == 1


def test_one_attribute_of_one_address(server: OscQuery, address_space: AddressSpace) -> None:
    assert ask(server, "/steer/truncation?VALUE") == {"VALUE": [0.7]}
    address_space.receive("/steer/truncation", [0.5])
    assert ask(server, "/steer/truncation?VALUE") == {"VALUE": [0.5]}
    assert ask(server, "/steer/truncation?RANGE") == {"RANGE": [{"MIN": 0.02, "MAX": 1}]}
    assert ask(server, "/steer/truncation?UNIT") is None
    assert ask(server, "/?HOST_INFO")["EXTENSIONS"]["LISTEN"] is True


def test_what_is_not_there_is_not_found(server: OscQuery) -> None:
    assert refusal(server, "/nothing") == 404
    assert refusal(server, "/../../etc/passwd") == 404
    assert refusal(server, "/steer?NONSENSE") == 400


def test_other_pages_may_not_steer(server: OscQuery) -> None:
    assert refusal(server, "/", Origin="http://evil.example") == 403


def test_beyond_loopback_a_token_is_needed(address_space: AddressSpace) -> None:
    server = OscQuery(address_space, ("127.0.0.1", 0), None, token="secret")
    server.start(Supervisor())
    assert refusal(server, "/") == 403
    assert refusal(server, "/?token=guess") == 403
    assert ask(server, "/steer/truncation?VALUE&token=secret") == {"VALUE": [0.7]}
    server.stop()


def test_a_port_that_is_taken_is_named(server: OscQuery, address_space: AddressSpace) -> None:
    with pytest.raises(UserError, match="--oscquery 127.0.0.1"):
        OscQuery(address_space, server.place, None)


def conversation(
    server: OscQuery, talk: Callable[[aiohttp.ClientWebSocketResponse], Awaitable[None]]
) -> None:
    async def held() -> None:
        url = f"ws://127.0.0.1:{server.place[1]}/"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as socket:
            await asyncio.wait_for(talk(socket), 10)

    asyncio.run(held())


async def heard(socket: aiohttp.ClientWebSocketResponse) -> tuple[str, list[Any]]:
    message = OscMessage(await socket.receive_bytes())
    return message.address, list(message.params)


def test_a_websocket_hears_and_steers(server: OscQuery, address_space: AddressSpace) -> None:
    async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/steer/kick"})
        assert (await heard(socket))[0] == "/steer/kick"
        address_space.receive("/steer/kick", [0.125])
        while (await heard(socket)) != ("/steer/kick", [0.125]):
            pass
        await socket.send_bytes(packet_of("/steer/kick", [0.75]))
        while (await heard(socket)) != ("/steer/kick", [0.75]):
            pass
        await socket.send_json({"COMMAND": "IGNORE", "DATA": "/steer/kick"})
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/look/fit"})
        while (await heard(socket))[0] != "/look/fit":
            pass
        address_space.receive("/steer/kick", [0.5])
        address_space.receive("/look/fit", ["mirror"])
        assert await heard(socket) == ("/look/fit", ["mirror"])

    conversation(server, talk)


def test_a_hostile_websocket_changes_nothing(server: OscQuery, address_space: AddressSpace) -> None:
    before = address_space.values(senses=False)

    async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
        for text in ("[]", "{", '{"COMMAND": 7}', "[" * 5000, '{"COMMAND":"LISTEN","DATA":[1]}'):
            await socket.send_str(text)
        for packet in (b"", b"\0" * 100, b"#bundle\0", b"/a\0\0,s"):
            await socket.send_bytes(packet)
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/look/fit"})
        assert (await heard(socket)) == ("/look/fit", ["crop"])

    conversation(server, talk)
    assert address_space.values(senses=False) == before


def test_two_controllers_stay_in_step(server: OscQuery) -> None:
    async def talk(first: aiohttp.ClientWebSocketResponse) -> None:
        await first.send_json({"COMMAND": "LISTEN", "DATA": "/steer/depth"})
        url = f"ws://127.0.0.1:{server.place[1]}/"
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as second:
            await second.send_bytes(packet_of("/steer/depth", [0.25]))
            while (await heard(first)) != ("/steer/depth", [0.25]):
                pass

    conversation(server, talk)


@pytest.mark.parametrize(
    ("osc", "told"),
    [
        (("127.0.0.1", 9000), ("127.0.0.1", 9000)),
        (("0.0.0.0", 9000), ("127.0.0.1", 9000)),
        (("192.0.2.7", 9000), ("192.0.2.7", 9000)),
        (None, (None, None)),
    ],
)
def test_the_host_tells_where_osc_is_heard(
    address_space: AddressSpace, osc: tuple[str, int] | None, told: tuple[str | None, int | None]
) -> None:
    server = OscQuery(address_space, ("127.0.0.1", 0), osc)
    server.start(Supervisor())
    host = ask(server, "/?HOST_INFO")
    assert (host.get("OSC_IP"), host.get("OSC_PORT")) == told
    assert (host["WS_IP"], host["WS_PORT"]) == server.place
    server.stop()


def test_whoever_asks_from_elsewhere_is_not_sent_to_loopback(address_space: AddressSpace) -> None:
    """Each is told the address at which it came."""
    here = str(interfaces()[0].ip)
    for osc, told in ((("127.0.0.1", 9000), None), (("0.0.0.0", 9000), here)):
        server = OscQuery(address_space, ("0.0.0.0", 0), osc)
        server.start(Supervisor())
        url = f"http://{here}:{server.place[1]}/?HOST_INFO&token={server.token}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            host = json.loads(answer.read())
        assert host["WS_IP"] == here
        assert host.get("OSC_IP") == told
        server.stop()


def test_a_value_is_told_as_the_controls_tell_it(
    server: OscQuery, address_space: AddressSpace
) -> None:
    address_space.receive("/steer/truncation", [0.37])
    assert ask(server, "/steer/truncation?VALUE") == {"VALUE": [0.37]}
    assert ask(server, "/")["CONTENTS"]["steer"]["CONTENTS"]["truncation"]["VALUE"] == [0.37]


def test_commands_that_are_none_are_told(server: OscQuery) -> None:
    async def talk(socket: aiohttp.ClientWebSocketResponse) -> None:
        for text in ("[]", "{", '{"COMMAND": 7}', "[" * 5000, "1" * 6000, "null", '"a"'):
            await socket.send_str(text)
        await socket.send_json({"COMMAND": "LISTEN", "DATA": "/look/fit"})
        await heard(socket)

    conversation(server, talk)
    assert server.inbox.malformed == 7
    (fault,) = server.inbox.faults
    assert (fault.part, fault.kind, fault.count) == ("HTTP", "malformed", 7)

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live import layouts
from live.midimap import Control, Map, Takeover, detents, map_of, maps_of, spread_over, text_of
from synth.knobs import Knob, table
from synth.trouble import Trouble

KNOBS = {"/" + knob.name.replace(".", "/"): knob for knob in table()}


class Desk:
    """Values by address, and what was sent."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {a: knob.default for a, knob in KNOBS.items()}
        self.sent: list[tuple[str, list[Any]]] = []

    def send(self, address: str, arguments: list[Any]) -> None:
        self.sent.append((address, arguments))
        if arguments and address in self.values:
            self.values[address] = arguments[0]

    def knob(self, address: str) -> Knob | None:
        return KNOBS.get(address)

    def playing(self, *controls: Control) -> Takeover:
        return Takeover(Map("test", controls), self.knob, self.values.__getitem__, self.send)


def test_a_fader_takes_over_only_when_it_passes_the_value() -> None:
    desk = Desk()
    fader = desk.playing(Control("/steer/depth", cc=7))
    desk.values["/steer/depth"] = 0.5
    for value in (0, 20, 40, 60):
        fader.change(7, value, 1)
    assert desk.values["/steer/depth"] == 0.5
    fader.change(7, 70, 1)
    assert desk.values["/steer/depth"] == pytest.approx(70 / 127)
    fader.change(7, 10, 1)
    assert desk.values["/steer/depth"] == pytest.approx(10 / 127)


def test_a_preset_change_takes_the_knob_out_of_hand() -> None:
    desk = Desk()
    fader = desk.playing(Control("/steer/depth", cc=7))
    for value in (126, 127):
        fader.change(7, value, 1)
    desk.values["/steer/depth"] = 0.2
    fader.change(7, 120, 1)
    assert desk.values["/steer/depth"] == 0.2
    fader.change(7, 20, 1)
    assert desk.values["/steer/depth"] == pytest.approx(20 / 127)


@pytest.mark.parametrize(
    ("mode", "value", "steps"),
    [
        ("twos", 1, 1),
        ("twos", 127, -1),
        ("twos", 120, -8),
        ("offset", 65, 1),
        ("offset", 63, -1),
        ("sign", 3, 3),
        ("sign", 65, -1),
        ("sign", 67, -3),
    ],
)
def test_relative_encoders_say_it_in_three_ways(mode: Any, value: int, steps: int) -> None:
    assert detents(value, mode) == steps
    desk = Desk()
    encoder = desk.playing(Control("/steer/depth", cc=1, mode=mode))
    desk.values["/steer/depth"] = 0.5
    encoder.change(1, value, 1)
    assert desk.values["/steer/depth"] == pytest.approx(0.5 + steps / 127)


def test_fourteen_bits_are_finer_than_seven() -> None:
    desk = Desk()
    fader = desk.playing(Control("/steer/depth", cc=2, fine=True))
    desk.values["/steer/depth"] = 0.5
    fader.change(2, 64, 1)
    fader.change(34, 0, 1)
    fader.change(34, 1, 1)
    assert desk.values["/steer/depth"] == pytest.approx((64 * 128 + 1) / 16383)


def test_pads_press_and_hold() -> None:
    desk = Desk()
    pads = desk.playing(
        Control("/cue/go", note=36),
        Control("/look/flash_limit", note=37),
        Control("/steer/kick", note=38, momentary=True),
    )
    pads.note(36, 100, 1)
    pads.note(36, 0, 1)
    pads.note(37, 100, 1)
    pads.note(38, 127, 1)
    pads.note(38, 0, 1)
    assert desk.sent == [
        ("/cue/go", []),
        ("/look/flash_limit", [False]),
        ("/steer/kick", [1.0]),
        ("/steer/kick/reset", []),
    ]


def test_another_channel_is_not_heard() -> None:
    desk = Desk()
    desk.playing(Control("/cue/go", note=36, channel=9)).note(36, 100, 1)
    assert desk.sent == []


def test_lights_follow_the_values() -> None:
    desk = Desk()
    takeover = desk.playing(Control("/steer/depth", cc=7), Control("/freeze", note=41, channel=9))
    assert takeover.lights("/steer/depth", 1.0) == [("cc", 7, 127, 0)]
    assert takeover.lights("/freeze", True) == [("note", 41, 127, 8)]
    assert takeover.lights("/steer/kick", 0.5) == []


def test_shipped_maps_play_addresses_that_exist() -> None:
    addresses = {node.address for node in layouts.nodes("silk")}
    maps = maps_of(None)
    assert len(maps) == 3
    for one in maps:
        assert {control.address for control in one.controls} <= addresses
        places = [(c.cc, c.note, c.channel) for c in one.controls]
        assert len(places) == len(set(places))
    names = [f.name for f in resources.files("live").joinpath("maps").iterdir()]
    assert sorted(names) == ["launch-control-xl.toml", "midimix.toml", "nanokontrol2.toml"]


def test_a_map_is_written_as_it_is_read(tmp_path: Path) -> None:
    learned = Map(
        "My Box",
        (
            Control("/steer/kick", cc=1, fine=True),
            Control("/cue/go", note=3, channel=2),
            Control("/look/fit", cc=5, mode="twos"),
            Control("/steer/depth", note=9, momentary=True),
        ),
        clock=True,
    )
    text = text_of(learned)
    assert map_of(text, "here") == learned
    assert tomllib.loads(text)["clock"] is True
    (tmp_path / "mine.toml").write_text(text)
    assert maps_of(tmp_path)[0] == learned


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name", "is not TOML"),
        ("", "it needs name"),
        ('name = ""', "write a part of the port's name"),
        ('name = "a"\n[[control]]\naddress = "/a"', "needs cc or note"),
        ('name = "a"\n[[control]]\naddress = "/a"\ncc = 200', "needs cc or note, 0 to 127"),
        ('name = "a"\n[[control]]\naddress = "a"\ncc = 2', "it begins with /"),
        ('name = "a"\n[[control]]\naddress = "/a"\ncc = 2\nmode = "x"', "use absolute"),
        ('name = "a"\n[[control]]\naddress = "/a"\ncc = 2\nwhat = 1', "is no map"),
    ],
)
def test_a_broken_map_is_named(text: str, says: str) -> None:
    with pytest.raises(Trouble, match=says):
        map_of(text, "mine.toml")


@given(st.sampled_from(sorted(KNOBS)), st.floats(0, 1))
def test_every_place_of_a_fader_is_a_value_of_the_knob(address: str, part: float) -> None:
    knob = KNOBS[address]
    if knob.low is None and not knob.choices and not isinstance(knob.default, bool):
        return
    value = spread_over(knob, part)
    if knob.choices:
        assert value in knob.choices
    elif not isinstance(knob.default, bool):
        assert knob.low is not None
        assert knob.high is not None
        assert isinstance(value, float)
        assert knob.low <= value <= knob.high

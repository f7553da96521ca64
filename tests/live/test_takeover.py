"""What a controller's messages do, without a port."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.control.midi_map import MODES, Control, Map
from live.control.takeover import Takeover, detents, is_scale, part_of, spread_over, turned
from synth.settings.knobs import Knob, table

KNOBS = {"/" + knob.name.replace(".", "/"): knob for knob in table()}
SCALES = sorted(address for address, knob in KNOBS.items() if is_scale(knob))


class Parameters:
    """Values by address, and what was sent and told."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {a: knob.default for a, knob in KNOBS.items()}
        self.sent: list[tuple[str, list[Any]]] = []
        self.told: list[str] = []

    def send(self, address: str, arguments: list[Any]) -> None:
        self.sent.append((address, arguments))
        if arguments and address in self.values:
            self.values[address] = arguments[0]

    def knob(self, address: str) -> Knob | None:
        return KNOBS.get(address)

    def playing(self, *controls: Control) -> Takeover:
        return Takeover(
            Map("test", controls),
            self.knob,
            self.values.__getitem__,
            self.send,
            self.told.append,
        )


def test_a_fader_takes_over_only_when_it_passes_the_value() -> None:
    parameters = Parameters()
    fader = parameters.playing(Control("/steer/depth", cc=7))
    parameters.values["/steer/depth"] = 0.5
    for value in (0, 20, 40, 60):
        fader.change(7, value, 1)
    assert parameters.values["/steer/depth"] == 0.5
    fader.change(7, 70, 1)
    assert parameters.values["/steer/depth"] == pytest.approx(70 / 127)
    fader.change(7, 10, 1)
    assert parameters.values["/steer/depth"] == pytest.approx(10 / 127)


def test_a_preset_change_takes_the_knob_out_of_hand() -> None:
    parameters = Parameters()
    fader = parameters.playing(Control("/steer/depth", cc=7))
    for value in (126, 127):
        fader.change(7, value, 1)
    parameters.values["/steer/depth"] = 0.2
    fader.change(7, 120, 1)
    assert parameters.values["/steer/depth"] == 0.2
    fader.change(7, 20, 1)
    assert parameters.values["/steer/depth"] == pytest.approx(20 / 127)


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
    parameters = Parameters()
    encoder = parameters.playing(Control("/steer/depth", cc=1, mode=mode))
    parameters.values["/steer/depth"] = 0.5
    encoder.change(1, value, 1)
    assert parameters.values["/steer/depth"] == pytest.approx(0.5 + steps / 127)


def test_an_encoder_moves_a_choice_with_each_detent_and_a_switch_at_once() -> None:
    parameters = Parameters()
    encoders = parameters.playing(
        Control("/look/fit", cc=1, mode="twos"), Control("/preset/on_beat", cc=2, mode="twos")
    )
    seen = []
    for value in (1, 1, 1, 1, 1, 126):
        encoders.change(1, value, 1)
        seen.append(parameters.values["/look/fit"])
    assert seen == ["pad", "mirror", "kaleidoscope", "blur", "blur", "mirror"]
    encoders.change(2, 1, 1)
    assert parameters.values["/preset/on_beat"] is True
    encoders.change(2, 127, 1)
    assert parameters.values["/preset/on_beat"] is False
    encoders.change(2, 0, 1)
    assert len(parameters.sent) == 8  # no detent, no message


def test_fourteen_bits_are_finer_than_seven() -> None:
    parameters = Parameters()
    fader = parameters.playing(Control("/steer/depth", cc=2, fine=True))
    parameters.values["/steer/depth"] = 0.5
    fader.change(2, 64, 1)
    fader.change(34, 0, 1)
    fader.change(34, 1, 1)
    assert parameters.values["/steer/depth"] == pytest.approx((64 * 128 + 1) / 16383)


def test_low_bits_without_high_ones_mean_nothing() -> None:
    parameters = Parameters()
    fader = parameters.playing(Control("/steer/depth", cc=2, fine=True))
    parameters.values["/steer/depth"] = 0.0
    fader.change(34, 127, 1)  # plugged in with the fader half way up: only its low bits moved
    assert parameters.sent == []


def test_pads_press_and_hold() -> None:
    parameters = Parameters()
    pads = parameters.playing(
        Control("/cue/go", note=36),
        Control("/preset/on_beat", note=37),
        Control("/steer/kick", note=38, momentary=True),
        Control("/cue/release", note=39, momentary=True),
        Control("/cue/quantise", note=40),
    )
    for note in (36, 37):
        pads.note(note, 100, 1)
        pads.note(note, 0, 1)
    pads.note(38, 127, 1)
    pads.note(38, 0, 1)
    pads.note(39, 1, 1)  # an action has no value to go back to
    pads.note(39, 0, 1)
    for _ in range(3):
        pads.note(40, 64, 1)
    assert parameters.sent == [
        ("/cue/go", []),
        ("/preset/on_beat", [True]),
        ("/steer/kick", [1.0]),
        ("/steer/kick/reset", []),
        ("/cue/release", []),
        ("/cue/quantise", ["beat"]),
        ("/cue/quantise", ["bar"]),
        ("/cue/quantise", ["off"]),
    ]
    assert parameters.told == []


def test_another_channel_is_not_heard() -> None:
    parameters = Parameters()
    parameters.playing(Control("/cue/go", note=36, channel=9)).note(36, 100, 1)
    assert parameters.sent == []


@pytest.mark.parametrize(
    ("control", "value", "says"),
    [
        (Control("/steer/classes", cc=1), (3, 4), "/steer/classes is (3, 4), which is no place"),
        (Control("/steer/classes", cc=1, mode="sign"), (), "is (), which is no place"),
        (Control("/steer/avoid", note=1), (), "which is no place on a scale"),
        (Control("/steer/avoid", note=1, momentary=True), (), "is no scale that a pad could play"),
        (Control("/look/fit", cc=1), "sideways", "is 'sideways', which is no place on a scale"),
        (Control("/look/fit", note=1), "sideways", "is 'sideways', which is no place on a scale"),
        (Control("/look/fit", cc=1, mode="twos"), "sideways", "no place on a scale"),
        (Control("/steer/depth", cc=1), math.nan, "which is no place on a scale"),
        (Control("/steer/depth", cc=1), "loud", "which is no place on a scale"),
        (Control("/steer/depth", cc=1), None, "has no value that a control could turn"),
        (Control("/preset/on_beat", note=1), None, "has no value that a control could turn"),
        (Control("/steer/depth", note=1), 0.5, "only with momentary = true"),
    ],
)
def test_a_control_that_can_do_nothing_is_told_once(
    control: Control, value: Any, says: str
) -> None:
    parameters = Parameters()
    if value is None:
        del parameters.values[control.address]
    else:
        parameters.values[control.address] = value
    takeover = parameters.playing(control)
    for force in (1, 64, 127):
        takeover.change(1, force, 1)
        takeover.note(1, force, 1)
    assert parameters.sent == []
    (told,) = parameters.told
    assert told.startswith(f"test: {control.address}")
    assert says in told
    assert told.endswith("its control does nothing")


def test_lights_follow_the_values() -> None:
    parameters = Parameters()
    takeover = parameters.playing(
        Control("/steer/depth", cc=7), Control("/freeze", note=41, channel=9)
    )
    assert takeover.lights("/steer/depth", 1.0) == [("cc", 7, 127, 0)]
    assert takeover.lights("/freeze", True) == [("note", 41, 127, 8)]
    assert takeover.lights("/steer/kick", 0.5) == []


@pytest.mark.parametrize("value", [(), (1, 2), math.nan, "loud", None])
def test_lights_of_what_is_no_place_on_a_scale_stay_as_they_are(value: Any) -> None:
    takeover = Parameters().playing(Control("/steer/classes", cc=7), Control("/steer/depth", cc=8))
    assert takeover.lights("/steer/classes", value) == []
    assert takeover.lights("/steer/depth", value) == []


@settings(deadline=None)
@given(st.sampled_from(SCALES), st.floats(0, 1))
def test_every_place_of_a_fader_is_a_value_of_the_knob(address: str, part: float) -> None:
    knob = KNOBS[address]
    value = spread_over(knob, part)
    assert is_of(knob, value)
    here = part_of(knob, value)
    assert here is not None
    assert 0 <= here <= 1
    for steps in (-64, -1, 1, 63):
        assert is_of(knob, turned(knob, value, steps))


def is_of(knob: Knob, value: object) -> bool:
    if knob.choices:
        return value in knob.choices
    if isinstance(knob.default, bool):
        return isinstance(value, bool)
    assert knob.low is not None
    assert knob.high is not None
    return isinstance(value, float) and knob.low <= value <= knob.high


CONTROLS = st.builds(
    Control,
    address=st.sampled_from([*KNOBS, "/cue/go", "/freeze", "/tap", "/nowhere"]),
    cc=st.none() | st.integers(0, 95),
    note=st.none() | st.integers(0, 127),
    channel=st.none() | st.integers(1, 16),
    mode=st.sampled_from(MODES),
    fine=st.booleans(),
    momentary=st.booleans(),
)
SEVEN = st.integers(0, 127)
MESSAGES = st.tuples(st.booleans(), SEVEN, SEVEN, st.integers(1, 16))


@settings(deadline=None)
@given(st.lists(CONTROLS, max_size=6), st.lists(MESSAGES, max_size=30), st.booleans())
def test_whatever_is_moved_the_knobs_stay_on_their_scales(
    controls: list[Control], messages: list[tuple[bool, int, int, int]], forgetful: bool
) -> None:
    parameters = Parameters()
    if forgetful:
        for address in list(parameters.values)[::2]:
            del parameters.values[address]
    takeover = parameters.playing(*controls)
    heard = [(c.cc is None, c.cc if c.cc is not None else c.note or 0) for c in controls]
    for is_note, number, value, channel in messages:
        play = takeover.note if is_note else takeover.change
        play(number, value, channel)
        for note, place in heard:
            (takeover.note if note else takeover.change)(place, value, channel)
    for address, arguments in parameters.sent:
        if arguments:
            assert is_of(KNOBS[address], arguments[0]), address


def test_detents_pass_the_gap_under_the_slowest_tempo() -> None:
    knob = KNOBS["/hear/bpm"]
    assert turned(knob, 20.0, -1) == 0
    assert turned(knob, 0.0, 1) == 20
    assert turned(knob, 300.0, 5) == 300

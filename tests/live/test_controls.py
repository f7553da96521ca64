import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.controls import Controls
from live.desk import Desk
from live.show import Show
from live.song import Playback
from synth.knobs import Knobs, table, value_of
from synth.preset import preset_of, shipped
from tests import sounds
from tests.doubles import Lamp


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.write_wav(tmp_path_factory.mktemp("s") / "song.wav", sounds.silence(1))


@pytest.fixture
def show(song: Path) -> Show:
    return Show(Playback(song, aloud=False), Desk(preset_of("silk"), [], None), Lamp(), [])


@pytest.fixture
def controls(show: Show) -> Controls:
    return Controls(show)


def knobs_after(show: Show, hops: int = 1) -> Knobs:
    for number in range(hops):
        show.desk.before_hop(show.visual, number)
    return show.visual.knobs


def test_a_knob_is_turned_at_its_address(show: Show, controls: Controls) -> None:
    assert controls.receive("/steer/truncation", [0.4])
    assert controls.value("/steer/truncation") == [0.4]
    assert knobs_after(show).steer.truncation == 0.4


@pytest.mark.parametrize(
    ("address", "argument", "value"),
    [
        ("/steer/truncation", 7, 1.0),
        ("/steer/truncation", -math.inf, 0.02),
        ("/steer/truncation", "0.5", 0.5),
        ("/steer/seed", 41.6, 42),
        ("/look/flash_limit", 0, False),
        ("/look/flash_limit", "on", True),
        ("/look/fit", "mirror", "mirror"),
        ("/look/fit", 4, "blur"),
        ("/hear/octave", 1.0, "half"),
    ],
)
def test_values_are_taken_as_the_knob_means_them(
    address: str, argument: object, value: object, controls: Controls
) -> None:
    assert controls.receive(address, [argument])
    assert controls.value(address) == [value]


@pytest.mark.parametrize(
    ("address", "arguments", "says"),
    [
        ("/steer/truncation", ["loud"], "use 0.02 to 1"),
        ("/steer/truncation", [math.nan], "is no number"),
        ("/steer/truncation", [], "has 0 arguments; send one"),
        ("/steer/truncation", [b"\0"], "use 0.02 to 1"),
        ("/look/fit", ["sideways"], "use crop or pad"),
        ("/look/fit", [9], "use crop or pad"),
        ("/steer/classes", ["no such thing"], "is no ImageNet class"),
        ("/steer/truncation/to", [0.5], "send value and seconds"),
        ("/preset/load", ["../secrets"], "is no preset; use black-lace"),
        ("/preset/load", ["/etc/passwd"], "is no preset"),
        ("/preset/load", ["reef.toml"], "is no preset"),
        ("/preset/load", [7], "send a preset's name"),
        ("/sense/level", [1], "no such address to write"),
        ("/steer/*", [1], "no such address to write"),
        ("/", [], "no such address to write"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_words(
    address: str, arguments: list[object], says: str, show: Show, controls: Controls
) -> None:
    before = show.desk.wanted
    assert not controls.receive(address, arguments)
    assert says in controls.trouble
    assert show.desk.wanted == before


def test_steps_ramps_and_resets(show: Show, controls: Controls) -> None:
    start = show.visual.knobs.steer.truncation
    controls.receive("/steer/truncation/add", [-0.1])
    assert knobs_after(show).steer.truncation == pytest.approx(start - 0.1)
    controls.receive("/steer/truncation/to", [0.2, 1.0])
    seen = [knobs_after(show, 1).steer.truncation for _ in range(1)]
    for number in range(1, 100):
        show.desk.before_hop(show.visual, number)
        seen.append(show.visual.knobs.steer.truncation)
    assert seen == sorted(seen, reverse=True)
    assert seen[43] == pytest.approx((start - 0.1 + 0.2) / 2, abs=0.01)
    assert seen[-1] == pytest.approx(0.2)
    controls.receive("/steer/truncation/reset", [])
    assert knobs_after(show).steer.truncation == start


def test_a_hand_ends_a_ramp(show: Show, controls: Controls) -> None:
    controls.receive("/steer/truncation/to", [0.2, 1.0])
    knobs_after(show, 10)
    controls.receive("/steer/truncation", [0.9])
    assert knobs_after(show, 50).steer.truncation == 0.9


def test_presets_come_by_name_and_in_turn(show: Show, controls: Controls) -> None:
    assert controls.receive("/preset/load", ["reef", 0.5])
    assert controls.value("/preset/name") == ["reef"]
    assert knobs_after(show) == preset_of("reef").knobs
    names = shipped()
    controls.receive("/preset/next", [1.0])
    controls.receive("/preset/next", [0.0])  # the button is let go
    assert controls.value("/preset/name") == [names[names.index("reef") + 1]]
    controls.receive("/preset/previous", [])
    assert controls.value("/preset/name") == ["reef"]


def test_own_presets_lie_beside_the_one_the_show_began_with(song: Path, tmp_path: Path) -> None:
    for name in ("mine", "other"):
        (tmp_path / f"{name}.toml").write_text("[steer]\nkick = 0.9\n")
    path = tmp_path / "mine.toml"
    desk = Desk(preset_of(str(path)), [], path)
    controls = Controls(Show(Playback(song, aloud=False), desk, Lamp(), []))
    assert controls.receive("/preset/load", ["other"])
    assert desk.preset.name == "other"


def test_freeze_and_blackout_are_switches(show: Show, controls: Controls) -> None:
    for address in ("/freeze", "/blackout"):
        controls.receive(address, [1])
        assert controls.value(address) == [True]
        controls.receive(address, [1])
        assert controls.value(address) == [True]
        controls.receive(address, [])
        assert controls.value(address) == [False]


def test_panic_puts_all_back(show: Show, controls: Controls) -> None:
    for address, value in (("/freeze", 1), ("/blackout", 1), ("/steer/kick", 1.0)):
        controls.receive(address, [value])
    controls.receive("/panic", [])
    assert knobs_after(show) == preset_of("silk").knobs
    assert controls.value("/freeze") == controls.value("/blackout") == [False]


def test_every_knob_has_its_address_and_takes_its_own_value(controls: Controls) -> None:
    for knob in table():
        address = "/" + knob.name.replace(".", "/")
        value = controls.value(address)
        assert controls.receive(address, value), controls.trouble
        assert controls.value(address) == value


@settings(deadline=None, max_examples=300)
@given(
    address=st.sampled_from(["/steer/truncation", "/look/fit", "/steer/classes", "/preset/load"])
    | st.text(max_size=30).map(lambda text: "/" + text),
    arguments=st.lists(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        max_size=14,
    ),
)
def test_no_message_raises(song: Path, address: str, arguments: list[object]) -> None:
    show = Show(Playback(song, aloud=False), Desk(preset_of("silk"), [], None), Lamp(), [])
    controls = Controls(show)
    controls.receive(address, arguments)
    knobs = knobs_after(show)
    for knob in table():
        value = value_of(knobs, knob.name)
        if knob.low is not None and knob.high is not None:
            assert knob.low <= value <= knob.high

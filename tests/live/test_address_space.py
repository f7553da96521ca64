import json
import math
import struct
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.audio.file_player import Playback
from live.control.address_space import AddressSpace
from live.control.takeover import spread_over
from live.engine.parameters import Parameters
from live.show import Show
from synth.errors import shown
from synth.latents.keyframes import Cues
from synth.session import Event
from synth.settings.knobs import Knobs, knob_of, table, value_of
from synth.settings.preset import preset_of, shipped
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.synth.test_bank import bank, keyframe


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sounds.write_wav(tmp_path_factory.mktemp("s") / "song.wav", sounds.silence(1))


@pytest.fixture
def show(song: Path) -> Show:
    return show_of(Playback(song, aloud=False), Parameters(preset_of("silk"), [], None), Lamp(), [])


@pytest.fixture
def address_space(show: Show) -> AddressSpace:
    return AddressSpace(show.deck)


def knobs_after(show: Show, hops: int = 1) -> Knobs:
    for number in range(hops):
        show.deck.parameters.before_hop(show.deck.engine, number)
    return show.deck.engine.knobs


def test_a_knob_is_turned_at_its_address(show: Show, address_space: AddressSpace) -> None:
    assert address_space.receive("/steer/truncation", [0.4])
    assert address_space.value("/steer/truncation") == [0.4]
    assert knobs_after(show).steer.truncation == 0.4


def test_a_second_deck_is_played_under_its_prefix(show: Show) -> None:
    second = AddressSpace(show.deck, "/b")
    assert second.receive("/b/steer/truncation", [0.4])
    assert second.value("/b/steer/truncation") == [0.4]
    assert second.receive("/b/freeze", [1])
    assert show.deck.frozen
    assert not second.receive("/steer/truncation", [0.3])
    assert not second.receive("/b/cue/3", [1])
    assert second.trouble.startswith("/b/cue: there is no bank")
    assert {name for name in second.nodes if not name.startswith("/b/")} == set()
    assert set(second.values(senses=True)) == {a for a in second.nodes if "/sense/" in a}
    kinds = {fault.kind for fault in show.supervisor.faults}
    assert kinds == {"refused /steer", "refused /cue"}


@pytest.mark.parametrize(
    ("address", "argument", "value"),
    [
        ("/steer/truncation", 7, 1.0),
        ("/steer/truncation", -math.inf, 0.02),
        ("/steer/truncation", "0.5", 0.5),
        ("/steer/seed", 41.6, 42),
        ("/preset/on_beat", 1, True),
        ("/preset/on_beat", "ON", True),
        ("/steer/truncation", 10**400, 1.0),
        ("/steer/truncation", struct.unpack("f", struct.pack("f", 0.37))[0], 0.37),
        ("/steer/seed", -(10**5000), 0),
        ("/hear/bpm", 0.01, 20.0),
        ("/hear/bpm", 1e-6, 20.0),
        ("/hear/bpm", 0, 0.0),
        ("/hear/bpm", -1, 0.0),
        ("/look/fit", "mirror", "mirror"),
        ("/look/fit", 4, "blur"),
        ("/hear/octave", 1.0, "half"),
    ],
    ids=shown,  # pytest cannot write the largest itself
)
def test_values_are_taken_as_the_knob_means_them(
    address: str, argument: object, value: object, address_space: AddressSpace
) -> None:
    assert address_space.receive(address, [argument])
    assert address_space.value(address) == [value]


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
        ("/sense/level", [1], "/sense/level: can only be read"),
        ("/look/flash_limit", [0], "can only be read; begin with --set look.flash_limit=…"),
        ("/look/flash_limit/reset", [], "no such address to write"),
        ("/steer/truncation", [True], "is True; use 0.02 to 1"),
        ("/steer/truncation", [None], "is None; use 0.02 to 1"),
        ("/steer/truncation", [[0.5]], "is [0.5]; use 0.02 to 1"),
        ("/steer/truncation", [(0, 144, 60, 1)], "is (0, 144, 60, 1); use"),
        ("/steer/truncation", [0.5, 0.5], "has 2 arguments; send one"),
        ("/steer/truncation/add", [math.inf], "has inf; send a number"),
        ("/steer/truncation/add", [10**5000], "a number of 5001 digits; send a number"),
        ("/steer/truncation/to", [0.5, math.inf], "has inf; send a number"),
        ("/steer/truncation/to", [math.nan, 1], "has nan; send a number"),
        ("/steer/classes", list(range(1000)), "has 1000 classes; use 12 or fewer"),
        ("/steer/classes", [[1, 2]], "use a list of ImageNet class names or numbers"),
        ("/steer/classes", [10**5000], "class a number of 5001 digits does not exist"),
        ("/steer/avoid", ["9" * 8000], "is no ImageNet class"),
        ("/preset/load", ["reef", math.nan], "has nan; send a number"),
        ("/preset/load", ["reef", "soon"], "has 'soon'; send a number"),
        ("/freeze", ["sideways"], "/freeze is 'sideways'; use true or false"),
        ("/freeze", [math.nan], "/freeze is nan; use true or false"),
        ("/freeze", [[0]], "/freeze is [0]; use true or false"),
        ("/seed", ["chance"], "steer.seed is 'chance'; use 0 to 4294967295"),
        ("/seed", [True], "steer.seed is True"),
        ("/cue", [0], "there is no bank; begin the show with --bank"),
        ("/cue/go", [], "there is no bank; begin the show with --bank"),
        ("/cue/release", [], "there is no bank; begin the show with --bank"),
        ("/midi/learn", ["/steer/kick"], "there is no MIDI"),
        ("/steer/*", [1], "no such address to write"),
        ("/", [], "no such address to write"),
    ],
    ids=shown,
)
def test_what_cannot_be_meant_is_refused_in_words(
    address: str, arguments: list[object], says: str, show: Show, address_space: AddressSpace
) -> None:
    before = show.deck.parameters.wanted
    assert not address_space.receive(address, arguments)
    assert says in address_space.trouble
    assert show.deck.parameters.wanted == before


def test_steps_ramps_and_resets(show: Show, address_space: AddressSpace) -> None:
    start = show.deck.engine.knobs.steer.truncation
    address_space.receive("/steer/truncation/add", [-0.1])
    assert knobs_after(show).steer.truncation == pytest.approx(start - 0.1)
    address_space.receive("/steer/truncation/to", [0.2, 1.0])
    seen = [knobs_after(show, 1).steer.truncation for _ in range(1)]
    for number in range(1, 100):
        show.deck.parameters.before_hop(show.deck.engine, number)
        seen.append(show.deck.engine.knobs.steer.truncation)
    assert seen == sorted(seen, reverse=True)
    assert seen[43] == pytest.approx((start - 0.1 + 0.2) / 2, abs=0.01)
    assert seen[-1] == pytest.approx(0.2)
    address_space.receive("/steer/truncation/reset", [])
    assert knobs_after(show).steer.truncation == start


def test_a_hand_ends_a_ramp(show: Show, address_space: AddressSpace) -> None:
    address_space.receive("/steer/truncation/to", [0.2, 1.0])
    knobs_after(show, 10)
    address_space.receive("/steer/truncation", [0.9])
    assert knobs_after(show, 50).steer.truncation == 0.9


def test_presets_come_by_name_and_in_turn(show: Show, address_space: AddressSpace) -> None:
    assert address_space.receive("/preset/load", ["reef", 0.5])
    assert address_space.value("/preset/name") == ["reef"]
    assert knobs_after(show) == preset_of("reef").knobs
    names = shipped()
    address_space.receive("/preset/next", [1.0])
    address_space.receive("/preset/next", [0.0])  # the button is let go
    assert address_space.value("/preset/name") == [names[names.index("reef") + 1]]
    address_space.receive("/preset/previous", [])
    assert address_space.value("/preset/name") == ["reef"]


def test_own_presets_lie_beside_the_one_the_show_began_with(song: Path, tmp_path: Path) -> None:
    for name in ("mine", "other"):
        (tmp_path / f"{name}.toml").write_text("[steer]\nkick = 0.9\n")
    path = tmp_path / "mine.toml"
    parameters = Parameters(preset_of(str(path)), [], path)
    address_space = AddressSpace(show_of(Playback(song, aloud=False), parameters, Lamp()).deck)
    assert address_space.receive("/preset/load", ["other"])
    assert parameters.preset.name == "other"


def test_freeze_and_blackout_are_switches(show: Show, address_space: AddressSpace) -> None:
    for address in ("/freeze", "/blackout"):
        address_space.receive(address, [1])
        assert address_space.value(address) == [True]
        address_space.receive(address, [1])
        assert address_space.value(address) == [True]
        address_space.receive(address, [])
        assert address_space.value(address) == [False]


def test_panic_puts_all_back(show: Show, address_space: AddressSpace) -> None:
    for address, value in (("/freeze", 1), ("/blackout", 1), ("/steer/kick", 1.0)):
        address_space.receive(address, [value])
    address_space.receive("/panic", [])
    assert knobs_after(show) == preset_of("silk").knobs
    assert address_space.value("/freeze") == address_space.value("/blackout") == [False]


def test_every_knob_has_its_address_and_takes_its_own_value(address_space: AddressSpace) -> None:
    for knob in table():
        if knob.read_only:
            continue
        address = "/" + knob.name.replace(".", "/")
        value = address_space.value(address)
        assert address_space.receive(address, value), address_space.trouble
        assert address_space.value(address) == value


def test_what_is_as_it_should_be_is_no_event(
    show: Show, address_space: AddressSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Event] = []
    monkeypatch.setattr(show.deck.recordings, "event", told.append)
    for address in ("/freeze", "/blackout"):
        for on in (0, 1, 1, True, "on", 0, "off"):
            assert address_space.receive(address, [on])
    address_space.receive("/panic", [])
    words = [next(word for word in event if word != "hop") for event in told]
    assert words == ["freeze", "freeze", "blackout", "blackout"]


# ---- keyframes


@pytest.fixture
def cued(song: Path, tmp_path: Path) -> Iterator[tuple[Show, AddressSpace]]:
    """A show with two lines, as a lamp can play them."""
    frames = [keyframe("one two", 1.0), keyframe("٣ lines", 2.0)]
    keys = bank(
        tmp_path,
        *(replace(f, latent=replace(f.latent, embedding=f.latent.embedding[:12])) for f in frames),
    )
    show = show_of(
        Playback(song, aloud=False),
        Parameters(preset_of("silk"), [], None),
        Lamp(),
        [],
        cues=Cues(keys, follows=False),
    )
    yield show, AddressSpace(show.deck)


@pytest.mark.parametrize(
    ("address", "arguments", "plays"),
    [
        ("/cue/1", [], 1),
        ("/cue/0", [1.0], 0),
        ("/cue/ONE", [], 0),
        ("/cue/٣", [], 1),  # words: the digits of another script
        ("/cue", [1], 1),
        ("/cue", [1.0], 1),
        ("/cue", ["one"], 0),
        ("/cue/go", [], 0),
        ("/cue/1", [0], None),  # the button is let go
        ("/cue/1", [False], None),
    ],
)
def test_keyframes_come_by_number_and_by_words(
    address: str, arguments: list[object], plays: int | None, cued: tuple[Show, AddressSpace]
) -> None:
    show, address_space = cued
    assert address_space.receive(address, arguments), address_space.trouble
    knobs_after(show)
    show.deck.engine.hear(np.zeros(512, np.float32))
    assert show.deck.engine.cues is not None
    assert show.deck.engine.cues.position == (-1 if plays is None else plays)


@pytest.mark.parametrize(
    ("address", "arguments", "says"),
    [
        ("/cue/" + "9" * 5000, [], "is no keyframe; use 0 to 1"),
        ("/cue/2", [], "/cue: 2 is no keyframe; use 0 to 1"),
        ("/cue/²", [], "'²' is no keyframe"),
        ("/cue/", [], "'' is no keyframe"),
        ("/cue/-1", [], "'-1' is no keyframe"),
        ("/cue", [-1], "-1 is no keyframe"),
        ("/cue", [math.nan], "nan is no keyframe"),
        ("/cue", [10**5000], "a number of 5001 digits is no keyframe"),
        ("/cue", [True], "True is no keyframe"),
        ("/cue", [None], "None is no keyframe"),
        ("/cue", [[0]], "[0] is no keyframe"),
        ("/cue", ["x" * 8000], "...xxxx"),
    ],
    ids=shown,
)
def test_no_other_keyframe_is_one(
    address: str, arguments: list[object], says: str, cued: tuple[Show, AddressSpace]
) -> None:
    _, address_space = cued
    assert not address_space.receive(address, arguments)
    assert says in address_space.trouble
    assert len(address_space.trouble) < 200


# ---- tempo


def test_two_taps_of_one_packet_are_one(song: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    show = show_of(Playback(song, aloud=False), Parameters(preset_of("silk"), [], None), Lamp(), [])
    now = [7.0]
    monkeypatch.setattr(show.supervisor, "clock", lambda: now[0])
    address_space = AddressSpace(show.deck)
    for moment in (7.0, 7.0, 7.5, 7.5, 8.0):
        now[0] = moment
        assert address_space.receive("/tap", []), address_space.trouble
    assert address_space.value("/hear/bpm") == [pytest.approx(120)]


def test_a_fader_over_the_tempo_listens_at_its_end_and_never_crawls(
    address_space: AddressSpace,
) -> None:
    knob = knob_of("hear.bpm")
    values = []
    for step in range(128):
        assert address_space.receive("/hear/bpm", [spread_over(knob, step / 127)])
        values += address_space.value("/hear/bpm")
    assert values[0] == 0
    assert min(values[1:]) == 20
    assert values == sorted(values)
    assert values[-1] == 300
    address_space.receive("/hear/bpm", [20])
    address_space.receive("/hear/bpm/add", [-1])
    assert address_space.value("/hear/bpm") == [0]
    address_space.receive("/hear/bpm/add", [1])
    assert address_space.value("/hear/bpm") == [20]


# ---- 32 bits


def float32(number: float) -> float:
    return float(np.float32(number))


def test_what_came_as_32_bits_is_told_as_it_was_meant(
    show: Show, address_space: AddressSpace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In answers, in the knobs that play, and in the log."""
    told: list[Event] = []
    show.deck.parameters.tell = told.append
    assert address_space.receive("/steer/truncation", [float32(0.37)])
    assert address_space.receive("/steer/kick/to", [float32(0.81), float32(0.01)])
    assert address_space.receive("/steer/drift", [0.0])
    assert address_space.receive("/steer/drift/add", [float32(0.1)])
    knobs = knobs_after(show)
    assert json.dumps(address_space.value("/steer/truncation")) == "[0.37]"
    assert (knobs.steer.truncation, knobs.steer.kick, knobs.steer.drift) == (0.37, 0.81, 0.1)
    assert told[0]["set"]["steer.truncation"] == 0.37
    address_space.receive("/preset/load", ["reef", float32(0.3)])
    knobs_after(show)
    assert told[-1]["fade"] == 0.3


# ---- whatever may arrive


def test_refusals_are_told_under_few_names(show: Show, address_space: AddressSpace) -> None:
    for number in range(3000):
        address_space.receive(f"/no/{number}/such/{'x' * number}", [])
    for address in list(address_space.nodes):
        address_space.receive(address, [object(), object(), object()])
    assert address_space.refused == sum(fault.count for fault in show.supervisor.faults) > 3000
    kinds = {fault.kind for fault in show.supervisor.faults}
    assert len(kinds) <= 16
    assert {"refused no such address", "refused /steer"} <= kinds
    assert all(fault.part == "controls" for fault in show.supervisor.faults)


LONG = st.sampled_from(["x", "9", "٣", "\0", "é", "["]).map(lambda c: c * 8000)
NUMBERS = (
    st.integers()
    | st.sampled_from([10**400, -(10**400), 2**31, -1, 0, 1, 1000])
    | st.floats()
    | st.sampled_from([math.nan, math.inf, -math.inf, 1e300, 5e-324, 0.01, 1e-6, -0.0])
)
WORDS = (
    st.text(max_size=20)
    | LONG
    | st.sampled_from(["reef", "on", "off", "mirror", "nan", "1e999", "-inf", "/freeze", "1_0"])
)
PLAIN = st.none() | st.booleans() | NUMBERS | WORDS | st.binary(max_size=40)
ARGUMENTS = st.lists(
    st.recursive(
        PLAIN, lambda inner: st.lists(inner, max_size=4) | st.tuples(inner, inner), max_leaves=12
    ),
    max_size=4,
) | PLAIN.map(lambda value: [value] * 1000)


@pytest.fixture(scope="module")
def played(
    song: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Show, AddressSpace, Iterator[int]]:
    frame = keyframe("line", 1.0)
    narrow = replace(frame.latent, embedding=frame.latent.embedding[:12])
    cues = Cues(bank(tmp_path_factory.mktemp("bank"), replace(frame, latent=narrow)), follows=False)
    parameters = Parameters(preset_of("silk"), [], None)
    show = show_of(Playback(song, aloud=False), parameters, Lamp(), [], cues=cues)
    address_space = AddressSpace(show.deck)
    address_space.learn = lambda address: None
    return show, address_space, count()


@settings(deadline=None, max_examples=500)
@given(data=st.data())
def test_no_message_raises(
    played: tuple[Show, AddressSpace, Iterator[int]], data: st.DataObject
) -> None:
    show, address_space, hops = played
    address: Any = data.draw(
        st.sampled_from(list(address_space.nodes))
        | WORDS.map(lambda text: "/cue/" + text)
        | WORDS.map(lambda text: "/" + text)
        | st.sampled_from([None, 7, b"/freeze", ["/freeze"]])
    )
    arguments: Any = data.draw(ARGUMENTS | st.sampled_from([None, 7]))
    before, refused = show.deck.parameters.wanted, address_space.refused
    taken = address_space.receive(address, arguments)
    assert taken == (address_space.refused == refused)
    assert taken or show.deck.parameters.wanted == before
    assert len(address_space.trouble) < 900
    faults = show.supervisor.faults.total
    show.deck.parameters.before_hop(show.deck.engine, next(hops))
    assert show.supervisor.faults.total == faults
    for knob in table():
        value = value_of(show.deck.engine.knobs, knob.name)
        if knob.low is not None and knob.high is not None:
            assert knob.low <= value <= knob.high
            assert knob.floor is None or value == knob.low or value >= knob.floor
    assert show.deck.engine.knobs.look.flash_limit
    assert json.loads(json.dumps(address_space.values(senses=False), allow_nan=False))

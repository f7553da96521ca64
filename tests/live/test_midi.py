"""Controllers that play, learn, go and come back: by hand, over wires of files, through JACK."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import mido
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.control.address_space import AddressSpace
from live.control.midi import Midi
from live.control.midi_driver import Driver
from live.control.midi_map import MODES, Control, Map, kept, map_of
from live.engine.parameters import Parameters
from live.supervisor import Supervisor, Worker
from synth.errors import UserError
from synth.settings.knobs import knobs_of, table, value_of
from synth.settings.preset import preset_of
from tests.live import wired
from tests.live.wired import Wires
from tests.stage import until

wires = wired.wires

BACKEND = "mido.backends.rtmidi/UNIX_JACK"
LEARNT = Path(__file__).parents[1] / "data" / "midi" / "nanokontrol2.toml"  # by version 0.1.0
KNOBS = [f"/{knob.name.replace('.', '/')}" for knob in table()]


class Instrument(SimpleNamespace):
    """What controls need of a deck."""

    def __init__(self) -> None:
        parameters = Parameters(preset_of("silk"), [], None)
        super().__init__(parameters=parameters, frozen=False, black=False)
        self.supervisor = Supervisor()
        self.engine = SimpleNamespace(cues=None, heard=None)

    def freeze(self, on: bool) -> None:
        self.frozen = on

    def blackout(self, on: bool) -> None:
        self.black = on

    def panic(self) -> None:
        self.freeze(False)
        self.blackout(False)
        self.parameters.reset()


@pytest.fixture
def address_space() -> AddressSpace:
    return AddressSpace(cast(Any, Instrument()))


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Idle(Supervisor):
    """Its workers do a round when the test says so."""

    def employ(self, name: str, work: Any, *, renew: Callable[[], None] | None = None) -> Worker:
        return self.worker(name, work, renew=renew)


class Room:
    """Controllers in the test's own hands and thread, without a driver."""

    def __init__(
        self, address_space: AddressSpace, folder: Path | None, wanted: str | None = None
    ) -> None:
        self.address_space, self.clock = address_space, Clock()
        self.supervisor = Idle(self.clock)
        self.midi = Midi(address_space, folder, wanted=wanted)
        self.midi.start(self.supervisor)

    def plug(self, name: str) -> None:
        box = self.midi._box_for(name)
        assert box is not None
        self.midi._ports.boxes[name] = box

    def say(self, name: str, kind: str, **values: Any) -> None:
        self.midi._queue({"heard": mido.Message(kind, **values).dict(), "port": name})
        self.round("MIDI in")

    def round(self, name: str) -> None:
        (worker,) = (worker for worker in self.supervisor.workers if worker.name == name)
        worker.do(worker._work)

    @property
    def faults(self) -> list[str]:
        return [str(fault) for fault in self.supervisor.faults]

    @property
    def notice(self) -> str:
        return self.supervisor.notices.newest


@pytest.fixture
def room(
    address_space: AddressSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Room]:
    monkeypatch.setattr("live.control.midi.driver_for", Driver)  # which nobody asks
    room = Room(address_space, tmp_path / "maps")
    room.plug("nanoKONTROL2")
    yield room
    room.midi.stop()


# ---- learning


def test_learning_offers_what_a_control_can_play(room: Room) -> None:
    node = room.address_space.nodes["/look/flash_limit"]
    room.address_space.nodes["/look/flash_limit"] = replace(node, write=None)
    offered = []
    for _ in KNOBS:
        room.midi.learn_next()
        offered.append(room.notice.removeprefix("move a control for "))
    assert set(offered[:-3]) == set(KNOBS) - {
        "/steer/classes",
        "/steer/avoid",
        "/look/flash_limit",
    }
    assert offered[-3] == "no control is learnt"
    room.say("nanoKONTROL2", "control_change", control=99, value=3)
    learnt = room.midi.maps[0].controls[-1]
    assert learnt == Control(offered[-1], cc=99, channel=1)


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("/steer/classes", "is a list, which no control can play"),
        ("/steer/avoid", "is a list, which no control can play"),
        ("/sense/level", "can only be read"),
        ("/preset/name", "can only be read"),
        ("/steer/depth/to", "needs words or numbers that no control can say"),
        ("/preset/load", "needs words or numbers that no control can say"),
        ("/midi/learn", "needs words or numbers that no control can say"),
        ("/nowhere", "is no address"),
    ],
)
def test_what_no_control_can_play_is_refused_with_a_sentence(
    address: str, why: str, room: Room, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"^/midi/learn: {address} {why}; learn a knob"):
        room.midi.learn(address)
    assert not room.address_space.receive("/midi/learn", [address])
    assert address in room.address_space.trouble
    room.say("nanoKONTROL2", "control_change", control=99, value=3)
    assert not (tmp_path / "maps").exists()


@pytest.mark.parametrize(
    "address",
    ["/tap", "/preset/next", "/freeze", "/panic", "/seed", "/steer/depth/reset", "/preset/on_beat"],
)
def test_pads_learn_actions_and_switches(address: str, room: Room) -> None:
    assert room.address_space.receive("/midi/learn", [address])
    room.say("nanoKONTROL2", "note_on", note=36, velocity=90, channel=9)
    assert room.midi.maps[0].controls[-1] == Control(address, note=36, channel=10)
    room.say("nanoKONTROL2", "note_on", note=36, velocity=90, channel=9)
    assert room.faults == []


def test_a_pad_that_learnt_a_range_gives_its_force(room: Room) -> None:
    room.midi.learn("/steer/kick")
    room.say("nanoKONTROL2", "note_on", note=36, velocity=1)
    room.say("nanoKONTROL2", "note_off", note=36)
    before = room.address_space.value("/steer/kick")
    room.say("nanoKONTROL2", "note_on", note=36, velocity=127)
    assert room.address_space.value("/steer/kick") == [1.0]
    room.say("nanoKONTROL2", "note_off", note=36)
    assert room.address_space.value("/steer/kick") == before


def test_what_is_learnt_keeps_the_others_and_holds_for_all_that_come_later(
    room: Room, tmp_path: Path
) -> None:
    shipped = room.midi.maps[-1]
    assert shipped.name == "nanoKONTROL2"
    room.plug("nanoKONTROL2 B")
    room.midi.learn("/steer/kick")
    room.say("nanoKONTROL2", "control_change", control=7, value=3)  # it was /steer/depth
    kept_map = map_of((tmp_path / "maps" / "nanokontrol2.toml").read_text("utf-8"), "kept")
    others = tuple(c for c in shipped.controls if c.cc != 7)
    assert kept_map.controls == (*others, Control("/steer/kick", cc=7, channel=1))
    room.plug("nanoKONTROL2 C")
    for name in ("nanoKONTROL2 B", "nanoKONTROL2 C"):
        for value in (0, 127, 64):
            room.say(name, "control_change", control=7, value=value)
        assert room.address_space.value("/steer/kick") == [64 / 127]
        room.address_space.receive("/steer/kick", [0.0])


def test_faders_that_differ_only_in_their_channel_are_learnt_apart(room: Room) -> None:
    for channel, address in enumerate(("/bands/bass", "/bands/mid")):
        room.midi.learn(address)
        room.say("nanoKONTROL2", "control_change", control=90, value=0, channel=channel)
    for channel, value in ((0, 0), (0, 127), (1, 0), (1, 64)):
        room.say("nanoKONTROL2", "control_change", control=90, value=value, channel=channel)
    assert room.address_space.value("/bands/bass") == [1.0]
    assert room.address_space.value("/bands/mid") == [64 / 127]


def test_learning_stays_in_sight_and_ends_by_itself(room: Room) -> None:
    room.midi.learn("/steer/kick")
    for _ in range(9):
        room.clock.now += 6.0
        room.round("MIDI in")
        assert room.notice == "move a control for /steer/kick"
    room.clock.now += 7.0
    room.round("MIDI in")
    assert room.notice == "no control is learnt"
    room.say("nanoKONTROL2", "control_change", control=99, value=0)
    assert room.midi.maps[0].name != "nanoKONTROL2" or len(room.midi.maps[0].controls) == 25


def test_a_wheel_that_cannot_be_learnt_is_said(room: Room) -> None:
    room.midi.learn("/steer/kick")
    room.say("nanoKONTROL2", "pitchwheel", pitch=100)
    assert room.notice == "pitchwheel cannot be learnt; move another control"
    room.say("nanoKONTROL2", "control_change", control=99, value=0)
    assert room.notice == "learnt: /steer/kick"


def test_a_map_that_cannot_be_kept_plays_and_is_told(room: Room, tmp_path: Path) -> None:
    (tmp_path / "maps").write_text("a file where the folder should be")
    room.midi.learn("/steer/kick")
    for value in (0, 127, 64):
        room.say("nanoKONTROL2", "control_change", control=99, value=value)
    assert room.address_space.value("/steer/kick") == [64 / 127]
    assert "the map cannot be kept (FileExistsError" in room.faults[0]


@pytest.mark.parametrize("name", ['My "Box"', "Box\\1", "Bo\udc80x"])
def test_a_port_of_any_name_is_wanted_and_learns(
    name: str, room: Room, address_space: AddressSpace, tmp_path: Path
) -> None:
    wanted = Room(address_space, tmp_path / "maps", wanted=name)
    wanted.plug(f"{name} MIDI 1")
    wanted.midi.learn("/steer/kick")
    for value in (0, 127, 64):
        wanted.say(f"{name} MIDI 1", "control_change", control=99, value=value)
    assert address_space.value("/steer/kick") == [64 / 127]
    if name.isprintable():
        assert Room(address_space, tmp_path / "maps").midi.maps[0].name == name
    else:  # bytes of the command line that are no text
        assert "the map cannot be kept (UnicodeEncodeError" in wanted.faults[0]


# ---- maps on disk


def test_a_learnt_list_is_left_out_and_told_and_the_others_play(
    room: Room, address_space: AddressSpace, tmp_path: Path
) -> None:
    (tmp_path / "maps").mkdir()
    shutil.copy(LEARNT, tmp_path / "maps")
    node = address_space.nodes["/look/flash_limit"]
    address_space.nodes["/look/flash_limit"] = replace(node, write=None)
    room = Room(address_space, tmp_path / "maps")
    assert room.faults == [
        "MIDI: nanoKONTROL2: /steer/classes is a list, which no control can play, "
        "/look/flash_limit can only be read; what should play this is left out"
    ]
    room.plug("nanoKONTROL2")
    classes, limit = address_space.value("/steer/classes"), address_space.value("/look/flash_limit")
    for value in (0, 127, 64):
        room.say("nanoKONTROL2", "control_change", control=98, value=value)
        room.say("nanoKONTROL2", "control_change", control=99, value=value)
        room.say("nanoKONTROL2", "note_on", note=37, velocity=value)
        room.say("nanoKONTROL2", "note_on", note=38, velocity=value)
    assert address_space.value("/steer/kick") == [64 / 127]
    assert address_space.value("/look/fit") == ["mirror"]  # two presses from crop
    assert address_space.value("/steer/classes") == classes
    assert address_space.value("/look/flash_limit") == limit
    assert len(room.faults) == 1
    room.midi.learn("/steer/drift")
    room.say("nanoKONTROL2", "control_change", control=97, value=0)
    written = (tmp_path / "maps" / "nanokontrol2.toml").read_text("utf-8")
    assert len(map_of(written, "kept").controls) == 31  # what this version cannot play is not lost


def test_a_broken_map_is_told_whoever_is_wanted_and_the_others_play(
    room: Room, address_space: AddressSpace, tmp_path: Path
) -> None:
    (tmp_path / "maps").mkdir()
    (tmp_path / "maps" / "broken.toml").write_text("cc = true")
    for wanted in (None, "Some Box"):
        broken = Room(address_space, tmp_path / "maps", wanted)
        (fault,) = broken.faults
        assert "broken.toml: is no map; it needs name and [[control]]" in fault
        broken.plug("nanoKONTROL2")


def test_keyframes_by_number_and_words_may_stand_in_a_map(
    room: Room, address_space: AddressSpace, tmp_path: Path
) -> None:
    kept(Map("Pads", (Control("/cue/3", note=1),)), tmp_path / "maps")
    room = Room(address_space, tmp_path / "maps")
    room.plug("Pads")
    assert room.faults == []
    room.say("Pads", "note_on", note=1)
    assert "there is no bank" in address_space.trouble  # it was asked for


# ---- whatever is heard

SEVEN = st.integers(0, 127)
CHANNEL = st.integers(0, 15)
BARE = ["clock", "start", "continue", "stop", "active_sensing", "reset", "tune_request"]
MESSAGES = st.one_of(
    st.builds(lambda **v: ("control_change", v), control=SEVEN, value=SEVEN, channel=CHANNEL),
    st.builds(lambda **v: ("note_on", v), note=SEVEN, velocity=SEVEN, channel=CHANNEL),
    st.builds(lambda **v: ("note_off", v), note=SEVEN, velocity=SEVEN, channel=CHANNEL),
    st.builds(lambda **v: ("polytouch", v), note=SEVEN, value=SEVEN, channel=CHANNEL),
    st.builds(lambda **v: ("aftertouch", v), value=SEVEN, channel=CHANNEL),
    st.builds(lambda **v: ("pitchwheel", v), pitch=st.integers(-8192, 8191), channel=CHANNEL),
    st.builds(lambda **v: ("program_change", v), program=SEVEN, channel=CHANNEL),
    st.builds(lambda **v: ("sysex", v), data=st.lists(SEVEN, max_size=9).map(tuple)),
    st.builds(lambda **v: ("songpos", v), pos=st.integers(0, 16383)),
    st.builds(lambda **v: ("song_select", v), song=SEVEN),
    st.builds(
        lambda **v: ("quarter_frame", v),
        frame_type=st.integers(0, 7),
        frame_value=st.integers(0, 15),
    ),
    st.sampled_from([(kind, {}) for kind in BARE]),
)
PLACES = st.one_of(
    st.fixed_dictionaries({"cc": st.integers(0, 95), "fine": st.booleans()}),
    st.fixed_dictionaries({"note": SEVEN}),
)
ADDRESSES = [*KNOBS, "/tap", "/freeze", "/panic", "/seed", "/cue", "/cue/3", "/preset/load"]
ADDRESSES += ["/steer/depth/to", "/steer/depth/add", "/sense/level", "/midi/learn", "/nowhere"]
MAPS = st.lists(
    st.builds(
        lambda place, **rest: Control(**place, **rest),
        PLACES,
        address=st.sampled_from(ADDRESSES),
        channel=st.none() | st.integers(1, 16),
        mode=st.sampled_from(MODES),
        momentary=st.booleans(),
    ),
    max_size=8,
)


@settings(deadline=None, max_examples=60)
@given(
    MAPS,
    st.lists(MESSAGES, max_size=40),
    st.lists(st.sampled_from([*KNOBS, "/tap"]), max_size=3),
)
def test_no_message_and_no_map_raises_and_knobs_stay_in_range(
    controls_of: list[Control], messages: list[tuple[str, dict[str, Any]]], learnt: list[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("live.control.midi.driver_for", Driver)
        address_space = AddressSpace(cast(Any, Instrument()))
        room = Room(address_space, None, "Box")
    room.midi.maps = [Map("Box", tuple(controls_of), clock=True)]
    room.plug("Box")
    moved = [
        ("control_change", {"control": c.cc, "value": value, "channel": (c.channel or 1) - 1})
        if c.cc is not None
        else ("note_on", {"note": c.note, "velocity": value, "channel": (c.channel or 1) - 1})
        for c in controls_of
        for value in (0, 127, 64)
    ]
    for address in learnt:
        address_space.receive("/midi/learn", [address])
    for kind, values in (*messages, *moved):
        room.say("Box", kind, **values)
        room.midi._ports.boxes["Box"].takeover.lights("/steer/depth", 0.5)
    assert not any("was not played" in f or "lost" in f for f in room.faults), room.faults
    wanted = address_space._deck.parameters.wanted
    knobs_of(wanted.model_dump(), "wanted")
    for knob in table():
        value = value_of(wanted, knob.name)
        assert knob.low is None or knob.high is None or knob.low <= value <= knob.high


def test_what_is_no_message_at_all_is_told(room: Room) -> None:
    for told in ({"heard": 7, "port": "nanoKONTROL2"}, {"heard": {}}, {"lost": "x", "port": "y"}):
        room.midi._queue(cast(Any, told))
        room.round("MIDI in")
    odd = {"type": "control_change", "control": 7, "value": "loud", "channel": 0}
    room.midi._queue({"heard": odd, "port": "nanoKONTROL2"})
    room.round("MIDI in")
    assert len(room.faults) == 2
    assert all(fault.startswith("MIDI: ") for fault in room.faults)


def test_a_message_that_raises_is_told_and_the_next_one_plays(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    takeover = room.midi._ports.boxes["nanoKONTROL2"].takeover
    monkeypatch.setattr(takeover, "send", lambda *_: 1 / 0)
    for value in range(0, 128, 2):
        room.say("nanoKONTROL2", "control_change", control=7, value=value)
    monkeypatch.undo()
    assert "control_change was not played (ZeroDivisionError" in room.faults[0]
    assert len(room.faults) == 1
    for value in (127, 64):
        room.say("nanoKONTROL2", "control_change", control=7, value=value)
    assert room.address_space.value("/steer/depth") == [64 / 127]


def test_programs_are_presets_and_those_that_are_none_are_told(room: Room) -> None:
    names = list(room.address_space.presets())
    room.say("nanoKONTROL2", "program_change", program=2)
    assert room.address_space.value("/preset/name") == [names[2]]
    room.say("nanoKONTROL2", "program_change", program=127)
    assert room.faults == [
        f"MIDI: nanoKONTROL2: program 128 is asked for; there are {len(names)} presets"
    ]
    assert room.address_space.value("/preset/name") == [names[2]]


def test_messages_that_come_too_fast_are_dropped_from_the_oldest_and_counted(room: Room) -> None:
    for n in range(2000):
        control, value = (7, 127) if n < 1990 else (7, 60 + n - 1990)
        told = mido.Message("control_change", control=control, value=value).dict()
        room.midi._queue({"heard": told, "port": "nanoKONTROL2"})
    assert room.midi.dropped == 2000 - 1024
    assert "976 messages were dropped; they come too fast" in room.faults[0]
    for _ in range(1024):
        room.round("MIDI in")
    assert room.address_space.value("/steer/depth") == [69 / 127]  # where the fader stands now


# ---- the tempo of a clock


@pytest.fixture
def sequencer(room: Room, address_space: AddressSpace, tmp_path: Path) -> Room:
    kept(Map("Sequencer", (), clock=True), tmp_path / "maps")
    room = Room(address_space, tmp_path / "maps")
    room.plug("Sequencer")
    return room


def ticks(room: Room, bpm: float, seconds: float) -> list[float]:
    """The tempi that were set meanwhile, when they changed."""
    tempi: list[float] = []
    for _ in range(round(seconds * bpm * 24 / 60)):
        room.clock.now += 60 / bpm / 24
        room.say("Sequencer", "clock")
        (tempo,) = room.address_space.value("/hear/bpm")
        tempi += [tempo] if tempi[-1:] != [tempo] else []
    return tempi


def test_a_clock_is_the_tempo_whichever_preset_plays(sequencer: Room) -> None:
    assert ticks(sequencer, 126.0, 4) == [0.0, 126.0]
    sequencer.address_space.receive("/preset/load", ["reef"])
    assert ticks(sequencer, 126.0, 4) == [126.0]


def test_a_clock_that_wavers_does_not_flicker(sequencer: Room) -> None:
    tempi = [tempo for n in range(20) for tempo in ticks(sequencer, 120 + n % 2 * 0.1, 2)]
    assert set(tempi) == {0.0, 120.0}


def test_equal_times_and_absurd_tempi_leave_the_tempo_alone(sequencer: Room) -> None:
    assert ticks(sequencer, 120.0, 4.2) == [0.0, 120.0]
    for _ in range(300):
        sequencer.say("Sequencer", "clock")  # all at once
    assert ticks(sequencer, 2000.0, 2) == [120.0]
    assert ticks(sequencer, 10.0, 4) == [120.0]
    (fault,) = sequencer.faults
    assert "MIDI: Sequencer: its clock " in fault


def test_a_clock_that_stopped_lets_the_ears_listen_again(sequencer: Room) -> None:
    ticks(sequencer, 120.0, 4)
    sequencer.clock.now += 4.0
    sequencer.round("MIDI in")
    assert sequencer.address_space.value("/hear/bpm") == [120.0]
    sequencer.clock.now += 2.0
    sequencer.round("MIDI in")
    assert sequencer.address_space.value("/hear/bpm") == [0.0]
    assert "the MIDI clock stopped" in sequencer.notice


def test_a_tempo_that_was_set_by_hand_outlives_the_clock(sequencer: Room) -> None:
    ticks(sequencer, 120.0, 4)
    sequencer.address_space.receive("/hear/bpm", [99.0])
    sequencer.clock.now += 7.0
    sequencer.round("MIDI in")
    assert sequencer.address_space.value("/hear/bpm") == [99.0]


# ---- the real process of the driver, over wires of files


@pytest.fixture
def wired_midi(
    wires: Wires, address_space: AddressSpace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Midi, Supervisor]]:
    """With less patience than in a show."""
    for constant, seconds in (("supervisor._SHORTEST", 0.6), ("control.midi_ports._LOOK", 0.2)):
        monkeypatch.setattr(f"live.{constant}", seconds)
    for constant, seconds in (("_SLOW", 3.0), ("_PATIENCE", 0.6)):
        monkeypatch.setattr(f"live.control.midi_ports.{constant}", seconds)
    supervisor = Supervisor()
    midi = Midi(address_space, tmp_path / "maps")
    supervisor.start()
    midi.start(supervisor)
    yield midi, supervisor
    midi.stop()
    supervisor.stop()


def lights(wires: Wires, name: str) -> dict[int, int]:
    """What a controller's lights show."""
    return {m.control: m.value for m in wires.sent(name) if m.type == "control_change"}


def test_controllers_that_come_later_come_back_or_learn_get_all_lights(
    wired_midi: tuple[Midi, Supervisor], wires: Wires, address_space: AddressSpace
) -> None:
    midi, _ = wired_midi
    wires.plug("nanoKONTROL2")
    until(lambda: 7 in lights(wires, "nanoKONTROL2"), "its lights", 5)
    time.sleep(0.3)  # all is known by now
    wires.plug("nanoKONTROL2", "MIDI Mix")
    until(lambda: 61 in lights(wires, "MIDI Mix"), "lights of the later one", 5)
    assert lights(wires, "MIDI Mix")[61] == 127  # /steer/depth
    assert lights(wires, "nanoKONTROL2")[7] == 127

    wires.plug("MIDI Mix")
    until(lambda: midi.connected == ["MIDI Mix"], "the loss", 5)
    (wires.folder / "nanoKONTROL2.out").unlink()
    wires.plug("nanoKONTROL2", "MIDI Mix")
    until(lambda: lights(wires, "nanoKONTROL2").get(7) == 127, "lights after the return", 5)

    address_space.receive("/steer/drift", [1.0])
    until(lambda: lights(wires, "nanoKONTROL2").get(6) == 127, "what is new", 5)
    midi.learn("/steer/drift")
    wires.say("nanoKONTROL2", "control_change", control=99, value=0)
    until(lambda: lights(wires, "nanoKONTROL2").get(99) == 127, "light of what was learnt", 5)


def test_lights_that_failed_are_told_and_come_again(
    wired_midi: tuple[Midi, Supervisor], wires: Wires
) -> None:
    _, supervisor = wired_midi
    wires.fate("send-raises").touch()
    wires.plug("nanoKONTROL2")
    until(lambda: any("cannot be sent to" in str(f) for f in supervisor.faults), "the fault", 5)
    wires.fate("send-raises").unlink()
    until(lambda: lights(wires, "nanoKONTROL2").get(7) == 127, "its lights", 5)


@pytest.mark.parametrize("word", ["look", "open"])
def test_a_driver_that_hangs_is_told_replaced_and_opens_once(
    word: str,
    wired_midi: tuple[Midi, Supervisor],
    wires: Wires,
    address_space: AddressSpace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("live.control.midi_ports._SLOW", 2.0)  # which starting and opening may take
    midi, supervisor = wired_midi
    until(lambda: wires.calls("look") > 2, "the first looks", 5)
    fate = wires.fate(f"{word}-hangs")
    fate.touch()
    wires.plug("nanoKONTROL2")
    until(lambda: any("has not come round" in str(f) for f in supervisor.faults), "its telling", 9)
    fate.unlink()
    until(lambda: lights(wires, "nanoKONTROL2").get(7) == 127, "its lights", 15)
    assert midi.connected == ["nanoKONTROL2"]
    wires.say("nanoKONTROL2", "control_change", control=45, value=127)  # turns /freeze
    until(lambda: address_space.value("/freeze") == [True], "the button", 5)
    time.sleep(0.3)
    assert address_space.value("/freeze") == [True]  # it was heard once


def test_a_driver_that_falls_is_told_and_all_is_taken_up_again(
    wired_midi: tuple[Midi, Supervisor], wires: Wires, address_space: AddressSpace
) -> None:
    _, supervisor = wired_midi
    fate = wires.fate("send-falls")
    fate.touch()
    wires.plug("nanoKONTROL2")
    until(lambda: any("signal 11" in str(f) for f in supervisor.faults), "its telling", 9)
    fate.unlink()
    until(lambda: lights(wires, "nanoKONTROL2").get(7) == 127, "its lights", 15)
    for value in (127, 64):
        wires.say("nanoKONTROL2", "control_change", control=7, value=value)
    until(lambda: address_space.value("/steer/depth") == [64 / 127], "the value", 5)


@pytest.mark.parametrize("word", ["look", "close", "send"])
def test_the_end_comes_within_a_second_whatever_the_driver_does(
    word: str, address_space: AddressSpace, wires: Wires, tmp_path: Path
) -> None:
    supervisor = Supervisor()
    midi = Midi(address_space, None)
    midi.start(supervisor)
    wires.plug("nanoKONTROL2")
    until(lambda: midi.connected, "the controller", 9)
    wires.fate(f"{word}-hangs").touch()
    calls = wires.calls(word)
    if word == "close":
        wires.plug()
    address_space.receive("/steer/depth", [0.3])
    until(lambda: wires.calls(word) > calls, "the hanging", 9)
    begun = time.monotonic()
    midi.stop()
    assert time.monotonic() - begun < 1.0
    assert address_space.learn is None
    until(lambda: all(link.is_gone(0) for link in midi._driver._links), "the processes' end", 5)
    assert not any("has not come round" in str(fault) for fault in supervisor.faults)


def test_nothing_that_never_began_is_hard_to_end(wires: Wires, address_space: AddressSpace) -> None:
    midi = Midi(address_space, None)
    begun = time.monotonic()
    midi.stop()
    assert time.monotonic() - begun < 1.0


# ---- real MIDI through JACK's dummy driver


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A JACK server of our own, without a sound card."""
    pytest.importorskip("rtmidi", reason="python-rtmidi has no wheel for this Python")
    assert shutil.which("jackd"), (
        "jackd is missing; `make test` installs it: apt-get install jackd2"
    )
    before = {name: os.environ.get(name) for name in ("JACK_DEFAULT_SERVER", "MIDO_BACKEND")}
    os.environ |= {"JACK_DEFAULT_SERVER": "ljtest", "MIDO_BACKEND": BACKEND}
    command = ["jackd", "--no-realtime", "-n", "ljtest", "-d", "dummy", "-r", "44100", "-p", "512"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    mido.set_backend(BACKEND)

    def up() -> bool:
        try:
            mido.get_input_names()
        except Exception:
            return False
        return True

    until(up, "JACK", 10)
    yield
    server.terminate()
    server.wait(10)
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    supervisor = Supervisor()
    supervisor.start()
    yield supervisor
    supervisor.stop()


@pytest.fixture
def midi(
    jack: None, supervisor: Supervisor, address_space: AddressSpace, tmp_path: Path
) -> Iterator[Midi]:
    midi = Midi(address_space, tmp_path / "maps")
    midi.start(supervisor)
    yield midi
    midi.stop()


def message(kind: str, **values: int) -> Any:
    return mido.Message(kind, **values)


def controller(name: str) -> Any:
    return mido.open_output(name, virtual=True, client_name=name)


def test_a_controller_is_found_plays_learns_and_comes_back(
    midi: Midi, supervisor: Supervisor, address_space: AddressSpace, tmp_path: Path
) -> None:
    shown = mido.open_input("nanoKONTROL2", virtual=True, client_name="lights of nanoKONTROL2")
    box = controller("nanoKONTROL2")
    until(lambda: bool(midi.connected), "the controller", 15)
    until(lambda: (m := shown.poll()) is not None and m.control == 7, "its lights", 15)
    shown.close()
    for value in range(0, 128, 8):
        box.send(message("control_change", control=7, value=value))  # /steer/depth is at 1
    box.send(message("control_change", control=7, value=127))
    box.send(message("control_change", control=7, value=64))
    until(lambda: address_space.value("/steer/depth") == [64 / 127], "the value", 3)

    midi.learn("/steer/kick")
    box.send(message("control_change", control=99, value=0))
    until(lambda: "learnt" in supervisor.notices.newest, "learning", 3)
    for value in (0, 64, 127, 100):
        box.send(message("control_change", control=99, value=value))
    until(lambda: address_space.value("/steer/kick") == [100 / 127], "the learnt control", 3)
    assert 'address = "/steer/kick"' in (tmp_path / "maps" / "nanokontrol2.toml").read_text()

    box.send(message("program_change", program=2))
    names = list(address_space.presets())
    until(lambda: address_space.value("/preset/name") == [names[2]], "the preset", 3)

    box.close()
    until(lambda: not midi.connected, "the loss", 15)
    time.sleep(0.2)
    box = controller("nanoKONTROL2")
    until(lambda: bool(midi.connected), "the return", 15)
    box.close()


def test_a_controller_without_a_map_is_left_alone(midi: Midi) -> None:
    box = controller("Unknown Box")
    time.sleep(2.5)
    assert midi.connected == []
    box.close()

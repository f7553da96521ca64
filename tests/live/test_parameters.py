import math
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.engine import preset_files
from live.engine.parameters import Parameters
from live.supervisor import Supervisor
from synth.engine import Engine
from synth.errors import UserError
from synth.session import Event
from synth.settings.knobs import Knobs, value_of
from synth.settings.preset import Preset, preset_of, shipped
from tests.doubles import Lamp
from tests.stage import until

HOP = np.zeros(512, np.float32)
ON_BEAT = Knobs.model_validate({"preset": {"on_beat": True}})


def playing(parameters: Parameters) -> Engine:
    engine = Engine(parameters.preset.knobs, Lamp().embed)
    engine.hear(HOP)
    return engine


def save(path: Path, text: str, second: int) -> None:
    path.write_text(text)
    os.utime(path, (second, second))


def truncation(value: float) -> str:
    return f"[steer]\ntruncation = {value}\n"


class Watched:
    """A file that plays, and how the show takes what is saved there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mine.toml"
        save(self.path, truncation(0.5), 1)
        self.parameters = Parameters(preset_of(str(self.path)), [], self.path)
        self.engine = playing(self.parameters)

    def look(self, times: int = 1) -> float:
        """Look so many times; the truncation that plays then."""
        for _ in range(times):
            self.parameters.files.look()
        self.parameters.before_hop(self.engine, 0)
        return self.engine.knobs.steer.truncation

    @property
    def told(self) -> list[tuple[str, int]]:
        return [(fault.latest, fault.count) for fault in self.parameters.faults]


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


# ---- a file that is saved


def test_a_saved_preset_changes_the_show_and_a_broken_one_does_not(watched: Watched) -> None:
    save(watched.path, truncation(0.9), 2)
    assert watched.look(2) == 0.9
    save(watched.path, truncation(9), 3)
    assert watched.look(5) == 0.9
    assert watched.told == [(f"{watched.path}: steer.truncation is 9; use 0.02 to 1", 1)]
    assert watched.parameters.trouble == watched.told[0][0]
    save(watched.path, truncation(0.1), 4)
    assert watched.look(2) == 0.1
    assert watched.parameters.trouble == ""
    assert len(watched.told) == 1


def test_a_file_is_taken_once_it_stays_as_it_is_from_look_to_look(watched: Watched) -> None:
    """An editor writes in pieces; each piece may be a whole preset, and none is meant."""
    for second, value in enumerate((0.6, 0.7, 0.8), 2):
        save(watched.path, truncation(value), second)
        assert watched.look() == 0.5
    assert watched.look() == 0.8


def test_a_file_of_the_same_second_but_another_length_is_another(watched: Watched) -> None:
    save(watched.path, truncation(0.25), 1)
    assert watched.look(2) == 0.25


def test_a_file_that_changes_while_it_is_read_waits(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(name: str, settings: list[str]) -> Preset:
        found = preset_of(name, settings)
        save(watched.path, truncation(0.7), 3)
        return found

    save(watched.path, truncation(0.6), 2)
    with monkeypatch.context() as patched:
        patched.setattr(preset_files, "preset_of", read)
        assert watched.look(2) == 0.5
    assert watched.look() == 0.5
    assert watched.look() == 0.7


def test_an_empty_file_is_told_and_waited_for(watched: Watched) -> None:
    save(watched.path, "", 2)
    assert watched.look(4) == 0.5
    assert watched.told[0][0].startswith(f"{watched.path}: is empty; the look before stays")
    assert watched.told[0][1] == 1
    save(watched.path, truncation(0.3), 3)
    assert watched.look(2) == 0.3
    assert watched.parameters.trouble == ""


def test_a_file_that_goes_is_told_and_taken_again_when_it_is_back(watched: Watched) -> None:
    away = watched.path.with_suffix(".away")
    watched.path.rename(away)
    assert watched.look(5) == 0.5
    assert watched.told == [(f"{watched.path}: no such preset file", 1)]
    away.rename(watched.path)
    assert watched.look(2) == 0.5
    assert watched.parameters.trouble == ""


@pytest.mark.parametrize("instead", ["pipe", "folder", "device"])
def test_what_is_no_file_is_never_opened(instead: str, watched: Watched) -> None:
    watched.path.unlink()
    match instead:
        case "pipe":
            os.mkfifo(watched.path)
        case "folder":
            watched.path.mkdir()
        case "device":
            watched.path.symlink_to("/dev/zero")
    assert watched.look(3) == 0.5
    assert "mine.toml: is " in watched.parameters.trouble


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 60_000, "x" * 70_000, "[steer]\nkick = " + "9" * 5000, "\0" * 100]
)
def test_no_file_is_too_much(text: str, watched: Watched) -> None:
    save(watched.path, text, 2)
    assert watched.look(2) == 0.5
    assert watched.parameters.trouble.startswith(f"{watched.path}: ")


# ---- files in a thread of their own


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    yield Supervisor()


def test_the_watcher_sees_what_is_saved_and_what_is_new(tmp_path: Path) -> None:
    watched, clock = Watched(tmp_path), [0.0]
    supervisor = Supervisor(lambda: clock[0])
    watched.parameters.start(supervisor)
    try:
        save(watched.path, truncation(0.9), 2)
        (tmp_path / "new.toml").write_text("")
        (tmp_path / "folder.toml").mkdir()
        os.mkfifo(tmp_path / "pipe.toml")
        for _ in range(100):
            clock[0] += 0.6
            time.sleep(0.05)
            if (
                "new" in watched.parameters.presets()
                and watched.parameters.wanted.steer.truncation == 0.9
            ):
                break
        assert watched.look(0) == 0.9
        assert list(watched.parameters.presets())[-2:] == ["mine", "new"]
    finally:
        watched.parameters.stop()
    assert supervisor.workers == []


class Gate:
    """Reading that goes on when the gate is opened, as on a disk that hangs."""

    def __init__(self, hung: Path) -> None:
        self.hung, self.open, self.inside = hung, threading.Event(), threading.Event()

    def __call__(self, name: str, settings: list[str]) -> Preset:
        if Path(name) == self.hung:
            self.inside.set()
            self.open.wait(20)
        return preset_of(name, settings)


def looks(folder: Path, **values: float) -> dict[str, Path]:
    folder.mkdir(exist_ok=True)
    paths = {name: folder / f"{name}.toml" for name in values}
    for name, value in values.items():
        paths[name].write_text(truncation(value))
    return paths


def test_a_file_that_is_asked_for_keeps_nobody_waiting(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a knob that is turned meanwhile is laid over it."""
    there = looks(tmp_path, mine=0.5, other=0.7)
    parameters = Parameters(preset_of(str(there["mine"])), [], there["mine"])
    engine, gate = playing(parameters), Gate(there["other"])
    monkeypatch.setattr(preset_files, "preset_of", gate)
    parameters.start(supervisor)
    try:
        begun = time.monotonic()
        parameters.load(str(there["other"]), 0.0)
        parameters.turn("steer.kick", 0.9)
        assert time.monotonic() - begun < 0.1
        assert gate.inside.wait(5)
        parameters.before_hop(engine, 0)
        assert engine.knobs.steer.kick == 0.9
        assert engine.knobs.steer.truncation == 0.5
        gate.open.set()
        until(lambda: parameters.preset.name == "other", "the look", 5)
        parameters.before_hop(engine, 1)
        assert (engine.knobs.steer.truncation, engine.knobs.steer.kick) == (0.7, 0.9)
        assert parameters.wanted == engine.knobs
    finally:
        gate.open.set()
        parameters.stop()


def test_the_look_that_was_asked_for_last_plays(
    tmp_path: Path, supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = looks(tmp_path, mine=0.5, slow=0.7)
    parameters = Parameters(preset_of(str(there["mine"])), [], there["mine"])
    gate = Gate(there["slow"])
    monkeypatch.setattr(preset_files, "preset_of", gate)
    parameters.start(supervisor)
    try:
        parameters.load(str(there["slow"]))
        assert gate.inside.wait(5)
        parameters.load("reef")
        assert parameters.preset.name == "reef"
        gate.open.set()
        parameters.load(str(there["mine"]))
        until(lambda: parameters.preset.name == "mine", "the last look", 5)
        assert parameters.playing == there["mine"]
    finally:
        gate.open.set()
        parameters.stop()


def test_a_folder_that_hangs_costs_one_thread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hung, well = looks(tmp_path / "hung", a=0.5, b=0.7), looks(tmp_path / "well", c=0.9)
    clock = [0.0]
    supervisor = Supervisor(lambda: clock[0])
    parameters = Parameters(preset_of(str(hung["a"])), [], hung["a"])
    gate = Gate(hung["b"])
    monkeypatch.setattr(preset_files, "preset_of", gate)
    parameters.start(supervisor)
    try:
        parameters.load(str(hung["b"]))
        assert gate.inside.wait(5)
        for _ in range(4):
            clock[0] += 1.0
            supervisor.look()
        assert f"{tmp_path / 'hung'}: this folder does not answer" in parameters.trouble
        before = threading.active_count()
        for look in range(8):  # it is neither listed nor looked at nor read meanwhile
            clock[0] += 0.7
            time.sleep(0.15)
            supervisor.look()
            if look == 4:
                parameters.load(str(hung["a"]))
                until(lambda: "its folder does not answer" in parameters.trouble, "the word", 5)
        assert threading.active_count() == before
        parameters.load(str(well["c"]))
        until(lambda: parameters.preset.name == "c", "another folder's look", 5)
        parameters.load("reef")
        gate.open.set()
        until(lambda: not parameters.files._silent, "the answer", 5)
        assert parameters.preset.name == "reef"  # what came late was refused
        parameters.load(str(hung["b"]))
        until(lambda: parameters.preset.name == "b", "the folder's look", 5)
        assert parameters.trouble == ""
    finally:
        gate.open.set()
        parameters.stop()


def test_lists_of_names_are_kept(tmp_path: Path) -> None:
    there = looks(tmp_path, mine=0.5, other=0.7)
    parameters = Parameters(preset_of(str(there["mine"])), [], there["mine"])
    (tmp_path / "later.toml").write_text("")
    assert set(parameters.presets()) == {*shipped(), "mine", "other"}
    parameters.files.list_anew()
    assert set(parameters.presets()) == {*shipped(), "later", "mine", "other"}
    for path in tmp_path.iterdir():
        path.unlink()
    tmp_path.rmdir()
    parameters.files.list_anew()
    parameters.files.list_anew()
    assert set(parameters.presets()) == {*shipped(), "later", "mine", "other"}
    assert [f.count for f in parameters.faults if "cannot be listed" in f.text] == [1]


def test_a_crowded_folder_is_listed_in_part_and_told(tmp_path: Path) -> None:
    for number in range(1100):
        (tmp_path / f"{number}.toml").touch()
    parameters = Parameters(preset_of("silk"), [], tmp_path / "0.toml")
    assert len(parameters.presets()) == len(shipped()) + 1000
    assert "holds more than 1000 presets" in parameters.trouble


# ---- looks in turn


def test_arrows_go_through_all_presets_and_around() -> None:
    names = shipped()
    parameters = Parameters(preset_of(names[-1]), [], None)
    parameters.step(1)
    assert parameters.preset.name == names[0]
    parameters.step(-1)
    assert parameters.preset.name == names[-1]
    parameters.number(3)
    assert parameters.preset.name == names[2]


def test_arrows_pass_a_broken_preset(tmp_path: Path) -> None:
    there = looks(tmp_path, z1=0.5, z2=7, z3=0.9)
    parameters = Parameters(preset_of(str(there["z1"])), [], there["z1"])
    parameters.step(1)
    assert "z2.toml: steer.truncation is 7" in parameters.trouble
    parameters.step(1)
    assert parameters.preset.name == "z3"
    assert parameters.trouble == ""


def test_a_list_that_changed_costs_no_key(tmp_path: Path) -> None:
    there = looks(tmp_path, a=0.5, b=0.7)
    parameters = Parameters(preset_of(str(there["b"])), [], there["b"])
    for path in there.values():
        path.unlink()
    parameters.files.list_anew()
    for key in (-1, 0, 10**6, len(parameters.presets()) + 1):
        parameters.number(key)
    assert parameters.preset.name == "b"
    parameters.step(1)
    parameters.step(-1)
    assert parameters.preset.name in shipped()


def test_a_preset_that_is_not_there_is_told_and_the_look_stays() -> None:
    parameters = Parameters(preset_of("silk"), [], None)
    parameters.load("silkk")
    assert parameters.preset.name == "silk"
    assert "did you mean silk" in parameters.trouble
    assert [fault.part for fault in parameters.faults] == ["presets"]
    parameters.load("reef")
    assert parameters.trouble == ""


def test_no_look_turns_the_flash_limiter_off_and_none_turns_it_on_again(tmp_path: Path) -> None:
    there = looks(tmp_path, mine=0.5, other=0.7, bright=0.5)
    there["bright"].write_text("[look]\nflash_limit = false\n")
    parameters = Parameters(preset_of(str(there["mine"])), [], there["mine"])
    engine = playing(parameters)
    parameters.load(str(there["bright"]))
    assert "--set look.flash_limit=false" in parameters.trouble
    with pytest.raises(UserError, match="only the command line may set it"):
        parameters.turn("look.flash_limit", False)
    parameters.before_hop(engine, 0)
    assert engine.knobs.look.flash_limit

    off = ["look.flash_limit=false"]
    parameters = Parameters(preset_of(str(there["mine"]), off), off, there["mine"])
    engine = playing(parameters)
    for number, name in enumerate(("reef", str(there["other"]), "silk")):
        parameters.load(name)
        parameters.before_hop(engine, number)
        assert not engine.knobs.look.flash_limit
    parameters.reset()
    parameters.before_hop(engine, 9)
    assert not engine.knobs.look.flash_limit


# ---- taps


def test_four_taps_are_a_tempo() -> None:
    parameters = Parameters(preset_of("silk"), [], None)
    engine = playing(parameters)
    bpm = [parameters.tap(t) for t in (0.0, 0.5, 1.0, 1.5)][-1]
    assert bpm == pytest.approx(120)
    parameters.before_hop(engine, 0)
    assert engine.knobs.hear.bpm == pytest.approx(120)
    assert parameters.tap(10.0) == 0.0
    parameters.before_hop(engine, 1)
    assert engine.knobs.hear.bpm == 0


def test_taps_of_one_moment_are_one() -> None:
    parameters = Parameters(preset_of("silk"), [], None)
    assert [parameters.tap(t) for t in (5.0, 5.0, 5.0)] == [0, 0, 0]
    assert parameters.tap(5.5) == pytest.approx(120)
    assert parameters.tap(5.5) == pytest.approx(120)
    assert parameters.tap(6.0) == pytest.approx(120)


@given(st.lists(st.floats(0, 1e6) | st.floats(0, 3), max_size=40))
def test_no_taps_are_none_of_a_tempo(moments: list[float]) -> None:
    """Whatever a clock says, forwards or back."""
    parameters = Parameters(preset_of("silk"), [], None)
    for now in moments:
        bpm = parameters.tap(now)
        assert bpm == 0 or 20 <= bpm <= 300


# ---- looks that wait for their beat


def ticking(engine: Engine, hop: int, beat: float = 0.5) -> None:
    assert engine.heard is not None
    engine.heard = replace(engine.heard, time=hop * engine.dt, bpm=120.0, next_beat=beat)


def test_a_look_waits_for_the_predicted_beat() -> None:
    told: list[Event] = []
    parameters = Parameters(Preset("a", "", ON_BEAT), [], None, told.append)
    engine = playing(parameters)
    parameters.load("reef")
    for hop in range(100):
        ticking(engine, hop)
        parameters.before_hop(engine, hop)
        if told:
            break
    assert 0 <= 0.5 - hop * engine.dt <= engine.dt


def test_a_look_does_not_wait_where_no_beat_is_known() -> None:
    parameters = Parameters(Preset("a", "", ON_BEAT), [], None)
    engine = playing(parameters)
    parameters.load("reef")
    parameters.before_hop(engine, 0)
    assert engine.knobs == preset_of("reef").knobs


def test_knobs_turned_while_a_look_waits_are_laid_over_it() -> None:
    told: list[Event] = []
    parameters = Parameters(Preset("a", "", ON_BEAT), [], None, told.append)
    engine, reef = playing(parameters), preset_of("reef").knobs
    parameters.turn("steer.drift", 0.9)  # before the look was asked for: over with it
    parameters.load("reef", 0.0)
    parameters.turn("steer.kick", 0.93)
    parameters.ramp("steer.depth", 0.1, 0.2)
    for hop in range(30):
        ticking(engine, hop)
        parameters.before_hop(engine, hop)
    assert engine.knobs.steer.truncation == ON_BEAT.steer.truncation != reef.steer.truncation
    assert engine.knobs.steer.kick == 0.93  # heard at once
    assert engine.knobs.steer.depth == 0.1
    parameters.turn("steer.kick", 0.94)
    for hop in range(30, 60):
        ticking(engine, hop)
        parameters.before_hop(engine, hop)
    assert engine.knobs == parameters.wanted
    wanted = {"steer.kick": 0.94, "steer.depth": 0.1, "steer.drift": reef.steer.drift}
    assert {name: value_of(engine.knobs, name) for name in wanted} == wanted
    assert engine.knobs.steer.truncation == reef.steer.truncation
    assert told[-1]["fade"] == 0.0


def test_all_put_back_while_a_look_waits_is_the_look_as_it_is() -> None:
    parameters = Parameters(Preset("a", "", ON_BEAT), [], None)
    engine = playing(parameters)
    parameters.load("reef")
    parameters.turn("steer.kick", 0.93)
    ticking(engine, 0)
    parameters.before_hop(engine, 0)
    parameters.reset()
    parameters.before_hop(engine, 1)
    assert engine.knobs.steer.classes == ()
    ticking(engine, 43)
    parameters.before_hop(engine, 43)
    assert engine.knobs == preset_of("reef").knobs


def test_a_file_that_is_saved_while_it_waits_comes_as_it_was_saved(tmp_path: Path) -> None:
    there = looks(tmp_path, mine=0.5)
    parameters = Parameters(Preset("a", "", ON_BEAT), [], None)
    engine = playing(parameters)
    save(there["mine"], truncation(0.5), 1)
    parameters.load(str(there["mine"]))
    ticking(engine, 0)
    parameters.before_hop(engine, 0)
    save(there["mine"], truncation(0.25), 2)
    parameters.files.look()
    parameters.files.look()
    parameters.before_hop(engine, 1)
    assert engine.knobs == ON_BEAT
    ticking(engine, 43)
    parameters.before_hop(engine, 43)
    assert engine.knobs.steer.truncation == 0.25


# ---- ramps, and what fails


def ramped(
    knob: str, start: float, target: float, seconds: float
) -> tuple[list[float], Parameters]:
    parameters = Parameters(preset_of("silk"), [], None)
    engine = playing(parameters)
    parameters.turn(knob, start)
    parameters.ramp(knob, target, seconds)
    values = []
    for number in range(round(seconds * 44100 / 512) + 3):
        parameters.before_hop(engine, number)
        values.append(value_of(engine.knobs, knob))
    return values, parameters


def test_a_ramp_ends_exactly_where_it_shall() -> None:
    """0.15 + (0.02 - 0.15) is 0.01999999999999999, which is no truncation."""
    values, parameters = ramped("steer.truncation", 0.15, 0.02, 0.3)
    assert values[-1] == 0.02
    assert values == sorted(values, reverse=True)
    assert not parameters._ramps
    assert len(parameters.faults) == 0


@settings(deadline=None, max_examples=60)
@given(start=st.floats(0.02, 1), target=st.floats(-5, 5), seconds=st.floats(0, 0.4))
def test_every_ramp_ends_on_its_target(start: float, target: float, seconds: float) -> None:
    values, parameters = ramped("steer.truncation", start, target, seconds)
    assert values[-1] == pytest.approx(min(1.0, max(0.02, target)), rel=1e-7)
    assert not parameters._ramps
    assert len(parameters.faults) == 0


def test_a_tempo_passes_what_is_too_slow() -> None:
    values, parameters = ramped("hear.bpm", 0, 120, 0.5)
    assert values[0] == 20
    assert values[-1] == 120
    values, parameters = ramped("hear.bpm", 120, 0, 0.5)
    assert values[-1] == 0
    assert len(parameters.faults) == 0


@pytest.mark.parametrize("seconds", [math.inf, -math.inf, 1e300, -1.0])
def test_a_ramp_of_any_length_is_one(seconds: float) -> None:
    parameters = Parameters(preset_of("silk"), [], None)
    parameters.ramp("steer.kick", 0.9, seconds)
    parameters.before_hop(playing(parameters), 0)
    with pytest.raises(UserError, match="a ramp of no number of seconds"):
        parameters.ramp("steer.kick", 0.9, math.nan)


def test_what_fails_before_a_hop_is_told_and_keeps_nothing_else() -> None:
    told: list[Event] = []

    def tell(event: Event) -> None:
        told.append(event)
        if "steer.kick" in event.get("set", {}):
            raise OSError("nobody listens")

    parameters = Parameters(preset_of("silk"), [], None, tell)
    engine = playing(parameters)
    parameters.turn("steer.drift", 0.11)
    parameters._ramps["steer.depth"] = Broken()  # type: ignore[assignment]
    parameters._turns.append({"steer.kick": 0.9, "steer.jitter": 7})  # as no hand could
    parameters._turns.append({"steer.smoothing": 0.33})
    parameters.before_hop(engine, 0)
    steer = engine.knobs.steer
    assert (steer.drift, steer.kick, steer.smoothing) == (0.11, 0.9, 0.33)
    assert steer.jitter == preset_of("silk").knobs.steer.jitter
    faults = "; ".join(fault.text for fault in parameters.faults)
    assert "steer.jitter is 7" in faults
    assert "nobody listens" in faults
    assert "a ramp that breaks" in faults
    assert not parameters._ramps
    parameters.before_hop(engine, 1)
    assert sum(fault.count for fault in parameters.faults) == 3


class Broken:
    def at(self, _number: int) -> float:
        raise ValueError("a ramp that breaks")


def test_a_keyframe_without_a_bank_is_told() -> None:
    parameters = Parameters(preset_of("silk"), [], None)
    parameters.cue("next")
    parameters.before_hop(playing(parameters), 0)
    assert [fault.latest for fault in parameters.faults] == [
        "no keyframe can come: there is no bank; begin the show with --bank"
    ]


def test_what_was_told_before_the_show_is_in_its_report() -> None:
    parameters, supervisor = Parameters(preset_of("silk"), [], None), Supervisor()
    parameters.load("silkk")
    parameters.start(supervisor)
    parameters.stop()
    assert [fault.part for fault in supervisor.faults] == ["presets"]


def test_a_jump_of_the_song_is_told_with_its_hop() -> None:
    told: list[dict[str, Any]] = []
    parameters = Parameters(preset_of("silk"), [], None, told.append)
    engine = Engine(parameters.preset.knobs, Lamp().embed)
    for number in range(5):
        parameters.before_hop(engine, number)
        engine.hear(HOP, 30.0 + (number + 1) * engine.dt)
    assert told == [{"hop": 0, "at": 30.0 + engine.dt, "still": False}]

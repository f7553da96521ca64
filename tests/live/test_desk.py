import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from live.desk import Desk
from synth.knobs import Knobs
from synth.performance import Event
from synth.preset import Preset, preset_of, shipped
from synth.visual import Visual
from tests.doubles import Lamp

HOP = np.zeros(512, np.float32)


def playing(desk: Desk) -> Visual:
    visual = Visual(desk.preset.knobs, Lamp().embed)
    visual.hear(HOP)
    return visual


def save(path: Path, text: str, second: int) -> None:
    path.write_text(text)
    os.utime(path, (second, second))


def test_a_saved_preset_changes_the_show_and_a_broken_one_does_not(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    save(path, "[steer]\ntruncation = 0.5\n", 1)
    desk = Desk(preset_of(str(path)), [], path)
    visual = playing(desk)
    save(path, "[steer]\ntruncation = 0.9\n", 2)
    desk.watch(10.0)
    desk.before_hop(visual, 0)
    assert visual.knobs.steer.truncation == 0.9
    save(path, "[steer]\ntruncation = 9\n", 3)
    desk.watch(11.0)
    desk.before_hop(visual, 1)
    assert visual.knobs.steer.truncation == 0.9
    assert "mine.toml" in desk.trouble
    assert "truncation is 9" in desk.trouble
    path.unlink()
    desk.watch(12.0)
    assert "no such preset file" in desk.trouble
    save(path, "[steer]\ntruncation = 0.1\n", 5)
    desk.watch(13.0)
    desk.before_hop(visual, 2)
    assert visual.knobs.steer.truncation == 0.1
    assert desk.trouble == ""


def test_arrows_go_through_all_presets_and_around() -> None:
    names = shipped()
    desk = Desk(preset_of(names[-1]), [], None)
    desk.step(1)
    assert desk.preset.name == names[0]
    desk.step(-1)
    assert desk.preset.name == names[-1]
    desk.number(3)
    assert desk.preset.name == names[2]


def test_a_preset_that_is_not_there_is_told_and_the_look_stays() -> None:
    desk = Desk(preset_of("silk"), [], None)
    desk.load("silkk")
    assert desk.preset.name == "silk"
    assert "did you mean silk" in desk.trouble


def test_four_taps_are_a_tempo() -> None:
    desk = Desk(preset_of("silk"), [], None)
    visual = playing(desk)
    bpm = [desk.tap(t) for t in (0.0, 0.5, 1.0, 1.5)][-1]
    assert bpm == pytest.approx(120)
    desk.before_hop(visual, 0)
    assert visual.knobs.hear.bpm == pytest.approx(120)
    assert desk.tap(10.0) == 0.0
    desk.before_hop(visual, 1)
    assert visual.knobs.hear.bpm == 0


def test_a_look_waits_for_the_predicted_beat() -> None:
    knobs = Knobs.model_validate({"preset": {"on_beat": True}})
    told: list[Event] = []
    desk = Desk(Preset("a", "", knobs), [], None, told.append)
    visual = playing(desk)
    assert visual.heard is not None
    desk.load("reef")
    for hop in range(100):
        time = hop * visual.dt
        visual.heard = replace(visual.heard, time=time, bpm=120.0, next_beat=0.5)
        desk.before_hop(visual, hop)
        if told:
            break
    assert 0 <= 0.5 - time <= visual.dt


def test_a_look_does_not_wait_where_no_beat_is_known() -> None:
    knobs = Knobs.model_validate({"preset": {"on_beat": True}})
    desk = Desk(Preset("a", "", knobs), [], None)
    visual = playing(desk)
    desk.load("reef")
    desk.before_hop(visual, 0)
    assert visual.knobs == preset_of("reef").knobs

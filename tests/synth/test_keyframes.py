"""Cues as envelopes: they come, hold and go, and no latent jumps."""

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.analysis.analyzer import Analyzer, Features
from synth.latents.bank import Bank
from synth.latents.keyframes import Cues
from synth.latents.latent import Latent
from synth.latents.walk import WALL
from synth.settings.knobs import Cue
from tests.synth.test_bank import bank, keyframe

DT = 512 / 44100
QUIET = Analyzer().hear(np.zeros(512, np.float32))
MUSIC = Latent(np.full(128, 0.4, np.float32), np.zeros(128, np.float32), 0.7)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Bank:
    frames = [keyframe(text, time) for text, time in (("one", 1.0), ("two", 3.0), ("three", 6.0))]
    return bank(tmp_path_factory.mktemp("bank"), *frames)


def played(cues: Cues, cue: Cue, seconds: float, heard: Features = QUIET) -> list[Latent]:
    return [
        cues.step(replace(heard, time=k * DT), MUSIC, cue, DT, 0.0)
        for k in range(int(seconds / DT))
    ]


def near(a: np.ndarray, b: np.ndarray) -> float:
    return float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))


def test_a_cue_comes_holds_and_goes(three: Bank) -> None:
    cues, cue = Cues(three, follows=False), Cue(attack_time=0.5, release_time=0.5, grip=1.0)
    cues.go()
    path = played(cues, cue, 1.0)
    assert np.allclose(path[-1].embedding, three.latent(0).embedding, atol=1e-5)
    assert near(path[-1].noise, three.latent(0).noise) > 0.999
    assert cues.playing == "one"
    cues.release()
    assert np.array_equal(played(cues, cue, 0.6)[-1].noise, MUSIC.noise)
    assert cues.playing == ""


def test_grip_leaves_the_music_its_share(three: Bank) -> None:
    still, loose = Cue(attack_time=0.1, grip=1.0), Cue(attack_time=0.1, grip=0.5)
    ends = []
    for cue in (still, loose):
        cues = Cues(three, follows=False)
        cues.go(1)
        ends.append(played(cues, cue, 0.5)[-1])
    assert near(ends[0].noise, MUSIC.noise) < near(ends[1].noise, MUSIC.noise)
    assert np.allclose(ends[0].embedding, ends[1].embedding)


def test_go_takes_the_next_and_stops_at_the_end(three: Bank) -> None:
    cues = Cues(three, follows=False)
    heard = []
    for _ in range(5):
        cues.go()
        played(cues, Cue(), 0.1)
        heard.append(cues.playing)
    assert heard == ["one", "two", "three", "three", "three"]


def test_the_songs_own_time_brings_them(three: Bank) -> None:
    cues = Cues(three, follows=True)
    cue = Cue(attack_time=0.1, release_time=0.1)
    told = []
    for k in range(int(9 / DT)):
        cues.step(replace(QUIET, time=k * DT), MUSIC, cue, DT, 0.0)
        told.append((k * DT, cues.playing))
    begins = {text: min(t for t, said in told if said == text) for text in ("one", "two", "three")}
    assert list(begins.values()) == pytest.approx([1.0, 3.0, 6.0], abs=2 * DT)
    silent = [t for t, text in told if not text]
    assert any(5.2 < t < 5.9 for t in silent)
    assert silent[-1] > 8.5


def test_a_cue_waits_for_the_beat(three: Bank) -> None:
    cues, cue = Cues(three, follows=False), Cue(quantise="beat")
    ticking = replace(QUIET, bpm=120.0)
    cues.go()
    played(cues, cue, 0.3, ticking)
    assert cues.playing == ""
    cues.step(replace(ticking, beat=True), MUSIC, cue, DT, 0.0)
    assert cues.playing == "one"


def test_a_cue_waits_for_the_first_beat_of_the_bar_where_it_is_known(three: Bank) -> None:
    cues, cue = Cues(three, follows=False), Cue(quantise="bar")
    beat = replace(QUIET, bpm=120.0, beat=True)
    cues.go()
    for place in (2, 3, 4):
        cues.step(replace(beat, beat_in_bar=place), MUSIC, cue, DT, 0.0)
        assert cues.playing == ""
    cues.step(replace(beat, beat=False, beat_in_bar=1), MUSIC, cue, DT, 0.0)
    assert cues.playing == ""
    cues.step(replace(beat, beat_in_bar=1), MUSIC, cue, DT, 0.0)
    assert cues.playing == "one"


def test_where_no_bar_is_known_four_beats_are_one(three: Bank) -> None:
    cues, cue = Cues(three, follows=False), Cue(quantise="bar")
    beat = replace(QUIET, bpm=120.0, beat=True)
    cues.go()
    came = []
    for _ in range(4):
        cues.step(beat, MUSIC, cue, DT, 0.0)
        came.append(cues.playing)
    assert came == ["", "", "", "one"]


@settings(deadline=None, max_examples=60)
@given(
    calls=st.lists(
        st.tuples(st.integers(1, 60), st.sampled_from([0, 1, 2, "release"])), max_size=8
    ),
    attack=st.floats(0.2, 3),
    release=st.floats(0.2, 3),
    grip=st.floats(0, 1),
)
def test_no_cue_makes_a_jump(
    three: Bank, calls: list[tuple[int, int | str]], attack: float, release: float, grip: float
) -> None:
    """However cues overlap, a hop moves the latent no further than its fastest envelope may."""
    cues, cue = Cues(three, follows=False), Cue(attack_time=attack, release_time=release, grip=grip)
    path: list[Latent] = []
    for hops, call in calls:
        if call == "release":
            cues.release()
        else:
            cues.go(int(call))
        path += [cues.step(QUIET, MUSIC, cue, DT, 0.0) for _ in range(hops)]
    farthest = max(float(np.linalg.norm(three.latent(k).embedding)) for k in range(3))
    steepest = 2 * 1.5 * DT * (1 / attack + 1 / release)
    for a, b in itertools.pairwise(path):
        assert np.linalg.norm(b.embedding - a.embedding) <= 2 * farthest * steepest + 1e-5
        assert np.abs(b.noise).max() <= WALL


def test_overlapping_cues_share(three: Bank, tmp_path: Path) -> None:
    cues, cue = Cues(three, follows=False), Cue(attack_time=1.0, release_time=1.0, grip=1.0)
    cues.go(0)
    played(cues, cue, 1.2)
    cues.go(1)
    between = played(cues, cue, 0.5)[-1].embedding
    one, two = three.latent(0).embedding, three.latent(1).embedding
    assert np.linalg.norm(between - one) < np.linalg.norm(two - one)
    assert np.linalg.norm(between - two) < np.linalg.norm(two - one)


def test_a_keyframe_of_three_sizes_keeps_them(tmp_path: Path) -> None:
    levels = np.stack([np.full(128, level, np.float32) for level in (0.2, -0.4, 0.8)])
    frame = keyframe("apart", 0.0)
    apart = replace(frame.latent, levels=levels)
    file = bank(tmp_path, replace(frame, latent=apart), keyframe("whole", 5.0))
    cues = Cues(file, follows=False)
    cues.go(0)
    held = played(cues, Cue(attack_time=0.1, grip=1.0), 0.5)[-1]
    assert held.levels is not None
    assert np.allclose(held.levels, levels, atol=1e-4)
    cues.go(1)
    path = played(cues, Cue(attack_time=0.5, release_time=0.5, grip=1.0), 1.0)
    steps = [np.abs(a.noises - b.noises).max() for a, b in itertools.pairwise([held, *path])]
    assert max(steps) < 0.2
    assert near(path[-1].noises[2], file.latent(1).noise) > 0.999


def test_the_song_brings_cues_where_it_is_and_not_where_hearing_is(three: Bank) -> None:
    """A song that began at 2.5 s, and stood still for four seconds of silence at 3.5 s."""
    cues, cue = Cues(three, follows=True), Cue(attack_time=0.1, release_time=0.1)
    told = []
    for k in range(int(12 / DT)):
        heard = k * DT
        at = 2.5 + (heard if heard < 1 else max(1.0, heard - 4))
        cues.step(replace(QUIET, time=heard), MUSIC, cue, DT, 0.0, at)
        told.append((heard, cues.playing))
    assert told[0][1] == "one"  # its line is half sung
    begins = {text: min(t for t, said in told if said == text) for text in ("two", "three")}
    assert list(begins.values()) == pytest.approx([0.5, 7.5], abs=2 * DT)
    assert {said for t, said in told if 0.8 < t < 6.2} == {"two"}  # held while the song stood
    assert told[int(6.8 / DT)][1] == ""

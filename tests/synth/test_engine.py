"""The whole path from sound to latents, pinned for every preset."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from synth.engine import Engine
from synth.generators.procedural.generator import Procedural
from synth.latents.keyframes import Cues
from synth.settings.preset import preset_of, shipped
from tests.doubles import Lamp
from tests.golden import FRAMES, LATENTS, golden_frames, golden_latents
from tests.synth.test_bank import bank, keyframe


@pytest.fixture(scope="module")
def latents(demo_song: Path) -> dict[str, np.ndarray]:
    return golden_latents(demo_song)


@pytest.mark.parametrize("preset", shipped())
@pytest.mark.parametrize("seed", [1, 2])
def test_every_preset_walks_its_golden_path(
    preset: str, seed: int, latents: dict[str, np.ndarray]
) -> None:
    with np.load(LATENTS) as golden:
        wanted = golden[f"{preset}-{seed}"]
    assert latents[f"{preset}-{seed}"] == pytest.approx(wanted, abs=5e-3)


def test_every_family_draws_its_golden_frame() -> None:
    drawn = golden_frames(Procedural(128))
    with np.load(FRAMES) as golden:
        assert set(golden) == set(drawn)
        for family, frame in drawn.items():
            difference = np.abs(golden[family].astype(int) - frame)
            assert difference.mean() < 1.5, family


def test_looks_that_change_faster_than_they_fade_cost_no_more_and_do_not_jump() -> None:
    engine = Engine(preset_of("silk").knobs, Lamp().embed)
    names = shipped()
    path = [engine.hear(np.zeros(512, np.float32))]
    for number in range(200):
        engine.change(preset_of(names[number % len(names)]).knobs)
        path.append(engine.hear(np.zeros(512, np.float32)))
        assert engine._fading is not None
        assert engine._fading.depth <= 3
    steps = [np.abs(b.noise - a.noise).max() for a, b in itertools.pairwise(path)]
    assert max(steps) < 0.2


def test_a_fade_ends_in_the_new_look() -> None:
    changed, plain = (Engine(preset_of(n).knobs, Lamp().embed) for n in ("silk", "reef"))
    changed.hear(np.zeros(512, np.float32))
    changed.change(preset_of("reef").knobs, 0.5)
    for _ in range(60):
        last = changed.hear(np.zeros(512, np.float32))
        wanted = plain.hear(np.zeros(512, np.float32))
    assert np.allclose(last.noise, wanted.noise, atol=1e-5)


def test_a_look_that_cannot_begin_leaves_the_old_one_playing() -> None:
    """A driver that fails while classes are embedded."""
    lamp, failing = Lamp(), False

    def embed(classes: np.ndarray) -> np.ndarray:
        if failing:
            raise RuntimeError("the device is lost")
        return lamp.embed(classes)

    engine, plain = Engine(preset_of("silk").knobs, embed), Engine(preset_of("silk").knobs, embed)
    engine.hear(np.zeros(512, np.float32))
    plain.hear(np.zeros(512, np.float32))
    failing = True
    with pytest.raises(RuntimeError):
        engine.change(preset_of("reef").knobs)
    assert engine.knobs == preset_of("silk").knobs
    assert engine.changes == 0
    for _ in range(3):
        a, b = (v.hear(np.zeros(512, np.float32)) for v in (engine, plain))
        assert np.array_equal(a.noise, b.noise)


def test_a_bank_of_another_size_is_silent_and_stops_nothing(tmp_path: Path) -> None:
    engine = Engine(
        preset_of("silk").knobs, Lamp().embed, Cues(bank(tmp_path, keyframe("a", 0)), follows=True)
    )
    assert len(engine.hear(np.zeros(512, np.float32)).embedding) == Lamp.embedding_size
    assert engine.cues is not None
    assert engine.cues.playing == ""

"""The sound as a guide, with CLAP's real code and random weights."""

import numpy as np
import pytest
import torch

from precompute.clap import TINY, Clap, clap_of, scenes
from precompute.lyrics import Line, unsung
from synth.errors import UserError
from tests import sounds


@pytest.fixture(scope="module")
def clap() -> Clap:
    return clap_of(TINY)


def test_a_sound_is_like_a_few_scenes_whose_weights_sum_to_one(clap: Clap) -> None:
    sound = sounds.chord((57, 60, 64), 12)
    like = clap.scenes_of(sound)
    assert sum(weight for _, weight in like) == pytest.approx(1, abs=1e-3)
    assert [weight for _, weight in like] == sorted((w for _, w in like), reverse=True)
    assert {text for text, _ in like} <= set(scenes())
    assert like == clap_of(TINY).scenes_of(sound)


def test_vectors_are_of_length_one_for_any_length_of_sound(clap: Clap) -> None:
    for seconds in (0.5, 10.0, 25.0):
        vector = clap.of_sound(sounds.tone(440, seconds))
        assert float(vector.norm()) == pytest.approx(1, abs=1e-5)
    assert not torch.allclose(
        clap.of_sound(sounds.tone(220, 2)),
        clap.of_sound(np.random.RandomState(0).standard_normal(88200).astype(np.float32)),
        atol=1e-4,
    )


def test_a_model_on_disk_is_the_same_model(
    clap: Clap, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("clap")
    clap.model.save_pretrained(folder)
    clap.processor.save_pretrained(folder)
    sound = sounds.tone(330, 3)
    assert torch.allclose(clap_of(str(folder)).of_sound(sound), clap.of_sound(sound), atol=1e-6)


def test_an_unknown_model_is_one_sentence() -> None:
    with pytest.raises(UserError, match="--clap ./nothing: cannot be loaded"):
        clap_of("./nothing")


def test_passages_without_words_lie_within_sections() -> None:
    lines = [Line("one", 10, 4), Line("two", 14, 4), Line("three", 40, 4)]
    free = unsung(lines, 60, [24.0, 52.0])
    assert [(line.time, line.duration) for line in free] == [
        (0, 10),  # before the first line
        (18, 6),  # to the section's end
        (24, 16),
        (44, 8),
        (52, 8),
    ]
    assert unsung([Line("all", 0, 30)], 32, []) == ()  # two seconds are no passage
    assert [line.time for line in unsung([], 30, [12.0])] == [0, 12]

"""The search with a tiny random CLIP: its mechanics, and that it gains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from precompute.clip import TINY, clip_of
from precompute.lines import parts_of, score_lines
from precompute.lyrics import Line
from precompute.objective import Objective, changed, vibes_of
from precompute.optimise import search
from precompute.rendering import Drawn
from precompute.task import Found, Search, Task
from synth.errors import UserError
from synth.generators.biggan.differentiable import differentiable_biggan
from synth.generators.protocol import Renderer
from synth.latents.bank import Bank
from synth.latents.walk import WALL
from synth.settings.imagenet import CLASSES
from tests.doubles import Tints

QUICK = Search(steps=15, samples=12, bases=3)
SHORT = replace(QUICK, steps=5)  # where nothing need be gained


@pytest.fixture(scope="module")
def objective() -> Objective:
    return Objective(clip_of(TINY), copies=8)


def found_for(renderer: Renderer, objective: Objective, text: str, how: Search) -> Found:
    return search(renderer, objective, objective.target({text: 1.0}), how)


def test_the_tiny_clip_is_always_the_same() -> None:
    a, b = (clip_of(TINY).of_texts(["a house of glass"]) for _ in range(2))
    assert torch.equal(a, b)
    assert float(a.norm()) == pytest.approx(1, abs=1e-5)


def test_changed_copies_differ_and_pass_gradients() -> None:
    pictures = torch.rand(2, 3, 48, 48, requires_grad=True)
    copies = changed(pictures, 5, 32, torch.Generator().manual_seed(0))
    assert copies.shape == (2, 5, 3, 32, 32)
    assert float((copies[0, 0] - copies[0, 1]).detach().abs().mean()) > 0.01
    alone = changed(pictures[1:], 5, 32, torch.Generator().manual_seed(0))
    assert torch.allclose(copies[1], alone[0], atol=1e-5)  # all are seen through the same changes
    copies.mean().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().sum()) > 0


def test_descent_gains_on_biggan(objective: Objective, tiny_biggan: Path) -> None:
    renderer = differentiable_biggan("biggan-128", tiny_biggan, "cpu")
    found = found_for(renderer, objective, "feathers turning into flame", QUICK)
    assert found.score > found.start + 0.01
    assert np.abs(found.noise).max() <= WALL * QUICK.truncation + 1e-6
    assert found.picture.shape == (128, 128, 3)


def test_restarts_run_at_once_and_the_best_stays(objective: Objective, tiny_biggan: Path) -> None:
    renderer = differentiable_biggan("biggan-128", tiny_biggan, "cpu")
    one, three = (
        found_for(
            renderer, objective, "feathers turning into flame", replace(SHORT, restarts=restarts)
        )
        for restarts in (1, 3)
    )
    assert three.score >= one.score - 1e-3
    grown = found_for(Drawn(Tints()), objective, "snow", replace(QUICK, restarts=3))
    assert grown.score > grown.start


@pytest.mark.parametrize("differentiable", [True, False])
def test_sizes_may_be_searched_apart(
    objective: Objective, tiny_biggan: Path, differentiable: bool
) -> None:
    how = replace(QUICK, apart=True)
    renderer = (
        differentiable_biggan("biggan-128", tiny_biggan, "cpu")
        if differentiable
        else Drawn(Tints())
    )
    found = found_for(renderer, objective, "gold and copper in the rain", how)
    assert found.noise.shape == (3, 128)
    assert not np.allclose(found.noise[0], found.noise[1])
    assert np.abs(found.noise).max() <= WALL * how.truncation + 1e-6


def test_half_precision_scores_as_full(objective: Objective, tiny_biggan: Path) -> None:
    """What a GPU does by itself, here by hand."""
    renderer = differentiable_biggan("biggan-128", tiny_biggan, "cpu")
    task = Task(renderer, objective, objective.target({"snow": 1}), QUICK)
    stream = torch.Generator().manual_seed(3)
    noise = 3 * torch.randn(6, 1, 128, generator=stream)
    embedding = 0.15 * torch.randn(6, 128, generator=stream)
    full = task.score(noise, embedding, task.stream(1))
    with torch.autocast("cpu", torch.bfloat16):
        pictures = renderer.draw(noise, embedding, QUICK.truncation)
        half = objective.score(pictures, task.aim, task.stream(1))
    assert half.tolist() == pytest.approx(full.tolist(), abs=0.005)
    assert full.max() - full.min() > 0.03


def test_evolution_gains_where_there_are_no_gradients(objective: Objective) -> None:
    found = found_for(
        Drawn(Tints()), objective, "gold and copper in the rain", replace(QUICK, steps=25)
    )
    assert found.score > found.start
    assert np.abs(found.noise).max() <= WALL * QUICK.truncation + 1e-6


def test_the_same_seed_finds_the_same(objective: Objective) -> None:
    a, b = (found_for(Drawn(Tints()), objective, "snow", QUICK) for _ in range(2))
    assert np.array_equal(a.noise, b.noise)
    assert a.score == b.score
    other = found_for(Drawn(Tints()), objective, "snow", replace(QUICK, seed=1))
    assert not np.array_equal(a.noise, other.noise)


def test_no_start_has_a_class_to_avoid(objective: Objective) -> None:
    tints = Tints()
    allowed = (3, 5)
    avoid = tuple(k for k in range(CLASSES) if k not in allowed)
    found_for(Drawn(tints), objective, "snow", replace(QUICK, avoid=avoid, steps=0))
    seen = {int(np.argmax(latent.embedding)) for latent in tints.shown}
    assert seen == set(allowed)


def test_a_vibe_colours_the_target(objective: Objective) -> None:
    vibes = vibes_of()
    neon = Objective(objective.clip, [vibes["neon"]], copies=4)
    plain, coloured = objective.target({"a street": 1}), neon.target({"a street": 1})
    words = objective.clip.of_texts(["glowing neon lights at night"])[0]
    assert float(coloured @ words) > float(plain @ words)


def test_own_vibes_are_added_and_bad_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[rust]\n"rusty iron" = 1\n')
    assert {"rust", "neon"} <= set(vibes_of(path))
    path.write_text("[rust]\nx = 'y'\n")
    with pytest.raises(UserError, match="rust must be a table of prompts"):
        vibes_of(path)


def test_finished_lines_are_never_searched_again(objective: Objective, tmp_path: Path) -> None:
    lines = [Line("snow", 1, 2), Line("fire", 3, 2), Line("rain", 5, 2)]
    bank, told = tmp_path / "a.ljbank", []

    def tell(number: int, count: int, line: Line, found: Found, kept: bool) -> None:
        told.append((line.text, kept))
        if not kept and line.text == "fire" and len(told) < 3:
            raise KeyboardInterrupt

    def score() -> None:
        score_lines(lines, Drawn(Tints()), objective, QUICK, bank, {"generator": "tints"}, tell)

    with pytest.raises(KeyboardInterrupt):
        score()
    assert not bank.exists()
    score()
    assert told == [
        ("snow", False),
        ("fire", False),
        ("snow", True),
        ("fire", True),
        ("rain", False),
    ]
    assert [entry.text for entry in Bank(bank).entries] == ["snow", "fire", "rain"]
    assert not parts_of(bank).exists()


def test_consistency_keeps_a_share_of_the_line_before(objective: Objective, tmp_path: Path) -> None:
    lines = [Line("snow", 1, 2), Line("fire", 3, 2)]

    def second(consistency: float, first: str) -> np.ndarray:
        how = replace(SHORT, consistency=consistency)
        bank = tmp_path / f"{first}{consistency}.ljbank"
        sung = [Line(first, 1, 2), lines[1]]
        score_lines(sung, Drawn(Tints()), objective, how, bank, {}, lambda *_told: None)
        return Bank(bank).latent(1).noise

    assert np.array_equal(second(0.0, "snow"), second(0.0, "a red dog"))
    assert not np.array_equal(second(0.5, "snow"), second(0.5, "a red dog"))


def test_a_meaning_is_the_weighted_sum_of_its_texts(objective: Objective) -> None:
    sea, storm = objective.target({"a calm sea": 1}), objective.target({"a storm": 1})
    mostly_sea = objective.target({"a calm sea": 0.8, "a storm": 0.2})
    assert float(mostly_sea @ sea) > float(mostly_sea @ storm)


def test_an_unknown_clip_is_one_sentence() -> None:
    with pytest.raises(UserError, match="--clip nothing: cannot be loaded"):
        clip_of("nothing")


def test_a_file_where_lines_should_stand_is_said(objective: Objective, tmp_path: Path) -> None:
    (tmp_path / "a.parts").write_text("mine")
    bank = tmp_path / "a.ljbank"
    with pytest.raises(UserError, match=r"a\.parts: cannot be made"):
        score_lines(
            [Line("snow", 1, 2)], Drawn(Tints()), objective, QUICK, bank, {}, lambda *_told: None
        )
    assert (tmp_path / "a.parts").read_text() == "mine"

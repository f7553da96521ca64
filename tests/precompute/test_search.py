"""The search with a tiny random CLIP: its mechanics, and that it gains."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from precompute.artists import Drawn, steep_biggan
from precompute.clip import TINY, clip_of
from precompute.guide import Guide, changed, vibes_of
from precompute.lines import parts_of, score_lines
from precompute.lyrics import Line
from precompute.optimise import Found, Search, search
from synth.bank import Bank
from synth.imagenet import CLASSES
from synth.trouble import Trouble
from synth.walk import WALL
from tests.doubles import Tints

QUICK = Search(steps=15, samples=12, bases=3)


@pytest.fixture(scope="module")
def guide() -> Guide:
    return Guide(clip_of(TINY), copies=8)


def test_the_tiny_clip_is_always_the_same() -> None:
    a, b = (clip_of(TINY).of_texts(["a house of glass"]) for _ in range(2))
    assert torch.equal(a, b)
    assert float(a.norm()) == pytest.approx(1, abs=1e-5)


def test_changed_copies_differ_and_pass_gradients() -> None:
    pictures = torch.rand(2, 3, 48, 48, requires_grad=True)
    copies = changed(pictures, 5, 32, torch.Generator().manual_seed(0))
    assert copies.shape == (2, 5, 3, 32, 32)
    assert float((copies[0, 0] - copies[0, 1]).detach().abs().mean()) > 0.01
    copies.mean().backward()
    assert pictures.grad is not None
    assert float(pictures.grad.abs().sum()) > 0


def test_descent_gains_on_biggan(guide: Guide, tiny_biggan: Path) -> None:
    artist = steep_biggan("biggan-128", str(tiny_biggan), "cpu")
    found = search(artist, guide, "feathers turning into flame", QUICK)
    assert found.score > found.start + 0.01
    assert np.abs(found.noise).max() <= WALL * QUICK.truncation + 1e-6
    assert found.picture.shape == (128, 128, 3)


def test_evolution_gains_where_there_are_no_gradients(guide: Guide) -> None:
    found = search(Drawn(Tints()), guide, "gold and copper in the rain", replace(QUICK, steps=25))
    assert found.score > found.start
    assert np.abs(found.noise).max() <= WALL * QUICK.truncation + 1e-6


def test_the_same_seed_finds_the_same(guide: Guide) -> None:
    a, b = (search(Drawn(Tints()), guide, "snow", QUICK) for _ in range(2))
    assert np.array_equal(a.noise, b.noise)
    assert a.score == b.score
    other = search(Drawn(Tints()), guide, "snow", replace(QUICK, seed=1))
    assert not np.array_equal(a.noise, other.noise)


def test_no_start_has_a_class_to_avoid(guide: Guide) -> None:
    tints = Tints()
    allowed = (3, 5)
    avoid = tuple(k for k in range(CLASSES) if k not in allowed)
    search(Drawn(tints), guide, "snow", replace(QUICK, avoid=avoid, steps=0))
    seen = {int(np.argmax(latent.embedding)) for latent in tints.shown}
    assert seen <= set(allowed)


def test_a_vibe_colours_the_target(guide: Guide) -> None:
    vibes = vibes_of()
    neon = Guide(guide.clip, [vibes["neon"]], copies=4)
    plain, coloured = guide.target("a street"), neon.target("a street")
    words = guide.clip.of_texts(["glowing neon lights at night"])[0]
    assert float(coloured @ words) > float(plain @ words)


def test_own_vibes_are_added_and_bad_ones_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('[rust]\n"rusty iron" = 1\n')
    assert {"rust", "neon"} <= set(vibes_of(path))
    path.write_text("[rust]\nx = 'y'\n")
    with pytest.raises(Trouble, match="rust must be a table of prompts"):
        vibes_of(path)


def test_finished_lines_are_never_searched_again(guide: Guide, tmp_path: Path) -> None:
    lines = [Line("snow", 1, 2), Line("fire", 3, 2), Line("rain", 5, 2)]
    bank, told = tmp_path / "a.ljbank", []

    def tell(number: int, count: int, line: Line, found: Found, kept: bool) -> None:
        told.append((line.text, kept))
        if not kept and line.text == "fire" and len(told) < 3:
            raise KeyboardInterrupt

    def score() -> None:
        score_lines(lines, Drawn(Tints()), guide, QUICK, bank, {"generator": "tints"}, tell)

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


def test_an_unknown_clip_is_one_sentence() -> None:
    with pytest.raises(Trouble, match="--clip nothing: cannot be loaded"):
        clip_of("nothing")

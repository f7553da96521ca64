import itertools

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synth.generators.procedural.families import mandala
from synth.generators.procedural.generator import Procedural
from synth.generators.procedural.geometry import VIEWS, Grid
from synth.generators.procedural.palettes import PALETTES, RAMP_SIZE, ramp
from synth.generators.procedural.scene import Traits, scene_of, sharpened
from synth.generators.procedural.tables import EMBEDDING_SIZE, FAMILIES, GEOMETRIES
from synth.generators.procedural.texture import Texture
from synth.latents.latent import Latent
from synth.latents.walk import truncated_normal


@pytest.fixture(scope="module")
def renderer() -> Procedural:
    return Procedural(256)


def one_hot(*classes: int) -> np.ndarray:
    vector = np.zeros((1, 1000), np.float32)
    vector[0, list(classes)] = 1
    return vector


def latent_of(
    renderer: Procedural, classes: np.ndarray, seed: int = 1, gain: float = 0.7
) -> Latent:
    noise = truncated_normal(np.random.RandomState(seed), 128) * gain
    return Latent(noise.astype(np.float32), renderer.embed(classes)[0], 0.7)


def picture(renderer: Procedural, latent: Latent) -> np.ndarray:
    frame: np.ndarray = renderer.frames([latent])[0].numpy()
    return frame


def with_family(renderer: Procedural, family: str) -> int:
    scenes = (scene_of(np.zeros(128), renderer.embed(one_hot(k))[0], 0.7) for k in range(1000))
    return next(k for k, scene in enumerate(scenes) if family in scene.families)


def looks(renderer: Procedural) -> dict[tuple[str, str], int]:
    """A class for every family in every geometry that classes have it in."""
    found: dict[tuple[str, str], int] = {}
    for number in range(1000):
        scene = scene_of(np.zeros(128), renderer.embed(one_hot(number))[0], 0.7)
        (family,), (geometry,) = scene.families, scene.geometries
        found.setdefault((family, geometry), number)
    return found


def test_frames_are_rgb_bytes_of_the_asked_size(renderer: Procedural) -> None:
    frames = renderer.frames([latent_of(renderer, one_hot(k)) for k in (1, 2)])
    assert frames.shape == (2, 256, 256, 3)
    assert frames.dtype == torch.uint8
    assert Procedural(100).frames([latent_of(renderer, one_hot(1))]).shape == (1, 100, 100, 3)


def test_a_frame_is_a_pure_function_of_its_latent(renderer: Procedural) -> None:
    a, b = latent_of(renderer, one_hot(1)), latent_of(renderer, one_hot(500))
    alone = picture(renderer, a)
    batch = renderer.frames([b, a, b]).numpy()
    assert np.array_equal(batch[1], alone)
    assert np.array_equal(picture(Procedural(256), a), alone)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_draws_a_picture_worth_seeing(family: str, renderer: Procedural) -> None:
    frame = picture(renderer, latent_of(renderer, one_hot(with_family(renderer, family))))
    grey = frame.astype(float).mean(2)
    assert grey.std() > 12
    assert 20 < grey.mean() < 200
    assert np.ptp(frame.reshape(-1, 3).mean(0)) > 1 or family in ("mandala", "cells")


@pytest.mark.parametrize(
    "classes",
    [
        np.zeros((1, 1000)),
        np.full((1, 1000), 0.001),
        np.full((1, 1000), 1.0),
        -np.ones((1, 1000)),
        np.random.RandomState(1).standard_normal((1, 1000)),
    ],
    ids=["none", "faint", "all", "negative", "random"],
)
@pytest.mark.parametrize("gain", [0.0, 1.0, 4.0])
def test_strange_latents_still_give_a_picture(
    classes: np.ndarray, gain: float, renderer: Procedural
) -> None:
    grey = picture(renderer, latent_of(renderer, classes, gain=gain)).astype(float)
    assert 3 < grey.mean() < 252


@pytest.mark.parametrize("classes", [(1,), (985,), (980,), (72,), (1, 985), (980, 72, 500)])
def test_a_small_step_of_noise_is_a_small_step_of_the_picture(
    classes: tuple[int, ...], renderer: Procedural
) -> None:
    a = latent_of(renderer, one_hot(*classes))
    aside = latent_of(renderer, one_hot(*classes), seed=2)

    def change(step: float) -> float:
        b = Latent(a.noise + np.float32(step) * aside.noise, a.embedding, a.truncation)
        return float(np.abs(picture(renderer, a).astype(int) - picture(renderer, b)).mean())

    assert change(0.005) < 6
    assert change(0.005) < change(0.05) < 40
    assert change(1.0) > 8


def test_morphing_from_class_to_class_never_jumps(renderer: Procedural) -> None:
    """The finer the steps, the smaller the largest change: no family or geometry pops in."""

    def largest_change(morph: list[np.ndarray]) -> float:
        return float(max(np.abs(p - q).mean() for p, q in itertools.pairwise(morph)))

    for first, last in ((1, 985), (980, 84), (72, 497), (885, 978)):
        a, b = latent_of(renderer, one_hot(first)), latent_of(renderer, one_hot(last))
        fine = [picture(renderer, a.toward(b, k / 120)).astype(np.int16) for k in range(121)]
        assert largest_change(fine) < 0.6 * largest_change(fine[::3])


def test_other_classes_look_different(renderer: Procedural) -> None:
    a, b = (picture(renderer, latent_of(renderer, one_hot(k))).astype(int) for k in (985, 980))
    assert np.abs(a - b).mean() > 25


def test_embeddings_are_linear(renderer: Procedural) -> None:
    mixed = renderer.embed(0.3 * one_hot(5) + 0.7 * one_hot(900))
    assert mixed.shape == (1, EMBEDDING_SIZE) == (1, 128)
    apart = 0.3 * renderer.embed(one_hot(5)) + 0.7 * renderer.embed(one_hot(900))
    assert mixed == pytest.approx(apart, abs=1e-6)


def lit_from_above(renderer: Procedural, number: int) -> Latent:
    """A latent of one class, like any other but that no side of its picture is the sunny one."""
    embedding = renderer.embed(one_hot(number))[0]
    character = scene_of(np.zeros(128), embedding, 0.7).traits.character
    gesture = truncated_normal(np.random.RandomState(1), 128) * 0.7
    gesture[4] = (np.pi / 2 - 2.2 - 0.6 * float(character[0])) / 0.9  # see light.py
    units = np.eye(128, dtype=np.float32)
    mixing = np.stack([renderer.gesture(Latent(unit, embedding, 0.7)) for unit in units])
    return Latent(np.linalg.solve(mixing.T, gesture).astype(np.float32), embedding, 0.7)


def test_symmetric_geometries_are_symmetric(renderer: Procedural) -> None:
    """But for the dither's grain, a picture is its own mirror image where it should be."""
    for (family, geometry), number in looks(renderer).items():
        frame = picture(renderer, lit_from_above(renderer, number)).astype(int)
        off = np.abs(frame - frame[:, ::-1])
        if family == "mandala" or geometry in ("mirror", "kaleidoscope"):
            assert off.max() <= 2, (family, geometry)
        else:
            assert off.mean() > 10, (family, geometry)


@pytest.mark.parametrize("order", range(3, 11))
def test_kaleidoscopes_and_mandalas_look_the_same_a_part_of_a_turn_later(order: int) -> None:
    stream = np.random.RandomState(order)
    character, gesture = stream.standard_normal(64), stream.standard_normal(128)
    traits = Traits.on(torch.device("cpu"), character, gesture, order, 1.0)
    radius = torch.rand(500, generator=torch.Generator().manual_seed(order))
    angle = torch.linspace(-np.pi, np.pi, 500)

    def turned(by: float) -> list[torch.Tensor]:
        x, y = radius * torch.sin(angle + by), radius * torch.cos(angle + by)
        grid = Grid(x, y, radius, torch.atan2(x, y).abs())
        view = VIEWS["kaleidoscope"](grid, traits)
        return [view.x, view.y, *mandala(grid, traits, torch.tensor(0.02))]

    whole, half = turned(2 * np.pi / order), turned(np.pi / order)
    for before, later, between in zip(turned(0), whole, half, strict=True):
        assert torch.allclose(later, before, atol=1e-4)
        assert (between - before).abs().max() > 5e-3


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=len(FAMILIES), max_size=len(FAMILIES)))
def test_sharpened_weights_sum_to_one(values: list[float]) -> None:
    weights = np.array(values) + 1e-6
    kept = sharpened(weights / weights.sum(), 0.05)
    assert kept.sum() == pytest.approx(1)
    assert kept.min() >= 0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.floats(0, 1), min_size=len(FAMILIES), max_size=len(FAMILIES)))
def test_where_one_weight_stands_out_two_at_most_are_left(values: list[float]) -> None:
    weights = np.array(values) + 1e-6
    weights /= weights.sum()
    order = np.argsort(weights)
    assume(weights[order[-1]] > weights[order[-3]] + 0.05)
    kept = sharpened(weights, 0.05)
    assert set(np.flatnonzero(kept)) <= set(order[-2:])
    assert kept[order[-1]] == kept.max()


def test_a_scene_of_one_class_has_one_family_and_one_geometry(renderer: Procedural) -> None:
    for k in range(0, 1000, 50):
        scene = scene_of(np.zeros(128), renderer.embed(one_hot(k))[0], 0.7)
        assert list(scene.families.values()) == [1.0]
        assert list(scene.geometries.values()) == [1.0]
        assert set(scene.geometries) <= set(GEOMETRIES)


@pytest.mark.parametrize("index", range(len(PALETTES)))
def test_palettes_rise_from_dark_to_light(index: int) -> None:
    table = ramp(np.eye(len(PALETTES))[index], 0.0)
    assert table.shape == (3, RAMP_SIZE)
    luminance = np.array([0.2126, 0.7152, 0.0722]) @ table.numpy()
    assert luminance[0] < 0.02
    assert luminance[-1] > 0.5
    assert table.min() >= 0


def test_mixed_palettes_keep_their_colour() -> None:
    def colourful(weights: np.ndarray) -> float:
        table = ramp(weights, 0.0)
        return float((table.amax(0) - table.amin(0)).mean())

    names = list(PALETTES)
    red, green = (np.eye(len(names))[names.index(n)] for n in ("ember", "aurora"))
    assert colourful((red + green) / 2) > 0.6 * min(colourful(red), colourful(green))


def test_noise_planes_tile_without_a_seam() -> None:
    texture = Texture.drawn(np.random.RandomState(0), torch.device("cpu"))
    y = torch.linspace(0, 1, 50)
    left = texture.sample(torch.zeros(50), y, 0, 4)
    right = texture.sample(torch.full((50,), 1 - 1e-6), y, 0, 4)
    assert (left - right).abs().max() < 1e-2


def test_each_level_turns_gestures_of_its_own_size(renderer: Procedural) -> None:
    base = latent_of(renderer, one_hot(1))
    for level, gestures in ((0, {0, 1, 2, 3, 6, 7, 8, 9}), (1, set(range(10, 128))), (2, {4, 5})):
        noises = base.noises.copy()
        noises[level] += 0.2
        pushed = Latent(base.noise, base.embedding, base.truncation, noises)
        moved = renderer.gesture(pushed) - renderer.gesture(base)
        assert set(np.flatnonzero(np.abs(moved) > 1e-5)) == gestures
        assert not np.array_equal(picture(renderer, pushed), picture(renderer, base))


def test_one_made_anew_costs_no_second_texture_and_draws_the_same(renderer: Procedural) -> None:
    anew = Procedural(renderer.resolution)
    assert anew._drawn is renderer._drawn
    latent = latent_of(renderer, one_hot(7))
    assert np.array_equal(picture(anew, latent), picture(renderer, latent))

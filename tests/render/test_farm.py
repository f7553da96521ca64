"""Films in chunks beside the same films in one go."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from render import farm
from render.manifest import Manifest, read_manifest
from render.parts import folder_of, opened
from render.plan import latent_of, read_plan, row_of, write_plan
from render.song import render, visual_for
from render.timeline import latents_of
from synth.audio_file import hops_of
from synth.errors import UserError
from synth.generators import Generator
from synth.latents.bank import Bank, Keyframe, save_bank
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from synth.settings.preset import preset_of
from tests.render.films import (
    SECONDS,
    Slopes,
    beaten,
    begun,
    in_chunks,
    inputs_of,
    job,
    psnr,
    watched,
)


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return beaten(tmp_path_factory.mktemp("song") / "song.wav")


class Strobe:
    """Black and white by turns: what the flash limit holds back."""

    name, resolution, width, embedding_size = "strobe", 96, 96, 128

    def __init__(self) -> None:
        self._first: np.ndarray | None = None

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return classes[:, :128]

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        lit = [255 if latent.kick > 0.3 else 0 for latent in latents]
        return torch.stack([torch.full((96, 96, 3), level, dtype=torch.uint8) for level in lit])


@pytest.mark.parametrize("generator", [Slopes(), Strobe()], ids=["slopes", "strobe"])
def test_chunks_make_the_same_film(generator: Generator, song: Path, tmp_path: Path) -> None:
    knobs = preset_of("octaves").knobs
    straight, chunked = job(song, tmp_path / "a.mp4"), job(song, tmp_path / "b.mp4")
    render(straight, generator, knobs, lambda _d, _t: None)
    in_chunks(chunked, generator, knobs)
    (a, times_a), (b, times_b) = watched(straight.film), watched(chunked.film)
    assert len(a) == len(b) == SECONDS * 30
    assert times_a == times_b == [Fraction(k, 30) for k in range(len(a))]
    assert psnr(a, b).min() > 36
    with av.open(straight.film) as x, av.open(chunked.film) as y:
        assert x.streams.audio[0].duration == y.streams.audio[0].duration
    assert not folder_of(chunked.film).exists()


class Textures(Slopes):
    """Slopes of what the fine parts of the picture are made of."""

    name = "textures"

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        return super().frames([replace(latent, noise=latent.noises[2]) for latent in latents])


def keyframe(time: float, *, apart: bool) -> Keyframe:
    stream = np.random.RandomState(int(time))
    noise, embedding, levels = (
        stream.standard_normal(shape).astype(np.float32) for shape in (128, 128, (3, 128))
    )
    latent = Latent(noise, embedding, 0.7, levels if apart else None)
    return Keyframe("words", time, 1.0, 0.5, 0.1, latent, np.zeros((2, 2, 3), np.uint8))


@pytest.mark.parametrize("apart", [True, False])
def test_chunks_have_the_noise_that_a_bank_has_for_each_size(
    apart: bool, song: Path, tmp_path: Path
) -> None:
    knobs = preset_of("silk").knobs
    assert not any(knobs.bands.model_dump().values())  # the bank alone takes sizes apart
    save_bank(tmp_path / "a.ljbank", [keyframe(t, apart=apart) for t in (0.0, 2.0)], {})
    bank = Bank(tmp_path / "a.ljbank")
    straight, chunked = (
        replace(job(song, tmp_path / name), bank=bank) for name in ("a.mp4", "b.mp4")
    )
    generator = Textures()
    engine = visual_for(straight, generator, knobs)
    path = list(latents_of(hops_of(song), engine, straight.fps))
    manifest = begun(chunked, generator, knobs)
    planned = read_plan(manifest.plan_file, range(len(path)), embedding=128, apart=manifest.apart)
    assert any(latent.levels is not None for latent in path) == apart
    for one, other in zip(path, planned, strict=True):
        for name in ("noise", "noises", "embedding", "truncation", "kick"):
            np.testing.assert_allclose(getattr(one, name), getattr(other, name), atol=1e-6)
    render(straight, generator, knobs, lambda _d, _t: None)
    in_chunks(chunked, generator, knobs)
    assert psnr(watched(straight.film)[0], watched(chunked.film)[0]).min() > 36


def test_finished_chunks_are_kept_and_damaged_ones_made_again(song: Path, tmp_path: Path) -> None:
    generator, knobs, made = Slopes(), preset_of("silk").knobs, job(song, tmp_path / "a.mp4")
    manifest = begun(made, generator, knobs)
    for number in (0, 2, 4):
        farm.render_chunk(manifest, number, generator, made)
        manifest.finished(number)
    kept = manifest.segment(0).stat().st_mtime_ns
    manifest.segment(2).write_bytes(b"spoiled")
    manifest.segment(4).unlink()
    said: list[str] = []
    again = opened(made, inputs_of(made, generator, knobs), manifest.call, said.append)
    assert again.missing() == [1, 2, 3, 4, 5, 6, 7]
    assert "2 chunks were damaged" in said[0]
    assert "1 of 8 chunks are done" in said[1]
    drawn: list[int] = []

    def work(m: Manifest, chunks: Sequence[int], done: farm.Told, told: farm.Told) -> None:
        drawn.extend(chunks)
        farm.work_here(generator, made)(m, chunks, done, told)
        assert m.segment(0).stat().st_mtime_ns == kept

    farm.render_in_chunks(again, made, work, lambda _d, _t: None)
    assert drawn == [1, 2, 3, 4, 5, 6, 7]
    assert len(watched(made.film)[0]) == SECONDS * 30


def test_ctrl_c_keeps_chunks_and_shows_what_is_done(song: Path, tmp_path: Path) -> None:
    generator, knobs, made = Slopes(), preset_of("silk").knobs, job(song, tmp_path / "a.mp4")

    def stopped(done: int, total: int | None) -> None:
        if done >= 40:
            raise KeyboardInterrupt

    manifest = begun(made, generator, knobs)
    outcome = farm.render_in_chunks(manifest, made, farm.work_here(generator, made), stopped)
    assert not outcome.whole
    assert outcome.film.name == "a.partial.mp4"
    assert len(watched(outcome.film)[0]) == outcome.frames >= 34
    assert not made.film.exists()
    in_chunks(made, generator, knobs)
    assert len(watched(made.film)[0]) == SECONDS * 30


def test_a_plan_gives_its_latents_back(tmp_path: Path) -> None:
    stream = np.random.RandomState(0)

    def latent() -> Latent:
        noise, embedding, levels = (
            stream.standard_normal(shape).astype(np.float32) for shape in (128, 16, (3, 128))
        )
        return Latent(noise, embedding, 0.5, levels, 0.25)

    latents = [latent() for _ in range(10)]
    for apart in (True, False):
        count, _ = write_plan(tmp_path / "plan.f32", latents, apart=apart)
        assert count == 10
        got = read_plan(tmp_path / "plan.f32", range(3, 7), embedding=16, apart=apart)
        assert len(got) == 4
        for a, b in zip(got, latents[3:7], strict=True):
            assert np.array_equal(a.noise, b.noise)
            assert np.array_equal(a.embedding, b.embedding)
            assert (a.truncation, a.kick) == (0.5, 0.25)
            assert (a.levels is not None) == apart
            assert not apart or np.array_equal(a.noises, b.noises)
    assert latent_of(row_of(latents[0], apart=False), 16).levels is None


@pytest.mark.parametrize("left", [b"", b"short", bytes(1024)])
def test_a_plan_that_is_cut_off_is_named(left: bytes, tmp_path: Path) -> None:
    (tmp_path / "plan.f32").write_bytes(left)
    with pytest.raises(UserError, match="plan.f32: .*run lj render again"):
        read_plan(tmp_path / "plan.f32", range(0, 4), embedding=126, apart=False)


def test_a_lost_plan_costs_no_chunk(song: Path, tmp_path: Path) -> None:
    generator, knobs, made = Slopes(), preset_of("silk").knobs, job(song, tmp_path / "a.mp4")
    manifest = begun(made, generator, knobs, chunk=60)
    farm.render_chunk(manifest, 0, generator, made)
    manifest.finished(0)
    plan = manifest.plan_file.read_bytes()
    manifest.plan_file.write_bytes(b"spoiled")
    again = begun(made, generator, knobs, chunk=60)
    assert again.missing() == [1]
    assert again.plan_file.read_bytes() == plan
    assert read_manifest(again.folder).missing() == [1]


def test_a_lost_plan_that_comes_out_differently_throws_no_chunk_away(
    song: Path, tmp_path: Path
) -> None:
    """As another machine's numbers may."""
    generator, knobs, made = Slopes(), preset_of("silk").knobs, job(song, tmp_path / "a.mp4")
    manifest = begun(made, generator, knobs, chunk=60)
    farm.render_chunk(manifest, 0, generator, made)
    manifest.finished(0)
    manifest.plan_file.unlink()
    slower = knobs.model_copy(update={"steer": knobs.steer.model_copy(update={"jitter": 0.1})})
    again = opened(made, manifest.inputs, manifest.call, lambda _text: None)
    with pytest.raises(UserError, match="was lost, and this machine plans it differently"):
        farm.plan(again, made, generator, slower)
    assert again.holds(0)
    assert not list(again.folder.glob(".plan*"))


class Alternating(Strobe):
    """Black and white frame by frame."""

    def __init__(self) -> None:
        self._drawn = 0

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        pictures = []
        for _ in latents:
            self._drawn += 1
            level = 255 * (self._drawn % 2)
            pictures.append(torch.full((96, 96, 3), level, dtype=torch.uint8))
        return torch.stack(pictures)


@pytest.mark.parametrize(("limited", "most"), [(True, 6), (False, 30)])
def test_a_film_flashes_three_times_a_second_at_most(
    limited: bool, most: int, song: Path, tmp_path: Path
) -> None:
    """Three flashes are six opposing changes of a tenth of the light in any second."""
    knobs = Knobs.model_validate({"look": {"flash_limit": limited}})
    made = job(song, tmp_path / "a.mp4")
    render(made, Alternating(), knobs, lambda _d, _t: None)
    light = (watched(made.film)[0].mean((1, 2, 3)) / 255) ** 2.2
    swings = np.abs(np.diff(light)) > 0.1
    in_a_second = np.convolve(swings, np.ones(30), "valid")
    assert in_a_second.max() <= most
    assert limited or in_a_second.max() > 25

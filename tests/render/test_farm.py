"""Films in chunks beside the same films in one go."""

import os
import signal
from collections.abc import Sequence
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
from render.song import Job, render
from render.workers import work_by
from synth.generators import Generator, generator_of
from synth.knobs import Knobs
from synth.latents import Latent
from synth.preset import preset_of
from synth.trouble import Trouble
from tests import sounds

SECONDS = 4.0
SILENT = lambda _text: None  # noqa: E731


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("song")
    beat = sounds.struck(sounds.kick(), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], SECONDS)
    return sounds.write_wav(folder / "song.wav", sounds.chord((57, 60, 64), SECONDS) + beat)


def job(song: Path, film: Path) -> Job:
    return Job(song, film, (96, 64), Fraction(30), quality="best")


def begun(made: Job, generator: Generator, knobs: Knobs, chunk: int = 17) -> Manifest:
    options = {"name": "procedural", "resolution": 96, "weights": "", "device": "cpu"}
    inputs = farm.inputs_of(made, knobs, generator, None, chunk=chunk, how="")
    manifest = opened(made, inputs, farm.call_of(made, options), SILENT)
    farm.plan(manifest, made, generator, knobs)
    return manifest


def in_chunks(made: Job, generator: Generator, knobs: Knobs) -> None:
    work = farm.work_here(generator, made)
    farm.render_in_chunks(begun(made, generator, knobs), made, work, lambda _d, _t: None)


def watched(film: Path) -> tuple[np.ndarray, list[Fraction]]:
    with av.open(film) as file:
        frames = list(file.decode(video=0))
    times = [frame.pts * frame.time_base for frame in frames]
    return np.stack([frame.to_ndarray(format="rgb24") for frame in frames]), times


def psnr(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    error = ((a.astype(float) - b) ** 2).mean((1, 2, 3))
    return 10 * np.log10(255**2 / np.maximum(error, 1e-9))


class Slopes:
    """Smooth colours that move with the noise: cheap to draw, and they show any slip in time."""

    name, resolution, width, embedding_size = "slopes", 96, 96, 128

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return classes[:, :128]

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        across = torch.linspace(0, 1, 96)
        pictures = []
        for latent in latents:
            a, b, c = (float(v) for v in latent.noise[:3])
            red = 0.5 + 0.4 * torch.sin(4 * across + 3 * a)[None, :].expand(96, 96)
            green = 0.5 + 0.4 * torch.sin(4 * across + 3 * b)[:, None].expand(96, 96)
            blue = torch.full((96, 96), 0.5 + 0.2 * c)
            pictures.append((torch.stack([red, green, blue], 2) * 255).clamp(0, 255))
        return torch.stack(pictures).to(torch.uint8)


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
    inputs = farm.inputs_of(made, knobs, generator, None, chunk=17, how="")
    again = opened(made, inputs, manifest.call, said.append)
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


def test_another_input_begins_anew_and_says_what(song: Path, tmp_path: Path) -> None:
    generator, made = Slopes(), job(song, tmp_path / "a.mp4")
    manifest = begun(made, generator, preset_of("silk").knobs)
    farm.render_chunk(manifest, 0, generator, made)
    manifest.finished(0)
    said: list[str] = []
    inputs = farm.inputs_of(made, preset_of("reef").knobs, generator, None, chunk=20, how="")
    fresh = opened(made, inputs, manifest.call, said.append)
    assert "was begun with another" in said[0]
    assert not fresh.plan
    assert not manifest.segment(0).exists()


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


def test_processes_share_the_work_and_a_killed_one_costs_its_chunk(
    song: Path, tmp_path: Path
) -> None:
    knobs, made = preset_of("silk").knobs, job(song, tmp_path / "a.mp4")
    generator = generator_of("procedural", resolution=96)
    manifest = begun(made, generator, knobs, chunk=30)
    killed: list[int] = []

    def progress(done: int, _total: int | None) -> None:
        if done and not killed:
            children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
            for child in map(int, children):
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    killed.append(child)
                    os.kill(child, signal.SIGKILL)
                    return

    outcome = farm.render_in_chunks(manifest, made, work_by(["cpu", "cpu"]), progress)
    assert killed
    assert outcome.whole
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


@pytest.mark.parametrize("text", ["", "{}", '{"format": 9}', '{"format": 1, "inputs": {}}'])
def test_what_is_no_manifest_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(Trouble, match="is no manifest of a render"):
        read_manifest(tmp_path)


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

"""Small films in chunks, as tests of renders make them."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from torch import Tensor

from render import farm
from render.manifest import Inputs, Manifest
from render.parts import Say, opened
from render.song import Job
from synth.generators import Generator
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from tests import sounds

SECONDS = 4.0
SILENT = lambda _text: None  # noqa: E731


def job(song: Path, film: Path) -> Job:
    return Job(song, film, (96, 64), Fraction(30), quality="best")


def beaten(path: Path) -> Path:
    """A chord over a kick drum."""
    beat = sounds.struck(sounds.kick(), [0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5], SECONDS)
    return sounds.write_wav(path, sounds.chord((57, 60, 64), SECONDS) + beat)


def inputs_of(made: Job, generator: Generator, knobs: Knobs, chunk: int = 17) -> Inputs:
    return farm.inputs_of(made, knobs, generator, None, chunk=chunk, how="")


def call_of(made: Job) -> dict[str, Any]:
    options = {"name": "procedural", "resolution": 96, "weights": "", "device": "cpu"}
    return farm.call_of(made, options)


def begun(
    made: Job, generator: Generator, knobs: Knobs, chunk: int = 17, say: Say = SILENT
) -> Manifest:
    inputs = inputs_of(made, generator, knobs, chunk)
    manifest = opened(made, inputs, call_of(made), say)
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

"""Generators: what turns latents into frames. All look alike from outside."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synth.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from synth.latents.latent import Latent

    from .compiling import Compiles

NAMES = ("procedural", "biggan-128", "biggan-256", "biggan-512")
DEFAULT = "procedural"


class Generator(Protocol):
    """A latent space and its pictures; frames are pure functions of latents."""

    name: str
    resolution: int  # height of the frames, pixels
    width: int  # pixels; the resolution unless the frames are wide
    embedding_size: int

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n, embedding_size) of class vectors (n, 1000); linear."""
        ...

    def frames(self, latents: "Sequence[Latent]") -> "Tensor":
        """uint8 (B, resolution, width, 3) on the generator's device."""
        ...


def generator_of(
    name: str,
    *,
    resolution: int = 512,
    weights: Path | None = None,
    device: str = "auto",
    wide: str = "off",
    precision: str = "auto",
    engine: str = "torch",
    compiles: "Compiles" = "never",
    say: Callable[[str], None] = lambda _notice: None,
) -> Generator:
    """Load the named generator, or raise UserError that says what it lacks; never another one.

    `resolution` is for `procedural` alone: BigGAN's is in its name. For BigGAN `weights` is a
    folder or file in the published format, without which the user's cache is searched; `wide` is
    the knob `look.wide`; `precision` and `engine` choose among forms of one function. `compiles`
    tells when faster forms are made; `say` is told what happens later (out of memory, compilation
    failed).
    """
    if name not in NAMES:
        raise UserError(f"“{name}” is no generator; use {', '.join(NAMES)}")
    place = device_of(device)
    if name == "procedural":
        _check_procedural(weights, wide, engine)
        from .procedural import procedural_of

        return procedural_of(resolution, device=place, compiles=compiles, say=say)
    from .biggan.choice import biggan_of

    return biggan_of(
        name,
        weights,
        device=place,
        wide=wide,
        precision=precision,
        engine=engine,
        compiles=compiles,
        say=say,
    )


def _check_procedural(weights: Path | None, wide: str, engine: str) -> None:
    if weights is not None:
        raise UserError("procedural needs no weights; leave --weights out or name a biggan")
    if wide != "off":
        raise UserError(f"look.wide is {wide}; procedural draws squares: use off, or name a biggan")
    if engine != "torch":
        raise UserError(f"--engine is {engine}; procedural runs on torch: leave it out")


def device_of(device: str) -> str:
    """`auto` is the first NVIDIA GPU, else the CPU; anything else must be usable."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device {device} cannot be used ({reason}); use cpu or auto") from None
    return device

"""Generators: what turns latents into frames. All look alike from outside."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synth.trouble import Trouble

if TYPE_CHECKING:
    from torch import Tensor

    from synth.latents import Latent

NAMES = ("procedural", "biggan-128", "biggan-256", "biggan-512")
DEFAULT = "procedural"


class Generator(Protocol):
    """A latent space and its pictures; frames are pure functions of latents."""

    name: str
    resolution: int  # side of the square frames, pixels
    embedding_size: int

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n, embedding_size) of class vectors (n, 1000); linear."""
        ...

    def frames(self, latents: "Sequence[Latent]") -> "Tensor":
        """uint8 (B, resolution, resolution, 3) on the generator's device."""
        ...


def generator_of(
    name: str, *, resolution: int = 512, weights: Path | None = None, device: str = "auto"
) -> Generator:
    """Load the named generator, or raise Trouble that says what it lacks; never another one.

    `resolution` is for `procedural` alone: BigGAN's is in its name. `weights` is a folder or file
    in the published format; without it the user's cache is searched.
    """
    if name not in NAMES:
        raise Trouble(f"“{name}” is no generator; use {', '.join(NAMES)}")
    place = device_of(device)
    if name == "procedural":
        if weights is not None:
            raise Trouble("procedural needs no weights; leave --weights out or name a biggan")
        from .procedural import Procedural

        return Procedural(resolution, device=place)
    from .biggan import BigGan
    from .weights import checkpoint_of

    return BigGan(name, checkpoint_of(name, weights), device=place)


def device_of(device: str) -> str:
    """`auto` is the first NVIDIA GPU, else the CPU; anything else must be usable."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise Trouble(f"device {device} cannot be used ({reason}); use cpu or auto") from None
    return device

"""What every generator is, and what the search for keyframes asks of one that has gradients."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol, get_args

from synth.errors import UserError, cut

if TYPE_CHECKING:
    import numpy as np
    import torch

    from synth.latents.latent import Latent

    from .compiling import Compiles


EngineName = Literal["torch", "onnx", "openvino", "tensorrt"]
Precision = Literal["auto", "half", "full"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


class Generator(Protocol):
    """A latent space and its pictures; frames are pure functions of latents."""

    name: str
    resolution: int  # height of the frames, pixels
    width: int  # pixels; the resolution unless the frames are wide
    embedding_size: int

    def embed(self, classes: "np.ndarray") -> "np.ndarray":
        """Class embeddings (n, embedding_size) of class vectors (n, 1000); linear."""
        ...

    def frames(self, latents: "Sequence[Latent]") -> "torch.Tensor":
        """uint8 (B, resolution, width, 3) on the generator's device."""
        ...


class Renderer(Protocol):
    """A generator as the search for keyframes needs it."""

    name: str
    embedding_size: int
    differentiable: bool
    device: "torch.device"

    def embed(self, classes: "np.ndarray") -> "np.ndarray":
        """Class embeddings (n, embedding_size) of class vectors (n, 1000); linear."""
        ...

    def draw(
        self, noise: "torch.Tensor", embedding: "torch.Tensor", truncation: float
    ) -> "torch.Tensor":
        """Pictures (n, 3, h, w) in 0..1 of noise (n, levels, 128) and embeddings (n, e).

        One level is the noise of all sizes; three are those of coarse, middle and fine.
        """
        ...


def silent(_notice: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class Options:
    """How a generator shall run; UserError for an engine or a precision that no family knows."""

    resolution: int = 512  # pixels; only where the name does not say it
    weights: Path | None = None  # from the user's cache when None
    device: str = "cpu"  # usable
    wide: str = "off"  # the knob look.wide
    precision: str = "auto"
    engine: str = "torch"
    compiles: "Compiles" = "never"  # when faster forms are made
    say: Callable[[str], None] = silent  # told what happens later

    def __post_init__(self) -> None:
        engine_named(self.engine)
        precision_named(self.precision)


def engine_named(name: str) -> EngineName:
    """What runs a network; UserError where no family knows it."""
    for known in ENGINES:
        if known == name:
            return known
    raise UserError(f"--engine is {cut(name)}; use {', '.join(ENGINES)}")


def precision_named(name: str) -> Precision:
    """The precision of a network's numbers; UserError where no family knows it."""
    for known in PRECISIONS:
        if known == name:
            return known
    raise UserError(f"--precision is {cut(name)}; use {', '.join(PRECISIONS)}")

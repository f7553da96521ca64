"""What draws for the search: pictures of many latents at once, with gradients where it can."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from synth.generators import Generator
from synth.generators.biggan.generator import level_of
from synth.generators.biggan.network import Network
from synth.generators.biggan.store import model_of
from synth.latents.latent import Latent
from synth.settings.imagenet import CLASSES


class Artist(Protocol):
    """A generator as the search needs it."""

    name: str
    embedding_size: int
    differentiable: bool
    device: torch.device

    def embed(self, classes: np.ndarray) -> np.ndarray: ...

    def draw(self, noise: Tensor, embedding: Tensor, truncation: float) -> Tensor:
        """Pictures (n, 3, h, w) in 0..1 of noise (n, levels, 128) and embeddings (n, e).

        One level is the noise of all sizes; three are those of coarse, middle and fine.
        """
        ...


class Drawn:
    """Any generator, as it plays; without gradients."""

    differentiable = False

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.name, self.embedding_size = generator.name, len(generator.embed(_one_class())[0])
        self.device = torch.device("cpu")

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return self._generator.embed(classes)

    def draw(self, noise: Tensor, embedding: Tensor, truncation: float) -> Tensor:
        latents: Sequence[Latent] = [
            keyframe_latent(n.numpy(), e.numpy(), truncation)
            for n, e in zip(noise, embedding, strict=True)
        ]
        pictures = self._generator.frames(latents).cpu()
        return pictures.permute(0, 3, 1, 2).float() / 255


class Steep:
    """BigGAN's inference form in full precision, with gradients."""

    differentiable = True

    def __init__(self, name: str, network: Network, embeddings: Tensor, device: str) -> None:
        self.name, self.device = name, torch.device(device)
        self._network = network.to(self.device).requires_grad_(False)
        self._embeddings = embeddings.float().numpy()
        self.embedding_size = len(self._embeddings)
        self._levels = [level_of(block.side) for block in network.shape.blocks]

    def embed(self, classes: np.ndarray) -> np.ndarray:
        embedded: np.ndarray = classes.astype(np.float32) @ self._embeddings.T
        return embedded

    def draw(self, noise: Tensor, embedding: Tensor, truncation: float) -> Tensor:
        noise = noise.expand(-1, 3, -1)[:, self._levels]
        embedding = embedding[:, None].expand(-1, len(self._levels), -1)
        condition = torch.cat([noise, embedding], 2)
        at = torch.full((len(noise),), truncation, device=self.device)
        drawn: Tensor = self._network(condition, *self._network.statistics(at))
        return (drawn + 1) / 2


def steep_biggan(name: str, weights: "str | None", device: str) -> Steep:
    """BigGAN for the search, from where `lj fetch` put it or from `weights`."""
    from pathlib import Path

    model = model_of(name, Path(weights) if weights else None, half=False)
    network = Network(model.shape, model.tensors, dtype=torch.float32, wide="off")
    return Steep(name, network, model.tensors["embeddings"], device)


def keyframe_latent(noise: np.ndarray, embedding: np.ndarray, truncation: float) -> Latent:
    """The latent of noise (levels, 128), one level or three, and an embedding (e,)."""
    apart = noise if len(noise) > 1 else None
    return Latent(noise.mean(0, dtype=np.float32), embedding, truncation, apart)


def _one_class() -> np.ndarray:
    return np.eye(1, CLASSES, dtype=np.float32)

"""Any generator as the search for keyframes needs it, without gradients."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synth.generators import Generator
from synth.latents.latent import Latent
from synth.settings.imagenet import CLASSES


class Drawn:
    """Any generator, as it plays; without gradients."""

    differentiable = False

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.name, self.embedding_size = generator.name, len(generator.embed(_one_class())[0])
        self.device = torch.device("cpu")

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n, e) of class vectors (n, 1000)."""
        return self._generator.embed(classes)

    def draw(self, noise: Tensor, embedding: Tensor, truncation: float) -> Tensor:
        """Pictures (n, 3, h, w) in 0..1 of noise (n, levels, 128) and embeddings (n, e)."""
        latents: Sequence[Latent] = [
            keyframe_latent(n.numpy(), e.numpy(), truncation)
            for n, e in zip(noise, embedding, strict=True)
        ]
        pictures = self._generator.frames(latents).cpu()
        return pictures.permute(0, 3, 1, 2).float() / 255


def keyframe_latent(noise: np.ndarray, embedding: np.ndarray, truncation: float) -> Latent:
    """The latent of noise (levels, 128), one level or three, and an embedding (e,)."""
    apart = noise if len(noise) > 1 else None
    return Latent(noise.mean(0, dtype=np.float32), embedding, truncation, apart)


def _one_class() -> np.ndarray:
    return np.eye(1, CLASSES, dtype=np.float32)

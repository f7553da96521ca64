"""BigGAN for the search for keyframes: its inference form in full precision, with gradients."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .generator import level_of
from .network import Network
from .store import model_of


class DifferentiableBigGan:
    """Pictures as functions of noise and embedding, through which gradients pass."""

    differentiable = True

    def __init__(self, name: str, network: Network, embeddings: Tensor, device: str) -> None:
        self.name, self.device = name, torch.device(device)
        self._network = network.to(self.device).requires_grad_(False)
        self._embeddings = embeddings.float().numpy()
        self.embedding_size = len(self._embeddings)
        self._levels = [level_of(block.side) for block in network.shape.blocks]

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n, embedding_size) of class vectors (n, 1000)."""
        embedded: np.ndarray = classes.astype(np.float32) @ self._embeddings.T
        return embedded

    def draw(self, noise: Tensor, embedding: Tensor, truncation: float) -> Tensor:
        """Pictures (n, 3, h, w) in 0..1 of noise (n, 1 or 3 levels, 128), embeddings (n, e)."""
        noise = noise.expand(-1, 3, -1)[:, self._levels]
        embedding = embedding[:, None].expand(-1, len(self._levels), -1)
        condition = torch.cat([noise, embedding], 2)
        at = torch.full((len(noise),), truncation, device=self.device)
        drawn: Tensor = self._network(condition, *self._network.statistics(at))
        return (drawn + 1) / 2


def differentiable_biggan(name: str, weights: Path | None, device: str) -> DifferentiableBigGan:
    """BigGAN for the search, from the user's cache or from `weights`; UserError as for others."""
    model = model_of(name, weights, half=False)
    network = Network(model.shape, model.tensors, dtype=torch.float32, wide="off")
    return DifferentiableBigGan(name, network, model.tensors["embeddings"], device)

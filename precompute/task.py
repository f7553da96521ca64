"""What a search is given and what it finds."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.generators.protocol import Renderer

from .objective import Objective

_TOGETHER = 8  # pictures that are drawn and judged at once
_JUDGED = 4  # times that a result is judged anew, each time through other changes


@dataclass(frozen=True, slots=True)
class Search:
    """How hard to look, and where."""

    steps: int = 100
    samples: int = 64
    bases: int = 5
    restarts: int = 1
    truncation: float = 0.7
    apart: bool = False  # coarse, middle and fine each with a noise of their own
    consistency: float = 0.25  # how much of the line before stays in the aim of the next
    seed: int = 0
    avoid: tuple[int, ...] = ()  # ImageNet classes that no start may have

    @property
    def levels(self) -> int:
        """Noises that a latent has."""
        return 3 if self.apart else 1


@dataclass(frozen=True, slots=True)
class Found:
    """A keyframe."""

    noise: np.ndarray  # (levels, 128) float32, within the walls times truncation
    embedding: np.ndarray  # (e,) float32
    truncation: float
    score: float  # AugCLIP
    start: float  # the score of the best start
    picture: np.ndarray  # (h, w, 3) uint8


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """One search: who draws, who judges, what for, how hard.

    Noise is (n, levels, 128) and embedding (n, e) throughout, on the renderer's device.
    """

    renderer: Renderer
    objective: Objective
    aim: Tensor  # (d,) the unit vector that pictures are held against, on CLIP's device
    how: Search

    def stream(self, salt: int) -> torch.Generator:
        """Chance of its own for each use."""
        return torch.Generator().manual_seed(self.how.seed * 7919 + salt)

    def score(self, noise: Tensor, embedding: Tensor, stream: torch.Generator) -> Tensor:
        """(n,) scores with gradients, all seen through the same changes; half as fine on a GPU."""
        device = self.renderer.device.type
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            pictures = self.renderer.draw(noise, embedding, self.how.truncation)
            return self.objective.score(pictures, self.aim, stream)

    @torch.no_grad()
    def scores(self, noise: Tensor, embedding: Tensor, salt: int = 1) -> Tensor:
        """(n,) scores, every picture seen through the same changes."""
        parts = zip(noise.split(_TOGETHER), embedding.split(_TOGETHER), strict=True)
        found = []
        for part in parts:
            pictures = self.renderer.draw(*part, self.how.truncation)
            found.append(self.objective.score(pictures, self.aim, self.stream(salt)))
        return torch.cat(found).to(noise.device)

    def judged(self, noise: Tensor, embedding: Tensor) -> Tensor:
        """(n,) scores through changes that no search has seen."""
        again = [self.scores(noise, embedding, 1000 + k) for k in range(_JUDGED)]
        return torch.stack(again).mean(0)

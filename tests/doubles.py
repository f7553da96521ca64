"""Stand-ins for what is slow or far: they obey the real protocols and record what they get."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from live.audio.ring_buffer import Ring
from live.supervisor import Supervisor
from synth.constants import HOP, RATE
from synth.latents.latent import Latent


class Lamp:
    """A generator whose whole picture is one grey: as bright as the noise moves."""

    name = "lamp"
    resolution = 64
    embedding_size = 12

    def __init__(self) -> None:
        self.shown: list[Latent] = []

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return classes[:, :12].astype(np.float32)

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        pictures = []
        for latent in latents:
            moved = 0.0 if not self.shown else np.abs(latent.noise - self.shown[-1].noise).mean()
            self.shown.append(latent)
            level = min(255, int(moved * 1500))
            pictures.append(torch.full((64, 64, 3), level, dtype=torch.uint8))
        return torch.stack(pictures)


class Tints(Lamp):
    """A generator whose picture is bands of colour made of the noise and the embedding."""

    name = "tints"

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        self.shown.extend(latents)
        pictures = []
        for latent in latents:
            numbers = np.concatenate([latent.noise, latent.embedding])[:48]
            bands = np.resize(1 / (1 + np.exp(-2 * numbers)), (4, 4, 3))
            large = np.repeat(np.repeat(bands, 16, 0), 16, 1)
            pictures.append(torch.from_numpy((large * 255).astype(np.uint8)))
        return torch.stack(pictures)


class Room:
    """A source that the test writes into."""

    name, overflows, trouble, ended = "room", 0, "", False
    start_at: float | None = None

    def __init__(self) -> None:
        self.ring = Ring(RATE, 1)

    def start(self, supervisor: Supervisor) -> None:
        """It sounds when it is written into."""

    def stop(self) -> None:
        """It never began."""

    def sound(self, hops: int = 1) -> None:
        noise = np.random.RandomState(0).standard_normal((hops * HOP, 1)) * 0.1
        self.ring.write(noise.astype(np.float32))

"""What one picture is made of: a latent read as names, weights and plain numbers.

`character` (64 numbers of about unit size) comes from the class, `gesture` (128, likewise) from
the noise. Every gesture has a meaning:

     0  rotation          1  zoom              2, 3  offset
     4  light's angle, tunnel's centre          5  hue, tunnel's centre
     6  tunnel's depth    7..9  orb's outline
    10 and above  the texture family's own phases, offsets and shapes
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .tables import FAMILIES, GEOMETRIES, EmbeddingLayout

# 0 coarse: where and how large; 1 middle: the texture's shapes; 2 fine: light and hue
GESTURE_LEVELS = np.ones(128, int)
GESTURE_LEVELS[[0, 1, 2, 3, 6, 7, 8, 9]] = 0
GESTURE_LEVELS[[4, 5]] = 2

_HOST = torch.device("cpu")


class Traits(NamedTuple):
    """A picture's plain numbers, float32 tensors on the device that draws.

    They are tensors and not Python's numbers so that what was compiled holds for every picture.
    """

    character: Tensor  # (64,)
    gesture: Tensor  # (128,)
    symmetry: Tensor  # (), order of rotational symmetry, 3 to 10
    relief: Tensor  # (), 0.8 to 1.15, grows with truncation

    def swing(self, i: int) -> Tensor:
        """Character `i` squashed into -1..1, ()."""
        return torch.tanh(self.character[i])

    @classmethod
    def on(
        cls,
        device: torch.device,
        character: np.ndarray,
        gesture: np.ndarray,
        symmetry: float,
        relief: float,
    ) -> "Traits":
        """All in one transfer."""
        numbers = np.concatenate([character, gesture, [symmetry, relief]], dtype=np.float32)
        there = torch.from_numpy(numbers).to(device)
        return cls(there[:64], there[64:192], there[192], there[193])


@dataclass(frozen=True, slots=True)
class Scene:
    """One picture's parameters; every weight vector sums to one."""

    traits: Traits
    families: dict[str, float]  # only those that take part
    geometries: dict[str, float]  # only those that take part
    body_palette: np.ndarray  # (24,)
    glow_palette: np.ndarray  # (24,)
    hue: float  # by how much the body's colours are turned, radians; the glow's by half


def sharpened(weights: np.ndarray, cut: float) -> np.ndarray:
    """Keep the two or so strongest of some weights, continuously: no term ever pops in or out.

    `cut` is how much of a rival's absence a weight must overcome before it shows.
    """
    third = np.sort(weights)[-3]
    kept = np.maximum(weights - 0.9 * third - cut * (1 - weights.max()) - 0.004, 0)
    return _normalised(kept if kept.sum() > 0 else weights)


def _normalised(weights: np.ndarray) -> np.ndarray:
    positive = np.maximum(weights, 0)
    total = positive.sum()
    return positive / total if total > 1e-9 else np.full(len(weights), 1 / len(weights))


def _contrasted(weights: np.ndarray, power: float) -> np.ndarray:
    return _normalised(_normalised(weights) ** power)


def _named(names: tuple[str, ...], weights: np.ndarray) -> dict[str, float]:
    return {name: float(w) for name, w in zip(names, weights, strict=True) if w > 0}


_CHARACTER = 6.0  # length of the 64 numbers: more tells classes apart, less morphs more calmly


def scene_of(
    gesture: np.ndarray,
    embedding: np.ndarray,
    truncation: float,
    device: torch.device = _HOST,
) -> Scene:
    """Read a gesture (128,) and a class embedding (128,) as one picture's parameters."""
    part = EmbeddingLayout.split(embedding)
    length = float(np.linalg.norm(part.character))
    mass = max(float(part.mass), 1e-6)
    character = part.character * (min(1.0, mass) * _CHARACTER / (length + 1e-6))
    traits = Traits.on(
        device,
        character=character,
        gesture=gesture,
        symmetry=float(np.clip(part.symmetry / mass, 3.0, 10.0)),
        relief=0.8 + 0.35 * truncation,
    )
    families = _contrasted(part.families, 1.5)
    geometries = _contrasted(part.geometries, 1.5)
    return Scene(
        traits,
        families=_named(FAMILIES, sharpened(families, 0.05)),
        geometries=_named(GEOMETRIES, sharpened(geometries, 0.10)),
        body_palette=_contrasted(part.body_palette, 3.0),
        glow_palette=_contrasted(part.glow_palette, 3.0),
        hue=0.22 * float(gesture[5]) + 0.25 * math.tanh(float(character[1])),
    )

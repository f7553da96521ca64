"""CPPN: a small network of sines over position, its biases moved by class and noise.

After Kenneth Stanley, "Compositional pattern producing networks" (2007).
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits

_WIDTH = 18
_INPUTS = 10


class Cppn(NamedTuple):
    """Three hidden layers with fixed random weights."""

    first: Tensor  # (_WIDTH, _INPUTS)
    second: Tensor  # (_WIDTH, _WIDTH)
    third: Tensor
    out: Tensor  # (3, _WIDTH)
    by_gesture: Tensor  # (3, _WIDTH, 128), one matrix a layer
    by_character: Tensor  # (3, _WIDTH, 64)

    @classmethod
    def drawn(cls, stream: np.random.RandomState, device: torch.device) -> "Cppn":
        """Weights of a random stream, on a device."""

        def normal(*shape: int, scale: float) -> Tensor:
            drawn = stream.standard_normal(shape) * scale
            return torch.from_numpy(drawn.astype(np.float32)).to(device)

        root = math.sqrt(_WIDTH)
        return cls(
            normal(_WIDTH, _INPUTS, scale=2.3 / math.sqrt(_INPUTS)),
            normal(_WIDTH, _WIDTH, scale=2.1 / root),
            normal(_WIDTH, _WIDTH, scale=1.7 / root),
            normal(3, _WIDTH, scale=1.4 / root),
            normal(3, _WIDTH, 128, scale=1 / math.sqrt(128)),
            normal(3, _WIDTH, 64, scale=1 / 8),
        )


def cppn(x: Tensor, y: Tensor, traits: Traits, weights: Cppn) -> Fields:
    """Fields at points (n,) of a pattern-producing network (Kenneth Stanley, 2007)."""

    def bias(layer: int, gain: float) -> Tensor:
        moved = gain * (weights.by_gesture[layer] @ traits.gesture)
        return (moved + 0.9 * (weights.by_character[layer] @ traits.character))[:, None]

    hidden = torch.addmm(bias(0, 1.2), weights.first, _inputs(x, y, traits)).sin_()
    hidden = torch.addmm(bias(1, 1.0), weights.second, hidden).tanh_()
    hidden = torch.addmm(bias(2, 1.0), weights.third, hidden).sin_()
    relief, tone, vein = weights.out @ hidden
    return Fields(
        0.16 * relief,
        0.40 + 0.38 * torch.tanh(1.3 * tone),
        0.6 * torch.exp(-10 * vein.abs()),
        0.55 + 0.35 * torch.tanh(relief),
    )


def _inputs(x: Tensor, y: Tensor, traits: Traits) -> Tensor:
    """Position and ten periodic functions of it, (10,n)."""
    scale, g = 1.35 * 2 ** (0.5 * traits.swing(10)), traits.gesture[10:16]
    x, y = x * scale, y * scale
    radius = torch.sqrt(x * x + y * y + 0.01)
    return torch.stack(
        [
            x,
            y,
            radius,
            torch.sin(2.2 * x + 2 * g[0]),
            torch.sin(2.2 * y + 2 * g[1]),
            torch.sin(3.4 * (x + y) + 2 * g[2]),
            torch.sin(3.4 * (x - y) + 2 * g[3]),
            torch.cos(4 * radius - 3 * g[4]),
            torch.sin(6 * x * y + g[5]),
            torch.ones_like(x),
        ]
    )

"""CPPN: a small network of sines over position, its biases moved by class and noise.

After Kenneth Stanley, "Compositional pattern producing networks" (2007).
"""

import math

import numpy as np
import torch
from torch import Tensor

from ..fields import Fields
from ..geometry import View
from ..scene import Scene

_WIDTH = 18
_INPUTS = 10


class Cppn:
    """Three hidden layers with fixed random weights."""

    def __init__(self, stream: np.random.RandomState, device: torch.device) -> None:
        def normal(*shape: int, scale: float) -> Tensor:
            drawn = stream.standard_normal(shape) * scale
            return torch.from_numpy(drawn.astype(np.float32)).to(device)

        root = math.sqrt(_WIDTH)
        self._first = normal(_WIDTH, _INPUTS, scale=2.3 / math.sqrt(_INPUTS))
        self._second = normal(_WIDTH, _WIDTH, scale=2.1 / root)
        self._third = normal(_WIDTH, _WIDTH, scale=1.7 / root)
        self._out = normal(3, _WIDTH, scale=1.4 / root)
        self._by_gesture = [normal(_WIDTH, 128, scale=1 / math.sqrt(128)) for _ in range(3)]
        self._by_character = [normal(_WIDTH, 64, scale=1 / 8) for _ in range(3)]

    def __call__(self, view: View, scene: Scene) -> Fields:
        gesture = torch.from_numpy(scene.gesture).to(view.x.device)
        character = torch.from_numpy(scene.character).to(view.x.device)

        def bias(layer: int, gain: float) -> Tensor:
            moved = gain * (self._by_gesture[layer] @ gesture)
            return (moved + 0.9 * (self._by_character[layer] @ character))[:, None]

        hidden = torch.addmm(bias(0, 1.2), self._first, _inputs(view, scene)).sin_()
        hidden = torch.addmm(bias(1, 1.0), self._second, hidden).tanh_()
        hidden = torch.addmm(bias(2, 1.0), self._third, hidden).sin_()
        relief, tone, vein = self._out @ hidden
        return Fields(
            0.16 * relief,
            0.40 + 0.38 * torch.tanh(1.3 * tone),
            0.6 * torch.exp(-10 * vein.abs()),
            0.55 + 0.35 * torch.tanh(relief),
        )


def _inputs(view: View, scene: Scene) -> Tensor:
    """Position and ten periodic functions of it, (10,n)."""
    scale, g = 1.35 * 2 ** (0.5 * scene.swing(10)), [float(v) for v in scene.gesture[10:16]]
    x, y = view.x * scale, view.y * scale
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

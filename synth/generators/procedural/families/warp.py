"""Domain warping by nested sines, shared by silk and fibre."""

import torch
from torch import Tensor

from ..scene import Traits


def warped(
    x: Tensor,
    y: Tensor,
    traits: Traits,
    *,
    rounds: int,
    scale: Tensor,
    strength: Tensor,
    pitch: float,
    sway: float,
) -> tuple[Tensor, Tensor]:
    """Bend coordinates (n,) `rounds` times, each bend finer and weaker than the last."""
    x, y = x * scale, y * scale
    for i in range(1, rounds + 1):
        bias = 1.5 * traits.character[12 + i]
        bend_x = torch.sin(i * pitch * y + (sway * traits.gesture[10 + i] + bias))
        bend_y = torch.cos(i * pitch * x + (sway * traits.gesture[16 + i] - bias))
        x, y = x + strength / i * bend_x, y + strength / i * bend_y
    return x, y

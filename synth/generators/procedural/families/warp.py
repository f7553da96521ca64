"""Domain warping by nested sines, shared by silk and fibre."""

import torch
from torch import Tensor

from ..geometry import View
from ..scene import Scene


def warped(
    view: View,
    scene: Scene,
    *,
    rounds: int,
    scale: float,
    strength: float,
    pitch: float,
    sway: float,
) -> tuple[Tensor, Tensor]:
    """Bend the view's coordinates `rounds` times, each bend finer and weaker than the last."""
    x, y = view.x * scale, view.y * scale
    for i in range(1, rounds + 1):
        bias = 1.5 * float(scene.character[12 + i])
        bend_x = torch.sin(i * pitch * y + (sway * float(scene.gesture[10 + i]) + bias))
        bend_y = torch.cos(i * pitch * x + (sway * float(scene.gesture[16 + i]) - bias))
        x, y = x + strength / i * bend_x, y + strength / i * bend_y
    return x, y

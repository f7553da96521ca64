"""Silk: broad folds of cloth with a thin bright crease."""

import torch

from ..fields import Fields
from ..geometry import View
from ..scene import Scene
from .warp import warped


def silk(view: View, scene: Scene) -> Fields:
    x, y = warped(
        view,
        scene,
        rounds=5,
        scale=1.7 * 2 ** (0.6 * scene.swing(10)),
        strength=(0.95 + 0.3 * scene.swing(11)) * scene.relief,
        pitch=1.15,
        sway=2.0,
    )
    tone = 0.5 + 0.5 * torch.sin(0.9 * x + 0.4 * y + 1.5 * float(scene.gesture[22]))
    crease = (0.5 + 0.5 * torch.cos(5 * (x + y))) ** 16
    return Fields(
        0.30 * torch.sin(x + 0.6 * y) + 0.20 * torch.cos(1.3 * y - 0.4 * x),
        0.72 * tone + 0.04,
        crease * (0.10 + 0.25 * max(0.0, scene.swing(18))),
        tone,
    )

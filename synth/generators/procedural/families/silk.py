"""Silk: broad folds of cloth with a thin bright crease."""

import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits
from .warp import warped


def silk(x: Tensor, y: Tensor, traits: Traits) -> Fields:
    """Fields at points (n,): broad folds with a bright crease."""
    x, y = warped(
        x,
        y,
        traits,
        rounds=5,
        scale=1.7 * 2 ** (0.6 * traits.swing(10)),
        strength=(0.95 + 0.3 * traits.swing(11)) * traits.relief,
        pitch=1.15,
        sway=2.0,
    )
    tone = 0.5 + 0.5 * torch.sin(0.9 * x + 0.4 * y + 1.5 * traits.gesture[22])
    crease = torch.cos(2.5 * (x + y)).square().square().square().square().square()
    return Fields(
        0.30 * torch.sin(x + 0.6 * y) + 0.20 * torch.cos(1.3 * y - 0.4 * x),
        0.72 * tone + 0.04,
        crease * (0.10 + 0.25 * traits.swing(18).clamp_min(0)),
        tone,
    )

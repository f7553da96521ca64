"""Fibre: warped strands, combed by stretched noise."""

import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits
from ..texture import Texture
from .warp import warped


def fibre(x: Tensor, y: Tensor, traits: Traits, texture: Texture) -> Fields:
    """Fields at points (n,): warped strands, combed by stretched noise."""
    g = traits.gesture
    x, y = warped(
        x,
        y,
        traits,
        rounds=4,
        scale=1.3 * 2 ** (0.5 * traits.swing(10)),
        strength=(0.8 + 0.25 * traits.swing(11)) * traits.relief,
        pitch=1.1,
        sway=1.9,
    )
    along = x * 0.03 + (0.05 * g[22] + 0.25 * traits.character[19])
    strand, ridge, shadow = texture.sample(along, y * 0.42 + 0.10 * g[23], 0, 3)
    tone = 0.5 + 0.5 * torch.sin(1.1 * x + 0.9 * strand + 1.2 * g[24])
    return Fields(
        0.10 * ridge + 0.22 * torch.sin(1.7 * x + 0.3 * strand),
        (0.70 * tone + 0.03) * (0.75 + 0.25 * torch.tanh(shadow)),
        torch.exp(-7 * (ridge - 0.2).abs()) * tone * 0.30,
        0.45 + 0.4 * tone,
    )

"""Nebula: noise displaced by noise displaced by noise."""

import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits
from ..texture import Texture


def nebula(x: Tensor, y: Tensor, traits: Traits, texture: Texture) -> Fields:
    """Fields at points (n,): noise displaced by noise."""
    g, c = traits.gesture, traits.character
    scale = 0.12 * 2 ** (0.6 * traits.swing(10))
    x = x * scale + (0.06 * g[10] + 0.25 * c[11])
    y = y * scale + (0.06 * g[11] + 0.25 * c[12])
    reach = (0.075 + 0.03 * traits.swing(13)) * traits.relief
    cos, sin = reach * torch.cos(g[12]), reach * torch.sin(g[12])

    push_x, push_y = texture.sample(x, y, 0, 2)
    veil_x = x + (push_x * cos - push_y * sin) + 0.03 * g[13]
    veil_y = y + (push_x * sin + push_y * cos) + 0.03 * g[14]
    veil, fold = texture.sample(veil_x, veil_y, 2, 4)
    shift_x, shift_y = 0.02 * g[15] + 0.3, 0.02 * g[16]
    dust, vein = texture.sample(x + reach * veil + shift_x, y + reach * fold + shift_y, 0, 2)

    tone = torch.sigmoid(1.5 * dust + 0.8 * veil)
    glow = torch.exp(-6 * (vein + 0.3 * fold).abs())
    return Fields(
        0.10 * dust + 0.09 * fold,
        0.02 + 0.74 * tone**2.3,
        0.55 * glow * tone,
        0.35 + 0.5 * torch.sigmoid(1.5 * veil),
    )

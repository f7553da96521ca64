"""Liquid: six circular waves that interfere, drawn along two of their level lines."""

import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits

_WAVES = 6


def liquid(x: Tensor, y: Tensor, traits: Traits) -> Fields:
    """Fields at points (n,): level lines of circular waves that interfere."""
    g, c = traits.gesture, traits.character
    frequency = 5.5 * 2 ** (0.7 * traits.swing(10))
    height = torch.zeros_like(x)
    for i in range(_WAVES):
        source_x = 1.2 * torch.sin(1.3 * i + c[11 + i]) + 0.3 * g[10 + i]
        source_y = 1.2 * torch.cos(2.1 * i + c[18 + i]) + 0.3 * g[20 + i]
        distance = torch.sqrt((x - source_x) ** 2 + (y - source_y) ** 2 + 0.02)
        phase = 2.3 * g[30 + i] + i
        wave = torch.sin(frequency * (1 + 0.22 * i) * distance + phase)
        height = height + wave * (0.408 / (1 + 0.12 * i))  # 1/sqrt(6): unit variance in sum
    height = height * traits.relief
    sheen = 1.3 * g[40] + c[40]
    tone = 0.5 + 0.5 * torch.sin(1.7 * height + 1.1 * y + sheen)
    crest = 0.35 * torch.exp(-13 * (height - 0.35).abs())
    trough = 0.20 * torch.exp(-16 * (height + 0.6).abs())
    return Fields(0.24 * height, 0.62 * tone + 0.04, crest + trough, 0.55 + 0.35 * tone)

"""Mandala: nine petalled rings of light around the centre."""

import torch
from torch import Tensor

from ..fields import Fields
from ..geometry import Grid
from ..scene import Traits

_RINGS = 9


def mandala(grid: Grid, traits: Traits, finest: Tensor) -> Fields:
    """Evaluated on the canvas itself, whose symmetry it has; no line is finer than `finest` ()."""
    g, c = traits.gesture, traits.character
    zoom = 2 ** (0.3 * g[1])
    radius = torch.sqrt((grid.radius * zoom) ** 2 + 1e-5)
    first = torch.cos(traits.symmetry * grid.angle)
    second, third = 2 * first**2 - 1, 4 * first**3 - 3 * first  # Chebyshev: cos 2nθ, cos 3nθ
    petal, frill = (first, -first, second), (second, third, third)
    narrow = 1 / (1 + 0.5 * radius)
    sharpness = 1 / finest

    light = torch.zeros_like(radius)
    hue, fill = torch.zeros_like(radius), torch.zeros_like(radius)
    for i in range(_RINGS):
        k = i % 3
        depth = 0.17 + 0.16 * traits.swing(10 + i) + 0.14 * g[20 + i]
        lace = 0.05 + 0.10 * g[30 + i]
        outline = 0.07 + 0.125 * i + 0.07 * g[10 + i]
        wave = 1 + traits.relief * (depth * petal[k] + lace * frill[k])
        distance = (radius - outline * wave) * narrow
        square = distance * distance
        line = 1 / (1 + square * sharpness**2) + 0.12 / (1 + square * 220)
        inside = torch.sigmoid(-70 * distance)
        light = light + line
        hue = hue + line * (0.2 + 0.065 * i)
        fill = fill + inside * (1, -0.6, 0.45)[k]
        fill = fill + 0.35 * torch.exp(-9 * distance.abs()) * (1 - inside)

    turn = 1.5 * g[40] + c[41]
    tone = 0.5 + 0.5 * torch.sin(1.5 * fill + 2.2 * radius + turn)
    glow_tone = (hue / (light + 0.05)).clamp(0, 1) * 0.72 + 0.2
    return Fields(0.08 * fill, 0.40 * tone + 0.02, 0.36 * light, glow_tone)

"""Cells: sixteen soft Voronoi cells on a sunflower, with rings inside and glowing walls."""

import math
from functools import reduce

import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits

CELLS = 16
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_NOTHING = -30.0  # exponent of a share too small to see; denormal numbers would be slow
_HARDNESS = 55.0  # of the soft minimum over squared distances: walls about 1/55 wide


def cells(x: Tensor, y: Tensor, traits: Traits, drift: Tensor) -> Fields:
    """`drift` (64,2) is the direction in which each cell's centre sways."""
    centre_x, centre_y = _centres(traits, drift)
    scale, g = 1.05 * 2 ** (0.4 * traits.swing(10)), traits.gesture
    x, y = (
        x * scale + 0.09 * torch.sin(3 * y + 2 * g[60]),
        y * scale + 0.09 * torch.sin(3 * x + 2 * g[61]),
    )
    phase = traits.character[12] * 3 + 1.5 * g[62]
    index = torch.arange(CELLS, device=x.device, dtype=x.dtype)
    hues = 0.5 * torch.sin(1.7 * index + phase) + 0.5
    hue, wall, nearest = _soft_voronoi(x, y, centre_x, centre_y, hues)
    distance = (x * x + y * y - nearest).clamp_min(0)

    ringed = 0.5 + 0.5 * torch.tanh(3 * traits.character[13])
    frequency = 26 + 12 * traits.swing(16)
    ring = 0.5 + 0.5 * torch.cos(torch.sqrt(distance + 1e-4) * frequency + 2.5 * g[63])
    dome = torch.sqrt((0.26 - distance).clamp_min(0) + 0.004) * (0.75 + 0.5 * ringed)
    body = (0.62 * hue + 0.16 * ringed * ring) * (1 - 0.8 * wall)
    return Fields(
        dome + 0.03 * ringed * ring,
        0.05 + body * (1.05 - 1.6 * distance).clamp(0.25, 1),
        0.8 * (wall * 1.45).clamp(0, 1) ** 3,
        0.4 * hue + 0.5,
    )


def _centres(traits: Traits, drift: Tensor) -> tuple[Tensor, Tensor]:
    """Cell centres (CELLS,) on a phyllotaxis spiral, each swaying with two gestures of its own."""
    g, c = traits.gesture, traits.character
    index = torch.arange(CELLS, device=drift.device, dtype=drift.dtype)
    radius = torch.sqrt((index + 0.5) / CELLS) * 1.4
    angle = index * _GOLDEN_ANGLE
    sway, way = 0.20 * traits.relief, drift[:CELLS]
    sway_x = torch.sin(2.2 * g[10 : 10 + CELLS] + 3 * way[:, 0] + 2 * c[14])
    sway_y = torch.cos(2.2 * g[32 : 32 + CELLS] + 3 * way[:, 1] + 2 * c[15])
    return radius * torch.cos(angle) + sway * sway_x, radius * torch.sin(angle) + sway * sway_y


def _soft_voronoi(
    x: Tensor, y: Tensor, cx: Tensor, cy: Tensor, hues: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Mixed hue, how evenly cells share a point (0..1), and |p|^2 minus the soft distance, (n,).

    A cell's share is exp(-h |p - c|^2) without its factor exp(-h |p|^2), which cancels.
    """
    h = _HARDNESS
    across, up, level = 2 * h * cx, 2 * h * cy, h * (cx * cx + cy * cy)
    scores = [across[i] * x + up[i] * y - level[i] for i in range(CELLS)]
    best = reduce(torch.maximum, scores)
    hue, total, squares = (torch.zeros_like(x) for _ in range(3))
    for i, score in enumerate(scores):
        share = torch.exp((score - best).clamp_min(_NOTHING))
        hue, total, squares = hue + hues[i] * share, total + share, squares + share * share
    return hue / total, 1 - squares / (total * total), (best + torch.log(total)) / h

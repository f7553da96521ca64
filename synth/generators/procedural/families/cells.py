"""Cells: sixteen soft Voronoi cells on a sunflower, with rings inside and glowing walls."""

import math

import torch
from torch import Tensor

from ..fields import Fields
from ..geometry import View
from ..scene import Scene

CELLS = 16
_GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))
_NOTHING = -30.0  # exponent of a share too small to see; denormal numbers would be slow
_HARDNESS = 55.0  # of the soft minimum over squared distances: walls about 1/55 wide


def cells(view: View, scene: Scene, drift: Tensor) -> Fields:
    """`drift` (64,2) is the direction in which each cell's centre sways."""
    centre_x, centre_y = _centres(scene, drift)
    scale, g = 1.05 * 2 ** (0.4 * scene.swing(10)), scene.gesture
    x = view.x * scale + 0.09 * torch.sin(3 * view.y + 2 * float(g[60]))
    y = view.y * scale + 0.09 * torch.sin(3 * view.x + 2 * float(g[61]))
    share, total, nearest = _soft_voronoi(x, y, centre_x, centre_y)

    index = torch.arange(CELLS, device=x.device, dtype=x.dtype)
    phase = float(scene.character[12]) * 3 + 1.5 * float(g[62])
    hue = (0.5 * torch.sin(1.7 * index + phase) + 0.5) @ share / total
    wall = 1 - share.square_().sum(0) / total**2
    distance = (x * x + y * y - nearest).clamp_min(0)

    ringed = 0.5 + 0.5 * math.tanh(3 * float(scene.character[13]))
    frequency = 26 + 12 * scene.swing(16)
    ring = 0.5 + 0.5 * torch.cos(torch.sqrt(distance + 1e-4) * frequency + 2.5 * float(g[63]))
    dome = torch.sqrt((0.26 - distance).clamp_min(0) + 0.004) * (0.75 + 0.5 * ringed)
    body = (0.62 * hue + 0.16 * ringed * ring) * (1 - 0.8 * wall)
    return Fields(
        dome + 0.03 * ringed * ring,
        0.05 + body * (1.05 - 1.6 * distance).clamp(0.25, 1),
        0.8 * (wall * 1.45).clamp(0, 1) ** 3,
        0.4 * hue + 0.5,
    )


def _centres(scene: Scene, drift: Tensor) -> tuple[Tensor, Tensor]:
    """Cell centres (CELLS,) on a phyllotaxis spiral, each swaying with two gestures of its own."""
    device = drift.device
    g, c = torch.from_numpy(scene.gesture).to(device), scene.character
    index = torch.arange(CELLS, device=device, dtype=drift.dtype)
    radius = torch.sqrt((index + 0.5) / CELLS) * 1.4
    angle = index * _GOLDEN_ANGLE
    sway, way = 0.20 * scene.relief, drift[:CELLS]
    sway_x = torch.sin(2.2 * g[10 : 10 + CELLS] + 3 * way[:, 0] + 2 * float(c[14]))
    sway_y = torch.cos(2.2 * g[32 : 32 + CELLS] + 3 * way[:, 1] + 2 * float(c[15]))
    return radius * torch.cos(angle) + sway * sway_x, radius * torch.sin(angle) + sway * sway_y


def _soft_voronoi(x: Tensor, y: Tensor, cx: Tensor, cy: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Unnormalised share of each cell (CELLS,n), their sum (n,), and |p|^2 minus the soft distance.

    exp(-h |p - c|^2) without its factor exp(-h |p|^2), which cancels: one matrix product.
    """
    h = _HARDNESS
    plane = torch.stack([2 * h * cx, 2 * h * cy, -h * (cx * cx + cy * cy)], 1)
    score = plane @ torch.stack([x, y, torch.ones_like(x)])
    best = score.amax(0)
    share = score.sub_(best).clamp_min_(_NOTHING).exp_()
    total = share.sum(0)
    return share, total, (best + torch.log(total)) / h

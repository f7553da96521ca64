"""Flame: the attractor of four bent affine maps, splatted as a histogram and lit by density.

After Scott Draves and Erik Reckase, "The fractal flame algorithm" (2003). Every point of a fixed
cloud runs through every sequence of maps, so that the picture is a smooth function of the latent.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..fields import Fields
from ..scene import Scene

_SEEDS = 240
_MAPS = 4
_DEPTH = 5  # 240 * 4^5 = 245,760 points
_POINTS = _SEEDS * _MAPS**_DEPTH
_LARGEST_HISTOGRAM = 256
_FULL_PIXELS = _LARGEST_HISTOGRAM**2


class _Map(NamedTuple):
    """x' = a x + b y + shift_x, y' = c x + d y + shift_y, then bent by `bend` 0..1."""

    a: float
    b: float
    c: float
    d: float
    shift_x: float
    shift_y: float
    bend: float


class Flame:
    """Holds the fixed cloud of starting points."""

    def __init__(self, stream: np.random.RandomState, device: torch.device) -> None:
        cloud = stream.standard_normal((2, _SEEDS)) * 0.5
        self._cloud = torch.from_numpy(cloud.astype(np.float32)).to(device)

    def __call__(self, scene: Scene, side: int) -> Fields:
        """Fields of a whole square picture of `side` pixels."""
        size = min(side, _LARGEST_HISTOGRAM)
        x, y, colour = self._attractor(scene)
        zoom = 0.42 * size * 2 ** (0.2 * float(scene.gesture[1]))
        histogram = _splat(x * zoom + size / 2, y * zoom + size / 2, colour, size)
        symmetric = scene.geometries.get("mirror", 0) + scene.geometries.get("kaleidoscope", 0)
        if symmetric > 0:
            histogram = torch.lerp(histogram, histogram.flip(3), 0.5 * min(1.0, symmetric))
        return _lit_by_density(*_adaptive_blur(histogram), side)

    def _attractor(self, scene: Scene) -> tuple[Tensor, Tensor, Tensor]:
        """Positions and colours 0..1 of all points, each (_POINTS,)."""
        maps = [_map_of(scene, m) for m in range(_MAPS)]
        x, y = self._cloud
        colour = torch.full_like(x, 0.5)
        for _ in range(_DEPTH):
            moved = [_moved(x, y, m, i) for i, m in enumerate(maps)]
            x = torch.cat([p[0] for p in moved])
            y = torch.cat([p[1] for p in moved])
            colour = torch.cat([colour * 0.55 + 0.15 * i for i in range(_MAPS)])
        return x, y, colour


def _map_of(scene: Scene, index: int) -> _Map:
    g, first = scene.gesture, 10 + 10 * index
    turn = 1.5 * float(scene.character[first]) + 0.55 * float(g[first]) + 1.6 * index
    scale = 0.58 + 0.14 * scene.swing(first + 2) + 0.05 * float(g[first + 1])
    shear = 0.25 * scene.swing(first + 3)
    around = index * math.tau / _MAPS + float(scene.character[11])
    cos, sin = scale * math.cos(turn), scale * math.sin(turn)
    return _Map(
        a=cos,
        b=-sin + shear,
        c=sin,
        d=cos,
        shift_x=0.6 * math.cos(around) + 0.2 * float(g[first + 2]),
        shift_y=0.6 * math.sin(around) + 0.2 * float(g[first + 3]),
        bend=0.35 + 0.65 * abs(scene.swing(first + 4)),
    )


def _moved(x: Tensor, y: Tensor, m: _Map, index: int) -> tuple[Tensor, Tensor]:
    x, y = m.a * x + m.b * y + m.shift_x, m.c * x + m.d * y + m.shift_y
    if index == 0:
        return x, y
    bent_x, bent_y = _BENDS[index - 1](x, y)
    return torch.lerp(x, bent_x, m.bend), torch.lerp(y, bent_y, m.bend)


def _squeeze(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    square = x * x + y * y + 0.08
    k = 0.75 * square.rsqrt() * torch.tanh(1.2 * square) + 0.15
    return x * k, y * k


def _swirl(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    square = x * x + y * y + 0.08
    sin, cos = torch.sin(square), torch.cos(square)
    return x * sin - y * cos, x * cos + y * sin


def _petal(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Turn by the radius; unlike a plain sine of each axis it leaves no square outline."""
    radius = torch.sqrt(x * x + y * y + 0.02)
    sin, cos = torch.sin(1.4 * radius), torch.cos(1.4 * radius)
    k = torch.rsqrt(1 + 0.35 * radius * radius)
    return (x * cos + y * sin) * k, (y * cos - x * sin) * k


_BENDS = (_squeeze, _swirl, _petal)


def _splat(x: Tensor, y: Tensor, colour: Tensor, size: int) -> Tensor:
    """Bilinear histogram of points and of their colours, (1,2,size,size), in pixel units."""
    column, row = x.floor(), y.floor()
    right, down = x - column, y - row
    both = right * down
    weights = torch.cat([1 - right - down + both, right - both, down - both, both])
    seen = (column >= 0) & (row >= 0) & (column < size - 1) & (row < size - 1)
    outside = size * size  # a spill cell behind the last pixel
    corner = torch.where(seen, row * size + column, torch.full_like(row, outside)).long()
    index = torch.cat([corner, corner + 1, corner + size, corner + size + 1])
    cells = outside + size + 2
    count = torch.bincount(index, weights, cells)
    tint = torch.bincount(index, weights * colour.repeat(4), cells)
    return torch.stack([count, tint])[:, :outside].view(1, 2, size, size).float()


def _blur(planes: Tensor) -> Tensor:
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=planes.device) / 16
    padded = F.pad(planes, (2, 2, 2, 2), mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 1, 5).expand(2, 1, 1, 5), groups=2)
    return F.conv2d(rows, kernel.view(1, 1, 5, 1).expand(2, 1, 5, 1), groups=2)


def _adaptive_blur(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """The histogram, blurred where points are sparse, and its wide blur, per full-size pixel."""
    size = histogram.shape[-1]
    narrow = _blur(histogram)
    half = _blur(_blur(F.avg_pool2d(narrow, 2)))
    wide = F.interpolate(half, size=(size, size), mode="bilinear", align_corners=False)
    sparse = torch.exp(-0.35 * wide[:, :1] * (size * size / _FULL_PIXELS))
    return narrow + (wide - narrow) * (0.15 + 0.85 * sparse), wide


def _lit_by_density(density: Tensor, wide: Tensor, side: int) -> Fields:
    size = density.shape[-1]
    per_point = size * size / _POINTS
    height = _enlarged(torch.log1p(6 * wide[:, :1] * per_point), side).view(-1)
    count, tint = _enlarged(density, side).clamp_min(0).view(2, -1)
    light = torch.log1p(6 * count * per_point)
    hue = tint / (count + 1e-4)
    return Fields(
        0.035 * height, 0.02 + 0.36 * torch.tanh(0.5 * light), 0.34 * light, 0.10 + 0.85 * hue
    )


def _enlarged(planes: Tensor, side: int) -> Tensor:
    if planes.shape[-1] == side:
        return planes
    return F.interpolate(planes, size=(side, side), mode="bicubic", align_corners=False)

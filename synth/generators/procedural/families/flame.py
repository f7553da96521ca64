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
from ..kernels import Kernels
from ..scene import Scene, Traits

_SEEDS = 240
_MAPS = 4
_DEPTH = 5  # 240 * 4^5 = 245,760 points
_POINTS = _SEEDS * _MAPS**_DEPTH
_HISTOGRAM = 256  # pixels a side: no picture is drawn smaller
_FAINT = 3e-5  # of a point: keeps the hue of empty pixels finite


class _Map(NamedTuple):
    """x' = a x + b y + shift_x, y' = c x + d y + shift_y, then bent by `bend` 0..1; all ()."""

    a: Tensor
    b: Tensor
    c: Tensor
    d: Tensor
    shift_x: Tensor
    shift_y: Tensor
    bend: Tensor


class Flame:
    """Holds the fixed cloud of starting points."""

    def __init__(self, stream: np.random.RandomState, device: torch.device) -> None:
        cloud = stream.standard_normal((2, _SEEDS)) * 0.5
        self._cloud = torch.from_numpy(cloud.astype(np.float32)).to(device)

    def __call__(self, scene: Scene, side: int, kernels: Kernels) -> Fields:
        """Fields of a whole square picture of `side` pixels."""
        histogram = _counted(*kernels(_splats, self._cloud, scene.traits))
        symmetric = scene.geometries.get("mirror", 0) + scene.geometries.get("kaleidoscope", 0)
        if symmetric > 0:
            histogram = torch.lerp(histogram, histogram.flip(3), 0.5 * min(1.0, symmetric))
        density, wide = _adaptive_blur(histogram)
        per_point = _HISTOGRAM**2 / _POINTS
        height = torch.log1p(6 * wide[:, :1] * per_point)
        planes = _enlarged(torch.cat([height, density * per_point], 1), side)
        return kernels(_lit_by_density, planes[0].flatten(1))


def _splats(cloud: Tensor, traits: Traits) -> tuple[Tensor, Tensor, Tensor]:
    """Where in the histogram every point counts, how much, and with how much colour."""
    x, y, colour = _attractor(cloud, traits)
    zoom = 0.42 * _HISTOGRAM * 2 ** (0.2 * traits.gesture[1])
    return _corners(x * zoom + _HISTOGRAM / 2, y * zoom + _HISTOGRAM / 2, colour)


def _attractor(cloud: Tensor, traits: Traits) -> tuple[Tensor, Tensor, Tensor]:
    """Positions and colours 0..1 of all points, each (_POINTS,)."""
    maps = [_map_of(traits, m) for m in range(_MAPS)]
    x, y = cloud
    colour = torch.full_like(x, 0.5)
    for _ in range(_DEPTH):
        moved = [_moved(x, y, m, i) for i, m in enumerate(maps)]
        x = torch.cat([p[0] for p in moved])
        y = torch.cat([p[1] for p in moved])
        colour = torch.cat([colour * 0.55 + 0.15 * i for i in range(_MAPS)])
    return x, y, colour


def _map_of(traits: Traits, index: int) -> _Map:
    g, first = traits.gesture, 10 + 10 * index
    turn = 1.5 * traits.character[first] + 0.55 * g[first] + 1.6 * index
    scale = 0.58 + 0.14 * traits.swing(first + 2) + 0.05 * g[first + 1]
    shear = 0.25 * traits.swing(first + 3)
    around = index * math.tau / _MAPS + traits.character[11]
    cos, sin = scale * torch.cos(turn), scale * torch.sin(turn)
    return _Map(
        a=cos,
        b=-sin + shear,
        c=sin,
        d=cos,
        shift_x=0.6 * torch.cos(around) + 0.2 * g[first + 2],
        shift_y=0.6 * torch.sin(around) + 0.2 * g[first + 3],
        bend=0.35 + 0.65 * traits.swing(first + 4).abs(),
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


def _corners(x: Tensor, y: Tensor, colour: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of points in pixel units, the four pixels around each: index, weight, weighted colour."""
    column, row = x.floor(), y.floor()
    right, down = x - column, y - row
    both = right * down
    weights = torch.cat([1 - right - down + both, right - both, down - both, both])
    last = _HISTOGRAM - 1
    seen = (column >= 0) & (row >= 0) & (column < last) & (row < last)
    outside = _HISTOGRAM**2  # a spill cell behind the last pixel
    corner = torch.where(seen, row * _HISTOGRAM + column, torch.full_like(row, outside)).long()
    index = torch.cat([corner, corner + 1, corner + _HISTOGRAM, corner + _HISTOGRAM + 1])
    return index, weights, weights * colour.repeat(4)


def _counted(index: Tensor, weights: Tensor, tints: Tensor) -> Tensor:
    """The histogram of points and of their colours, (1,2,h,h)."""
    cells, spill = _HISTOGRAM**2, _HISTOGRAM + 2
    planes = [torch.bincount(index, v, cells + spill)[:cells] for v in (weights, tints)]
    return torch.stack(planes).view(1, 2, _HISTOGRAM, _HISTOGRAM).float()


def _blur(planes: Tensor) -> Tensor:
    kernel = torch.tensor([1.0, 4.0, 6.0, 4.0, 1.0], device=planes.device) / 16
    padded = F.pad(planes, (2, 2, 2, 2), mode="replicate")
    rows = F.conv2d(padded, kernel.view(1, 1, 1, 5).expand(2, 1, 1, 5), groups=2)
    return F.conv2d(rows, kernel.view(1, 1, 5, 1).expand(2, 1, 5, 1), groups=2)


def _adaptive_blur(histogram: Tensor) -> tuple[Tensor, Tensor]:
    """The histogram, blurred where points are sparse, and its wide blur."""
    narrow = _blur(histogram)
    half = _blur(_blur(F.avg_pool2d(narrow, 2)))
    wide = F.interpolate(half, scale_factor=2.0, mode="bilinear", align_corners=False)
    sparse = torch.exp(-0.35 * wide[:, :1])
    return narrow + (wide - narrow) * (0.15 + 0.85 * sparse), wide


def _lit_by_density(planes: Tensor) -> Fields:
    """Fields from height, points and colour (3, n), in units of what one point in a pixel is."""
    height, count, tint = planes
    count = count.clamp_min(0)
    light = torch.log1p(6 * count)
    hue = tint.clamp_min(0) / (count + _FAINT)
    return Fields(
        0.035 * height, 0.02 + 0.36 * torch.tanh(0.5 * light), 0.34 * light, 0.10 + 0.85 * hue
    )


def _enlarged(planes: Tensor, side: int) -> Tensor:
    if planes.shape[-1] == side:
        return planes
    return F.interpolate(planes, size=(side, side), mode="bicubic", align_corners=False)

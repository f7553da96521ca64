"""From light to pixels: vignette, exposure, bloom, a filmic curve, dither."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import Canvas
from .kernels import Kernels

_MIDDLE_GREY = 0.18
_BLOOM_THRESHOLD = 0.22
_BLOOM_RADIUS = 6  # in 64ths of the side


class Finish:
    """Holds the vignette, the bloom's blur and the dither of one picture size."""

    def __init__(self, canvas: Canvas, stream: np.random.RandomState) -> None:
        side, device = canvas.side, canvas.grid.x.device
        self.vignette = (torch.exp(-0.75 * canvas.grid.radius**3.2) * 0.8 + 0.2).view(side, side)
        self._pooled = max(1, side // 64)
        self._blur = _blurring(side // self._pooled).to(device)
        triangular = stream.random_sample((side, side)) + stream.random_sample((side, side)) - 1
        self._dither = torch.from_numpy(triangular.astype(np.float32)).to(device)

    def __call__(self, light: Tensor, kernels: Kernels) -> Tensor:
        """uint8 (side, side, 3) sRGB from linear light (3, side, side)."""
        exposed = kernels(_exposed, light)
        return kernels(_printed, exposed, self._bloom(exposed), self._dither)

    def _bloom(self, light: Tensor) -> Tensor:
        """What spills over from bright places, (3, side, side)."""
        small = F.avg_pool2d(light[None], self._pooled)
        bright = (small - _BLOOM_THRESHOLD).clamp(0, 3)
        spilt = self._blur @ bright @ self._blur.T
        return F.interpolate(spilt, size=light.shape[1:], mode="bilinear", align_corners=False)[0]


def _blurring(size: int) -> Tensor:
    """Matrix (size, size) that blurs columns; what lies beyond an edge is like the edge."""
    taps = torch.exp(-(torch.arange(-_BLOOM_RADIUS, _BLOOM_RADIUS + 1.0) ** 2) / 11.0)
    source = torch.arange(size)[:, None] + torch.arange(-_BLOOM_RADIUS, _BLOOM_RADIUS + 1)
    matrix = torch.zeros(size, size)
    return matrix.scatter_add_(1, source.clamp(0, size - 1), (taps / taps.sum()).expand(size, -1))


def _exposed(light: Tensor) -> Tensor:
    """Bring the mean to middle grey, within what keeps night scenes dark and glare bright."""
    return light * (_MIDDLE_GREY / (light.mean() + 0.012)).clamp(0.4, 2.4)


def _printed(exposed: Tensor, spilt: Tensor, dither: Tensor) -> Tensor:
    """uint8 (side, side, 3) from exposed light, what spills over it, and a grain."""
    levels = _filmic(exposed + 0.7 * spilt).clamp(0, 1) * 255 + dither + 0.5
    return levels.clamp(0, 255.99).to(torch.uint8).permute(1, 2, 0).contiguous()


def _filmic(light: Tensor) -> Tensor:
    """Jim Hejl and Richard Burgess-Dawson's film curve (2010); sRGB's gamma is inside."""
    return (light * (6.2 * light + 0.5)) / (light * (6.2 * light + 1.7) + 0.06)

"""From light to pixels: vignette, exposure, bloom, a filmic curve, dither."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from .geometry import Canvas

_MIDDLE_GREY = 0.18
_BLOOM_THRESHOLD = 0.22
_BLOOM_RADIUS = 6  # in 64ths of the side


class Finish:
    """Holds the vignette, the bloom's kernel and the dither of one picture size."""

    def __init__(self, canvas: Canvas, stream: np.random.RandomState) -> None:
        side, device = canvas.side, canvas.x.device
        self._side = side
        self._vignette = (torch.exp(-0.75 * canvas.radius**3.2) * 0.8 + 0.2).view(side, side)
        taps = torch.exp(-(torch.arange(-_BLOOM_RADIUS, _BLOOM_RADIUS + 1.0) ** 2) / 11.0)
        self._kernel = (taps / taps.sum()).to(device)
        triangular = stream.random_sample((side, side)) + stream.random_sample((side, side)) - 1
        self._dither = torch.from_numpy(triangular.astype(np.float32)).to(device)

    def __call__(self, light: Tensor) -> Tensor:
        """uint8 (side, side, 3) sRGB from linear light (3, side, side)."""
        exposed = _exposed(light * self._vignette)
        curved = _filmic(exposed + 0.7 * self._bloom(exposed))
        levels = curved.clamp(0, 1) * 255 + self._dither + 0.5
        return levels.clamp(0, 255.99).to(torch.uint8).permute(1, 2, 0).contiguous()

    def _bloom(self, light: Tensor) -> Tensor:
        small = F.avg_pool2d(light[None], max(1, self._side // 64))
        bright = (small - _BLOOM_THRESHOLD).clamp(0, 3)
        r, kernel = _BLOOM_RADIUS, self._kernel
        bright = F.pad(bright, (r, r, r, r), mode="replicate")
        bright = F.conv2d(bright, kernel.view(1, 1, 1, -1).expand(3, 1, 1, -1), groups=3)
        bright = F.conv2d(bright, kernel.view(1, 1, -1, 1).expand(3, 1, -1, 1), groups=3)
        size = (self._side, self._side)
        return F.interpolate(bright, size=size, mode="bilinear", align_corners=False)[0]


def _exposed(light: Tensor) -> Tensor:
    """Bring the mean to middle grey, within what keeps night scenes dark and glare bright."""
    return light * (_MIDDLE_GREY / (light.mean() + 0.012)).clamp(0.4, 2.4)


def _filmic(light: Tensor) -> Tensor:
    """Jim Hejl and Richard Burgess-Dawson's film curve (2010); sRGB's gamma is inside."""
    return (light * (6.2 * light + 0.5)) / (light * (6.2 * light + 1.7) + 0.06)

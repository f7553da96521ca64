"""Four periodic planes of coloured noise, the raw material of smoke and fibre."""

import math
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 1024
_SPECTRAL_SLOPE = -2.15  # amplitude per frequency: between clouds (-2) and marble (-2.5)
_CUT_OFF = 110.0  # cycles per side, below the pixel grid, so that magnified noise stays soft


class Texture(NamedTuple):
    """Noise of zero mean and unit deviation on the torus [0,1) x [0,1)."""

    planes: Tensor  # (1, 4, SIDE + 1, SIDE + 1): the first row and column stand at the end too

    @classmethod
    def drawn(cls, stream: np.random.RandomState, device: torch.device) -> "Texture":
        """Planes of a random stream, on a device; Gaussian phases, a power law of amplitudes."""
        rows = np.fft.fftfreq(SIDE)[:, None] * SIDE
        columns = np.fft.rfftfreq(SIDE)[None] * SIDE
        frequency = np.hypot(rows, columns)
        amplitude = np.maximum(frequency, 1) ** _SPECTRAL_SLOPE * (frequency > 1.5)
        amplitude *= np.exp(-((frequency / _CUT_OFF) ** 2))
        phase = stream.random_sample((4, SIDE, SIDE // 2 + 1)) * 2 * math.pi
        planes = np.fft.irfft2(amplitude * np.exp(1j * phase), s=(SIDE, SIDE))
        planes /= planes.std(axis=(1, 2), keepdims=True)
        closed = np.pad(planes, ((0, 0), (0, 1), (0, 1)), mode="wrap")
        return cls(torch.from_numpy(closed.astype(np.float32))[None].to(device))

    def sample(self, x: Tensor, y: Tensor, first: int, last: int) -> Tensor:
        """Planes first..last-1 at points (n,) of the torus: (last - first, n)."""
        if torch.compiler.is_compiling():  # fused with what is around it, this is twice as fast
            return self._gathered(x, y, first, last)
        grid = torch.stack([x - x.floor(), y - y.floor()], -1).mul_(2).sub_(1).view(1, 1, -1, 2)
        planes = self.planes[:, first:last]
        return F.grid_sample(planes, grid, mode="bilinear", align_corners=True)[0, :, 0]

    def _gathered(self, x: Tensor, y: Tensor, first: int, last: int) -> Tensor:
        across, down = (x - x.floor()) * SIDE, (y - y.floor()) * SIDE
        # clamped after rounding: a fraction may round up to 1, and compiled code stops the process
        column, row = across.int().clamp(0, SIDE - 1), down.int().clamp(0, SIDE - 1)
        right, below = across - column, down - row
        corner = row * (SIDE + 1) + column
        flat = self.planes[0].flatten(1)

        def along(plane: Tensor, start: Tensor) -> Tensor:
            return torch.lerp(plane[start], plane[start + 1], right)

        return torch.stack(
            [
                torch.lerp(along(p, corner), along(p, corner + SIDE + 1), below)
                for p in flat[first:last]
            ]
        )

"""Julia: orbit traps of z^2 + c, with c riding around the edge of the main cardioid."""

import torch
from torch import Tensor

from ..fields import Fields
from ..scene import Traits

_ITERATIONS = 10


def julia(x: Tensor, y: Tensor, traits: Traits) -> Fields:
    """Fields at points (n,): orbit traps of a Julia set."""
    g, scale = traits.gesture, 1.15 * 2 ** (0.3 * traits.swing(10))
    x, y = x * scale + 0.12 * g[12], y * scale + 0.12 * g[13]
    angle = 1.3 * traits.character[11] + 0.30 * g[10]
    radius = 0.75 + 0.045 * traits.swing(12) + 0.02 * g[11]
    c_x, c_y = radius * torch.cos(angle), radius * torch.sin(angle)
    line_x, line_y = torch.cos(0.3 * g[14]), torch.sin(0.3 * g[14])

    to_line, to_ring = torch.full_like(x, 9.0), torch.full_like(x, 9.0)
    staying = torch.zeros_like(x)
    for i in range(_ITERATIONS):
        x, y = x * x - y * y + c_x, 2 * x * y + c_y
        square = x * x + y * y
        brake = torch.rsqrt(1 + (0.0025 * square).clamp(max=1e6))  # escapes stay finite
        x, y = x * brake, y * brake
        staying = staying + torch.exp(-0.6 * square)
        to_line = torch.minimum(to_line, (x * line_x + y * line_y).abs() + 0.012 * i)
        to_ring = torch.minimum(to_ring, (square - 0.35).abs())

    depth = (staying / 6.5).clamp(0, 1)
    ring = torch.exp(-3 * to_ring)
    return Fields(
        0.35 * torch.sqrt(to_ring + 0.006) + 0.05 * staying,
        0.04 + 0.5 * ring * (0.3 + 0.7 * depth) + 0.28 * depth,
        0.8 * torch.exp(-24 * to_line),
        0.5 + 0.4 * ring,
    )

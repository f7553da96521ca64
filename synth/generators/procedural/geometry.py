"""Where each pixel looks: plane, mirror, kaleidoscope, tunnel, orb.

A geometry maps the picture's square, -1..1 with y up, to texture coordinates. Those that are
symmetric left to right are evaluated on the left half alone and unfolded afterwards.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from .fields import Fields
from .scene import Traits

SYMMETRIC = frozenset({"mirror", "kaleidoscope"})


class Grid(NamedTuple):
    """Where pixels are, each (n,) float32."""

    x: Tensor
    y: Tensor
    radius: Tensor
    angle: Tensor  # from the vertical, 0..pi


class Canvas:
    """The pixels of a square picture, or of its left half."""

    def __init__(self, side: int, device: torch.device, *, half: bool = False) -> None:
        centres = (torch.arange(side, device=device) + 0.5) / side * 2 - 1
        columns = centres[: side // 2] if half else centres
        down, across = torch.meshgrid(-centres, columns, indexing="ij")
        x, y = across.reshape(-1).contiguous(), down.reshape(-1).contiguous()
        self.side, self.half = side, half
        self.grid = Grid(x, y, torch.sqrt(x**2 + y**2), torch.atan2(x, y).abs())

    def unfold(self, fields: Fields) -> Fields:
        """Fields over the whole square, from fields over this grid."""
        return Fields(*(self._whole(field) for field in fields)) if self.half else fields

    def _whole(self, field: Tensor) -> Tensor:
        left = field.view(self.side, -1)
        return torch.cat([left, left.flip(1)], 1).reshape(-1)


class Orb(NamedTuple):
    """A glass ball: how far inside each pixel is (0..1), its height, its distance to the rim."""

    inside: Tensor
    bulge: Tensor
    rim: Tensor


class View(NamedTuple):
    """Texture coordinates (n,) of a canvas, and what the geometry does to light there.

    Of fog and orb there is one at most; both are empty tuples elsewhere.
    """

    x: Tensor
    y: Tensor
    fog: tuple[Tensor] | tuple[()] = ()
    orb: Orb | tuple[()] = ()


class _Pose:
    """Rotation, zoom and offset, common to every geometry."""

    def __init__(self, traits: Traits) -> None:
        g = traits.gesture
        self.turn = 0.5 * g[0]
        self.zoom = 2 ** (0.35 * g[1])
        self.dx, self.dy = 0.22 * g[2], 0.22 * g[3]

    def place(self, x: Tensor, y: Tensor) -> View:
        cos, sin = torch.cos(self.turn), torch.sin(self.turn)
        return View(x * cos - y * sin + self.dx, x * sin + y * cos + self.dy)


def _plane(grid: Grid, traits: Traits) -> View:
    pose = _Pose(traits)
    return pose.place(grid.x * pose.zoom, grid.y * pose.zoom)


def _mirror(grid: Grid, traits: Traits) -> View:
    pose = _Pose(traits)
    x = torch.sqrt((grid.x * pose.zoom) ** 2 + 0.004) + pose.dx  # rounded: no crease on the axis
    y = grid.y * pose.zoom + pose.dy
    cos, sin = torch.cos(0.6 * pose.turn), torch.sin(0.6 * pose.turn)
    return View(x * cos - y * sin, x * sin + y * cos)


def _kaleidoscope(grid: Grid, traits: Traits) -> View:
    pose = _Pose(traits)
    radius = grid.radius * pose.zoom
    roundness = 0.98 - 0.5 * torch.exp(-36 * radius * radius)  # the centre is a disc, not a needle
    wedge = torch.acos(roundness * torch.cos(grid.angle * traits.symmetry)) / traits.symmetry
    return pose.place(radius * torch.sin(wedge), radius * torch.cos(wedge))


def _tunnel(grid: Grid, traits: Traits) -> View:
    pose, g = _Pose(traits), traits.gesture
    x = grid.x * pose.zoom - 0.18 * g[4]
    y = grid.y * pose.zoom - 0.18 * g[5]
    radius = torch.sqrt(x * x + y * y + 0.0008)
    walls = (traits.symmetry / 2).clamp_min(2)
    angle = torch.acos(0.985 * torch.cos(torch.atan2(x, y).abs() * walls))
    depth = -0.9 * torch.log(radius) + 1.2 * g[6]
    fog = 1 - torch.exp(-((radius / 0.22) ** 1.4))
    return View(angle * (1.2 / walls) + pose.dx, depth, fog=(0.15 + 0.85 * fog,))


def _orb(grid: Grid, traits: Traits) -> View:
    pose, g = _Pose(traits), traits.gesture
    x, y = grid.x, grid.y
    angle = torch.atan2(x, y)
    wobble = 0.05 + 0.03 * traits.swing(50)
    outline = 1 + wobble * torch.sin(2 * angle + 2 * g[8])
    outline = outline + 0.7 * wobble * torch.sin(3 * angle + 2 * g[9] + 1)
    rim = grid.radius / ((0.72 + 0.05 * g[7]) * outline)
    inside = torch.sigmoid((1 - rim) * 45)
    bulge = torch.sqrt((1 - rim * rim).clamp_min(0) + 0.05)
    lens = 1 / (0.4 + bulge)
    ball, behind = pose.place(x * lens, y * lens), pose.place(x * 0.55 + 0.3, y * 0.55)
    return View(
        torch.lerp(behind.x, ball.x, inside),
        torch.lerp(behind.y, ball.y, inside),
        orb=Orb(inside, bulge, rim),
    )


def fogged(fields: Fields, fog: Tensor) -> Fields:
    """Relief, tone and glow darkened by the tunnel's depth, 0..1."""
    return Fields(fields.height * fog, fields.tone * fog, fields.glow * fog, fields.glow_tone)


def on_orb(fields: Fields, orb: Orb) -> Fields:
    """Fields shaped by the ball, dimmed behind it, with a halo at its rim."""
    outside = 1 - orb.inside
    halo = orb.inside * torch.exp((9 * (orb.rim - 1)).clamp_max(0))
    halo = halo + outside * torch.exp((-5 * (orb.rim - 1)).clamp_max(0))
    return Fields(
        fields.height * (1 - 0.75 * outside) + 0.8 * orb.bulge * orb.inside,
        fields.tone * (1 - 0.65 * outside),
        fields.glow * (1 - 0.8 * outside) + 0.35 * halo,
        fields.glow_tone,
    )


VIEWS: dict[str, Callable[[Grid, Traits], View]] = {  # where each pixel of a canvas looks
    "plane": _plane,
    "mirror": _mirror,
    "kaleidoscope": _kaleidoscope,
    "tunnel": _tunnel,
    "orb": _orb,
}

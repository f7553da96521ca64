"""Where each pixel looks: plane, mirror, kaleidoscope, tunnel, orb.

A geometry maps the picture's square, -1..1 with y up, to texture coordinates. Those that are
symmetric left to right are evaluated on the left half alone and unfolded afterwards.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from .fields import Fields
from .scene import Scene

SYMMETRIC = frozenset({"mirror", "kaleidoscope"})


class Canvas:
    """The pixels of a square picture, or of its left half, as flat tensors (n,)."""

    def __init__(self, side: int, device: torch.device, *, half: bool = False) -> None:
        centres = (torch.arange(side, device=device) + 0.5) / side * 2 - 1
        columns = centres[: side // 2] if half else centres
        y, x = torch.meshgrid(-centres, columns, indexing="ij")
        self.side = side
        self.half = half
        self.x = x.reshape(-1).contiguous()
        self.y = y.reshape(-1).contiguous()
        self.radius = torch.sqrt(self.x**2 + self.y**2)
        self.angle = torch.atan2(self.x, self.y).abs()  # from the vertical, 0..pi

    def unfold(self, fields: Fields) -> Fields:
        """Fields over the whole square, from fields over this canvas."""
        return Fields(*(self._whole(field) for field in fields)) if self.half else fields

    def _whole(self, field: Tensor) -> Tensor:
        left = field.view(self.side, -1)
        return torch.cat([left, left.flip(1)], 1).reshape(-1)


@dataclass(frozen=True, slots=True)
class Orb:
    """A glass ball: how far inside each pixel is (0..1), its height, its distance to the rim."""

    inside: Tensor
    bulge: Tensor
    rim: Tensor


@dataclass(frozen=True, slots=True)
class View:
    """Texture coordinates (n,) of a canvas, and what the geometry does to light there."""

    x: Tensor
    y: Tensor
    fog: Tensor | None = None
    orb: Orb | None = None

    def lit(self, fields: Fields) -> Fields:
        """Fields darkened by the tunnel's depth or shaped by the orb."""
        if self.fog is not None:
            return fields.dimmed(self.fog)
        return _on_orb(fields, self.orb) if self.orb is not None else fields


class _Pose:
    """Rotation, zoom and offset, common to every geometry."""

    def __init__(self, scene: Scene) -> None:
        g = scene.gesture
        self.turn = 0.5 * float(g[0])
        self.zoom = 2 ** (0.35 * float(g[1]))
        self.dx, self.dy = 0.22 * float(g[2]), 0.22 * float(g[3])

    def place(self, x: Tensor, y: Tensor) -> View:
        cos, sin = math.cos(self.turn), math.sin(self.turn)
        return View(x * cos - y * sin + self.dx, x * sin + y * cos + self.dy)


def _plane(canvas: Canvas, scene: Scene) -> View:
    pose = _Pose(scene)
    return pose.place(canvas.x * pose.zoom, canvas.y * pose.zoom)


def _mirror(canvas: Canvas, scene: Scene) -> View:
    pose = _Pose(scene)
    x = torch.sqrt((canvas.x * pose.zoom) ** 2 + 0.004) + pose.dx  # rounded: no crease on the axis
    y = canvas.y * pose.zoom + pose.dy
    cos, sin = math.cos(0.6 * pose.turn), math.sin(0.6 * pose.turn)
    return View(x * cos - y * sin, x * sin + y * cos)


def _kaleidoscope(canvas: Canvas, scene: Scene) -> View:
    pose = _Pose(scene)
    radius = canvas.radius * pose.zoom
    roundness = 0.98 - 0.5 * torch.exp(-36 * radius * radius)  # the centre is a disc, not a needle
    wedge = torch.acos(roundness * torch.cos(canvas.angle * scene.symmetry)) / scene.symmetry
    return pose.place(radius * torch.sin(wedge), radius * torch.cos(wedge))


def _tunnel(canvas: Canvas, scene: Scene) -> View:
    pose, g = _Pose(scene), scene.gesture
    x = canvas.x * pose.zoom - 0.18 * float(g[4])
    y = canvas.y * pose.zoom - 0.18 * float(g[5])
    radius = torch.sqrt(x * x + y * y + 0.0008)
    walls = max(2.0, scene.symmetry / 2)
    angle = torch.acos(0.985 * torch.cos(torch.atan2(x, y).abs() * walls))
    depth = -0.9 * torch.log(radius) + 1.2 * float(g[6])
    fog = 1 - torch.exp(-((radius / 0.22) ** 1.4))
    return View(angle * (1.2 / walls) + pose.dx, depth, fog=0.15 + 0.85 * fog)


def _orb(canvas: Canvas, scene: Scene) -> View:
    pose, g = _Pose(scene), scene.gesture
    x, y = canvas.x, canvas.y
    angle = torch.atan2(x, y)
    wobble = 0.05 + 0.03 * scene.swing(50)
    outline = 1 + wobble * torch.sin(2 * angle + 2 * float(g[8]))
    outline = outline + 0.7 * wobble * torch.sin(3 * angle + 2 * float(g[9]) + 1)
    rim = canvas.radius / ((0.72 + 0.05 * float(g[7])) * outline)
    inside = torch.sigmoid((1 - rim) * 45)
    bulge = torch.sqrt((1 - rim * rim).clamp_min(0) + 0.05)
    lens = 1 / (0.4 + bulge)
    ball, behind = pose.place(x * lens, y * lens), pose.place(x * 0.55 + 0.3, y * 0.55)
    return View(
        torch.lerp(behind.x, ball.x, inside),
        torch.lerp(behind.y, ball.y, inside),
        orb=Orb(inside, bulge, rim),
    )


def _on_orb(fields: Fields, orb: Orb) -> Fields:
    outside = 1 - orb.inside
    halo = orb.inside * torch.exp((9 * (orb.rim - 1)).clamp_max(0))
    halo = halo + outside * torch.exp((-5 * (orb.rim - 1)).clamp_max(0))
    return Fields(
        fields.height * (1 - 0.75 * outside) + 0.8 * orb.bulge * orb.inside,
        fields.tone * (1 - 0.65 * outside),
        fields.glow * (1 - 0.8 * outside) + 0.35 * halo,
        fields.glow_tone,
    )


_GEOMETRIES = {
    "plane": _plane,
    "mirror": _mirror,
    "kaleidoscope": _kaleidoscope,
    "tunnel": _tunnel,
    "orb": _orb,
}


def view(name: str, canvas: Canvas, scene: Scene) -> View:
    """The named geometry's texture coordinates for every pixel of the canvas."""
    return _GEOMETRIES[name](canvas, scene)

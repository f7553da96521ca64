"""Relief lighting: one moving light over the height field, coloured by two palettes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from .fields import Fields
from .palettes import RAMP_SIZE, ramp
from .scene import Scene


def lit(fields: Fields, scene: Scene, side: int, flatness: float) -> Tensor:
    """Linear RGB (3, side, side), not yet exposed.

    `flatness` 0..1 is the share of the picture that is smoke, not surface: it keeps its own light.
    """
    surface = 1 - flatness
    slope_x, slope_y = _slopes(fields.height.view(side, side), scene, surface)
    upright = torch.rsqrt(1 + slope_x * slope_x + slope_y * slope_y)
    light_x, light_y, light_z = _light_direction(scene)
    diffuse = ((light_z - slope_x * light_x - slope_y * light_y) * upright).clamp(0, 1)
    gloss = 0.30 + 0.55 * (0.5 + 0.5 * math.tanh(1.5 * float(scene.character[3])))
    specular = diffuse**28 * (gloss * (0.25 + 0.75 * surface))
    rim = 1 - upright

    hue = 0.22 * float(scene.gesture[5]) + 0.25 * scene.swing(1)
    body = _coloured(fields.tone.view(side, side) + 0.10 * rim, ramp(scene.body_palette, hue))
    glow = _coloured(fields.glow_tone.view(side, side), ramp(scene.glow_palette, 0.5 * hue))
    shine = 0.75 * specular + fields.glow.view(side, side) + 0.22 * rim * rim
    return body * (0.97 * diffuse + 0.10) + glow * shine + 0.25 * specular


def _slopes(height: Tensor, scene: Scene, surface: float) -> tuple[Tensor, Tensor]:
    """The height's gradient, levelled so that gentle relief still shows and rough relief calms."""
    side = height.shape[0]
    padded = F.pad(height[None, None], (1, 1, 1, 1), mode="replicate")[0, 0]
    along_x = padded[1:-1, 2:] - padded[1:-1, :-2]
    along_y = padded[2:, 1:-1] - padded[:-2, 1:-1]
    scale = side / 4.0  # two pixels apart, a side is two units long
    roughness = scale * (along_x.abs().mean() + along_y.abs().mean())
    level = (roughness + 0.15).pow(-0.7).clamp(0.6, 2.5).pow(surface)
    strength = scale * (0.85 + 0.35 * scene.swing(2)) * scene.relief * level
    return along_x * strength, along_y * strength


def _light_direction(scene: Scene) -> tuple[float, float, float]:
    angle = 0.6 * float(scene.character[0]) + 0.9 * float(scene.gesture[4]) + 2.2
    x, y, z = 0.62 * math.cos(angle), -0.62 * abs(math.sin(angle)) - 0.1, 0.75  # from above
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def _coloured(position: Tensor, table: Tensor) -> Tensor:
    index = position.clamp(0, 1).mul(RAMP_SIZE - 1).int().view(-1)
    return table.to(position.device).index_select(1, index).view(3, *position.shape)

"""Relief lighting: one moving light over the height field, coloured by two palettes."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .fields import Fields
from .palettes import RAMP_SIZE
from .scene import Traits


class Inks(NamedTuple):
    """Two tables of linear RGB (3, RAMP_SIZE), dark to light."""

    body: Tensor
    glow: Tensor


def framed(height: Tensor, side: int) -> Tensor:
    """Relief (side + 2, side + 2) whose outermost pixels stand twice."""
    return F.pad(height.view(1, 1, side, side), (1, 1, 1, 1), mode="replicate")[0, 0]


def lit(
    fields: Fields, relief: Tensor, traits: Traits, inks: Inks, flatness: Tensor, vignette: Tensor
) -> Tensor:
    """Linear RGB (3, side, side) behind a vignette (side, side), not yet exposed.

    `relief` is the framed height. `flatness` () 0..1 is the share of the picture that is smoke,
    not surface: it keeps its own light.
    """
    fields = Fields(*(field.view_as(vignette) for field in fields))
    surface = 1 - flatness
    slope_x, slope_y = _slopes(relief, traits, surface)
    upright = torch.rsqrt(1 + slope_x * slope_x + slope_y * slope_y)
    light_x, light_y, light_z = _light_direction(traits)
    diffuse = ((light_z - slope_x * light_x - slope_y * light_y) * upright).clamp(0, 1)
    gloss = 0.30 + 0.55 * (0.5 + 0.5 * torch.tanh(1.5 * traits.character[3]))
    fourth = diffuse.square().square()
    eighth = fourth.square()
    specular = fourth * eighth * eighth.square() * (gloss * (0.25 + 0.75 * surface))
    rim = 1 - upright

    body = _coloured(fields.tone + 0.10 * rim, inks.body)
    glow = _coloured(fields.glow_tone, inks.glow)
    shine = 0.75 * specular + fields.glow + 0.22 * rim * rim
    return (body * (0.97 * diffuse + 0.10) + glow * shine + 0.25 * specular) * vignette


def _slopes(relief: Tensor, traits: Traits, surface: Tensor) -> tuple[Tensor, Tensor]:
    """The relief's gradient, levelled so that gentle relief still shows and rough relief calms."""
    along_x = relief[1:-1, 2:] - relief[1:-1, :-2]
    along_y = relief[2:, 1:-1] - relief[:-2, 1:-1]
    scale = along_x.shape[0] / 4.0  # two pixels apart, a side is two units long
    roughness = scale * (along_x.abs().mean() + along_y.abs().mean())
    level = (roughness + 0.15).pow(-0.7).clamp(0.6, 2.5).pow(surface)
    strength = scale * (0.85 + 0.35 * traits.swing(2)) * traits.relief * level
    return along_x * strength, along_y * strength


def _light_direction(traits: Traits) -> tuple[Tensor, Tensor, Tensor]:
    angle = 0.6 * traits.character[0] + 0.9 * traits.gesture[4] + 2.2
    x, y, z = 0.62 * torch.cos(angle), -0.62 * torch.sin(angle).abs() - 0.1, 0.75  # from above
    length = torch.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


def _coloured(position: Tensor, table: Tensor) -> Tensor:
    index = position.mul(RAMP_SIZE - 1).int().clamp(0, RAMP_SIZE - 1).view(-1)  # whatever comes
    return table.index_select(1, index).view(3, *position.shape)

"""What a texture gives for every pixel, before light and colour."""

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor


class Fields(NamedTuple):
    """Four fields over the same n pixels, each (n,) float32."""

    height: Tensor  # relief, in units of half the picture's side
    tone: Tensor  # 0 dark .. 1 light, position in the body's palette
    glow: Tensor  # light that the surface gives off, 0 upward
    glow_tone: Tensor  # 0 .. 1, position in the glow's palette

    def dimmed(self, light: Tensor) -> "Fields":
        """Relief, tone and glow multiplied by `light`, 0..1."""
        return Fields(self.height * light, self.tone * light, self.glow * light, self.glow_tone)


def blended(parts: Iterable[tuple[float, Fields]]) -> Fields:
    """The weighted sum of fields over the same pixels; weights sum to one."""
    scaled = (
        fields if weight == 1 else Fields(*(weight * field for field in fields))
        for weight, fields in parts
    )
    return reduce(lambda a, b: Fields(*map(torch.add, a, b)), scaled)

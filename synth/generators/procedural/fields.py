"""What a texture gives for every pixel, before light and colour."""

from typing import NamedTuple

from torch import Tensor


class Fields(NamedTuple):
    """Four fields over the same n pixels, each (n,) float32."""

    height: Tensor  # relief, in units of half the picture's side
    tone: Tensor  # 0 dark .. 1 light, position in the body's palette
    glow: Tensor  # light that the surface gives off, 0 upward
    glow_tone: Tensor  # 0 .. 1, position in the glow's palette

    def scaled(self, weight: float) -> "Fields":
        return self if weight == 1 else Fields(*(weight * field for field in self))

    def plus(self, other: "Fields | None") -> "Fields":
        if other is None:
            return self
        return Fields(*(a + b for a, b in zip(self, other, strict=True)))

    def dimmed(self, light: Tensor) -> "Fields":
        """Relief, tone and glow multiplied by `light`, 0..1."""
        return Fields(self.height * light, self.tone * light, self.glow * light, self.glow_tone)

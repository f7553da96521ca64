"""What a texture gives for every pixel, before light and colour."""

from typing import NamedTuple

from torch import Tensor

_TONE_SPREAD = 0.19  # standard deviation that bland pictures are stretched towards


class Fields(NamedTuple):
    """Four fields over the same n pixels, each (n,) float32."""

    height: Tensor  # relief, in units of half the picture's side
    tone: Tensor  # 0 dark .. 1 light, position in the body's palette
    glow: Tensor  # light that the surface gives off, 0 upward
    glow_tone: Tensor  # 0 .. 1, position in the glow's palette


def weighed(weight: Tensor, fields: Fields) -> Fields:
    """The first part of a blend; `weight` is ()."""
    return Fields(*(weight * field for field in fields))


def added(blend: Fields, weight: Tensor, fields: Fields) -> Fields:
    """A blend and one part more, over the same pixels."""
    return Fields(*(sum_ + weight * field for sum_, field in zip(blend, fields, strict=True)))


def levelled(fields: Fields) -> Fields:
    """Stretch a bland picture's tones around their mean."""
    mean = fields.tone.mean()
    gain = (_TONE_SPREAD / (fields.tone.std() + 0.02)).clamp(1.0, 2.2)
    return fields._replace(tone=mean + (fields.tone - mean) * gain)

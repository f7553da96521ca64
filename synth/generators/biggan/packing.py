"""The folded tensors in a third of float32's size.

Weights take ten bits each, five bytes for every four. A row is measured against its own largest
value, so a weight is off by at most a thousandth of that: about what bfloat16 loses in every
multiplication. Statistics take float16 against their channel's largest value. Vectors, and the
embeddings that banks of keyframes are made of, stay as they are.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

Shapes = Mapping[str, Sequence[int]]  # of the packed weights, by name

_TOP = 511  # the largest level; levels are -511..511
_STATISTICS = ("norms.means", "norms.variances")
_SHIFTS = (0, 2, 4, 6)  # of the four high pairs of bits in a fifth byte


def packed(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Shapes]:
    """Tensors for the disk, and the shapes that `unpacked` wants."""
    small: dict[str, Tensor] = {}
    shapes: dict[str, list[int]] = {}
    for name, tensor in tensors.items():
        if name in _STATISTICS:
            largest = tensor.abs().amax(0).clamp(min=1e-30)
            small[name] = (tensor / largest).half()
            small[f"{name}.largest"] = largest
        elif tensor.ndim > 1 and name != "embeddings":
            shapes[name] = list(tensor.shape)
            small[name], small[f"{name}.step"] = pack(tensor)
        else:
            small[name] = tensor
    return small, shapes


def unpacked(small: Mapping[str, Tensor], shapes: Shapes) -> dict[str, Tensor]:
    """What `packed` took, float32; KeyError, TypeError or RuntimeError where something is odd."""
    tensors: dict[str, Tensor] = {}
    for name, tensor in small.items():
        if name in shapes:
            tensors[name] = unpack(tensor, small[f"{name}.step"], tuple(shapes[name]))
        elif name in _STATISTICS:
            tensors[name] = tensor.float() * small[f"{name}.largest"]
        elif not name.endswith((".step", ".largest")):
            tensors[name] = tensor
    return tensors


def pack(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Five bytes for every four numbers (n,) uint8, and the step of each row (rows,) float32."""
    rows = weight.detach().float().flatten(1)
    step = rows.abs().amax(1).clamp(min=1e-30) / _TOP
    levels = (rows / step[:, None]).round().to(torch.int16).flatten() + _TOP
    levels = torch.cat([levels, levels.new_zeros(-len(levels) % 4)]).view(-1, 4)
    low = (levels & 0xFF).to(torch.uint8)
    high = (
        ((levels >> 8) << torch.tensor(_SHIFTS, dtype=torch.int16))
        .sum(1, keepdim=True)
        .to(torch.uint8)
    )
    return torch.cat([low, high], 1).flatten(), step


def unpack(data: Tensor, step: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The float32 weight of this shape whose rows have these steps."""
    groups = data.view(-1, 5)
    high = ((groups[:, 4:] >> torch.tensor(_SHIFTS, dtype=torch.uint8)) & 3).to(torch.int16) << 8
    levels = (groups[:, :4].to(torch.int16) + high).flatten()[: torch.Size(shape).numel()] - _TOP
    return (levels.view(len(step), -1).float() * step[:, None]).view(shape)

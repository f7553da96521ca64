"""BigGAN-deep's generator in inference form: what the published one computes, restated.

Every batch norm is one multiply-add: with the truncation's mean m and deviation s, the bias b of
the convolution before, and scale and offset from the condition,

    relu(a x + c),  a = (1 + scale) / s,  c = offset + a (b - m)

so all conditioning is one product a block, in float32, before any pixel is touched; each block may
have a condition of its own. Truncation is a tensor, interpolated between the published rows.
Products and activations may be bfloat16 or float16; sums inside the norms and the last tanh stay
float32.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .folding import Block, Shape, transposed

COLUMNS: dict[
    str, list[float]
] = {  # how a wide picture's seven columns are made of the four that were learnt
    "stretch": [0, 0.5, 1, 1.5, 2, 2.5, 3],
    "repeat": [0, 0, 1, 1, 2, 2, 3],
    "mirror": [0, 1, 2, 3, 2, 1, 0],  # every neighbour is a learnt neighbour: no seam
}


class Network(nn.Module):
    """The inference form over folded tensors; see `folding`."""

    means: Tensor
    deviations: Tensor

    def __init__(
        self,
        shape: Shape,
        tensors: Mapping[str, Tensor],
        *,
        dtype: torch.dtype = torch.float32,
        wide: str = "off",
        folds_upsampling: bool = True,
    ) -> None:
        super().__init__()
        self.shape, self.dtype = shape, dtype
        self.first = _Linear(tensors["first.weight"], tensors["first.bias"], dtype)
        self.blocks = nn.ModuleList(
            _Block(block, _below(tensors, f"blocks.{k}."), dtype, folds_upsampling)
            for k, block in enumerate(shape.blocks)
        )
        self.attention = _Attention(_below(tensors, "attention."), dtype)
        self.rgb = _Convolution(tensors["rgb.weight"], tensors["rgb.bias"], dtype)
        self.register_buffer("means", tensors["norms.means"])
        self.register_buffer("variances", tensors["norms.variances"])
        self.register_buffer("bias", tensors["norms.bias"])
        self.register_buffer("last_scale", tensors["last.scale"])
        self.register_buffer("last_offset", tensors["last.offset"])
        self.register_buffer("spread", None if wide == "off" else _spread(COLUMNS[wide]))

    def statistics(self, truncation: Tensor) -> tuple[Tensor, Tensor]:
        """Means and deviations (B, n) of every normed channel at truncations (B,)."""
        mean = interpolated(self.means, truncation)
        variance = interpolated(self._buffer("variances"), truncation)
        return mean, torch.sqrt(variance + self.shape.eps)

    def forward(self, condition: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """Pictures (B, 3, h, w) in -1..1 from conditions (B, blocks, 256) and statistics (B, n)."""
        bias = self._buffer("bias").expand_as(mean)
        sizes = [*(sum(block.norms) for block in self.shape.blocks), self.shape.width]
        *parts, last = zip(*(v.split(sizes, 1) for v in (mean, deviation, bias)), strict=True)
        x = self._first_grid(condition[:, 0])
        for k, part in enumerate(parts):
            if k == self.shape.attention:
                x = self.attention(x)
            x = self._block(k)(x, condition[:, k], part)
        scale, offset = (self._buffer(f"last_{v}").expand_as(last[0]) for v in ("scale", "offset"))
        (norm,) = _norms(scale, offset, last, (self.shape.width,))
        return torch.tanh(self.rgb(normed(x, norm)).float())

    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        """uint8 (B, h, w, 3) from conditions (B, blocks, 256) and truncations (B,)."""
        return self.drawn(condition, *self.statistics(truncation))

    def drawn(self, condition: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
        """uint8 (B, h, w, 3): what is worth compiling; the statistics' lookup is not."""
        return bytes_of(self(condition, mean, deviation))

    def _first_grid(self, condition: Tensor) -> Tensor:
        grid: Tensor = self.first(condition).view(len(condition), 4, 4, -1)  # rows, columns
        if self.spread is not None:
            grid = torch.einsum("wx,byxc->bywc", self._buffer("spread").to(grid.dtype), grid)
        return grid.permute(0, 3, 1, 2)

    def _block(self, k: int) -> "_Block":
        block = self.blocks[k]
        assert isinstance(block, _Block)
        return block

    def _buffer(self, name: str) -> Tensor:
        buffer = getattr(self, name)
        assert isinstance(buffer, Tensor)
        return buffer


def interpolated(rows: Tensor, truncation: Tensor) -> Tensor:
    """Rows (n, c) stand for truncations 0 to 1 in equal steps; (B,) truncations give (B, c)."""
    position = truncation.clamp(0, 1) * (len(rows) - 1)
    left = position.floor().long().clamp(max=len(rows) - 2)
    return torch.lerp(rows[left], rows[left + 1], (position - left)[:, None])


Statistics = tuple[Tensor, Tensor, Tensor]  # mean, deviation and the bias before, (B, n) each


def _norms(
    scale: Tensor, offset: Tensor, statistics: Statistics, sizes: tuple[int, ...]
) -> list[tuple[Tensor, Tensor]]:
    """Each batch norm's factor and summand (B, channels, 1, 1), float32."""
    mean, deviation, bias = statistics
    factor = scale / deviation
    summand = offset + factor * (bias - mean)
    split = (v[..., None, None].split(sizes, 1) for v in (factor, summand))
    return list(zip(*split, strict=True))


def normed(x: Tensor, norm: tuple[Tensor, Tensor]) -> Tensor:
    """relu(factor x + summand), summed in float32, in x's own precision."""
    factor, summand = norm
    return torch.relu(x * factor + summand).to(x.dtype)


def bytes_of(picture: Tensor) -> Tensor:
    """uint8 (B, h, w, 3) from pictures (B, 3, h, w) in -1..1."""
    levels = ((picture + 1) * 127.5).round().clamp(0, 255)
    return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _spread(positions: list[float]) -> Tensor:
    """Matrix (7, 4) that reads four columns at these positions, linearly between neighbours."""
    distance = torch.tensor(positions)[:, None] - torch.arange(4)
    return (1 - distance.abs()).clamp(min=0)


def _constant(tensor: Tensor, dtype: torch.dtype) -> nn.Parameter:
    layout = torch.channels_last if tensor.dim() == 4 else torch.contiguous_format
    return nn.Parameter(tensor.to(dtype).contiguous(memory_format=layout), requires_grad=False)


class _Linear(nn.Module):
    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight, self.bias = _constant(weight, dtype), _constant(bias, torch.float32)

    def forward(self, x: Tensor) -> Tensor:
        product = F.linear(x.to(self.weight.dtype), self.weight)
        return (product.float() + self.bias).to(self.weight.dtype)


class _Convolution(nn.Module):
    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype) -> None:
        super().__init__()
        self.weight = _constant(weight, dtype)
        self.bias = None if bias is None else _constant(bias, dtype)
        self.padding = weight.shape[2] // 2

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=self.padding)


class _Upsampling(nn.Module):
    """Doubling by repetition and a 3x3 convolution, together or one after the other."""

    def __init__(self, weight: Tensor, dtype: torch.dtype, *, folds: bool) -> None:
        super().__init__()
        self.folds = folds
        self.weight = _constant(transposed(weight.float()) if folds else weight, dtype)

    def forward(self, x: Tensor) -> Tensor:
        if self.folds:
            return F.conv_transpose2d(x, self.weight, stride=2, padding=1)
        return F.conv2d(doubled(x), self.weight, padding=1)


def doubled(x: Tensor) -> Tensor:
    """Pictures (B, c, h, w) at twice the size, each pixel four times."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class _Block(nn.Module):
    def __init__(
        self, block: Block, tensors: Mapping[str, Tensor], dtype: torch.dtype, folds: bool
    ) -> None:
        super().__init__()
        self.block = block
        self.condition = _constant(tensors["condition"], dtype)
        weights = [tensors[f"convolutions.{j}.weight"] for j in range(4)]
        self.reduce = _Convolution(weights[0], None, dtype)
        self.middle = (
            _Upsampling(weights[1], dtype, folds=folds)
            if block.upsamples
            else _Convolution(weights[1], None, dtype)
        )
        self.refine = _Convolution(weights[2], None, dtype)
        self.expand = _Convolution(weights[3], tensors["convolutions.3.bias"], dtype)

    def forward(self, x: Tensor, condition: Tensor, statistics: Statistics) -> Tensor:
        both = F.linear(condition.to(self.condition.dtype), self.condition).float()
        scale, offset = both.chunk(2, 1)
        norms = _norms(1 + scale, offset, statistics, self.block.norms)
        y = self.reduce(normed(x, norms[0]))
        y = self.middle(normed(y, norms[1]))
        y = self.refine(normed(y, norms[2]))
        y = self.expand(normed(y, norms[3]))
        kept = x[:, : self.block.outputs]
        grown: Tensor = y + (doubled(kept) if self.block.upsamples else kept)
        return grown


class _Attention(nn.Module):
    """Self-attention over pixels; keys and values are pooled to a quarter."""

    def __init__(self, tensors: Mapping[str, Tensor], dtype: torch.dtype) -> None:
        super().__init__()
        self.inputs = _Convolution(tensors["inputs.weight"], None, dtype)
        self.output = _Convolution(tensors["output.weight"], None, dtype)

    def forward(self, x: Tensor) -> Tensor:
        _, channels, height, width = x.shape
        parts = self.inputs(x).split([channels // 8, channels // 8, channels // 2], 1)
        query = parts[0].flatten(2).transpose(1, 2)
        key = F.max_pool2d(parts[1], 2).flatten(2)
        value = F.max_pool2d(parts[2], 2).flatten(2).transpose(1, 2)
        share = torch.softmax((query @ key).float(), -1).to(value.dtype)
        seen = (share @ value).transpose(1, 2).unflatten(2, (height, width))
        attended: Tensor = x + self.output(seen)
        return attended

"""From the published network to the inference form's tensors: the same function, less work.

Spectral norms are divided out once. Of the last convolution's channels three are kept, which are
all that is shown. The scale and offset matrices of a block's four batch norms become one matrix.
A convolution's bias before a batch norm moves into that norm. Attention's gamma goes into its
output, and its three inputs become one convolution.
"""

from dataclasses import dataclass

import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from pytorch_pretrained_biggan.model import GenBlock, SelfAttn
from torch import Tensor

CONDITION = 256  # numbers that condition a block: noise and class embedding
REDUCTION = 4  # a block's inner channels are its input's divided by this


@dataclass(frozen=True, slots=True)
class Block:
    """One residual block: 1x1, 3x3, 3x3, 1x1, each behind a conditional batch norm."""

    upsamples: bool
    side: int  # pixels of its square input
    channels: int  # of its input
    outputs: int

    @property
    def inner(self) -> int:
        """Channels within the block, as published."""
        return self.channels // REDUCTION

    @property
    def norms(self) -> tuple[int, ...]:
        """Channels of the four batch norms."""
        return (self.channels, self.inner, self.inner, self.inner)


@dataclass(frozen=True, slots=True)
class Shape:
    """What the network is made of."""

    blocks: tuple[Block, ...]
    attention: int  # the block before which it stands
    width: int  # channels of the last picture
    eps: float  # of the batch norms' variances

    @classmethod
    def of(cls, config: BigGANConfig) -> "Shape":
        """The shape that a published configuration gives."""
        blocks, side = [], 4
        for upsamples, channels, outputs in config.layers:
            width = config.channel_width
            blocks.append(Block(bool(upsamples), side, channels * width, outputs * width))
            side *= 2 if upsamples else 1
        return cls(tuple(blocks), config.attention_layer_position, config.channel_width, config.eps)

    @property
    def norms(self) -> tuple[int, ...]:
        """Channels of every batch norm in order, the last one's included."""
        return (*(size for block in self.blocks for size in block.norms), self.width)


@torch.no_grad()
def folded(stock: BigGAN) -> dict[str, Tensor]:
    """The inference form's tensors, float32, from a network in eval mode with loaded weights.

    norms.means and norms.variances are (51, n): rows for truncations 0 to 1, columns for the
    channels of every batch norm in order; norms.bias (n,) is the bias of the convolution before.
    """
    generator = stock.generator
    tensors = {
        "embeddings": stock.embeddings.weight,
        "first.weight": _unnormed(generator.gen_z),
        "first.bias": generator.gen_z.bias,
    }
    means, variances, biases = [], [], []
    blocks = [layer for layer in generator.layers if isinstance(layer, GenBlock)]
    for k, block in enumerate(blocks):
        norms = (block.bn_0, block.bn_1, block.bn_2, block.bn_3)
        convolutions = (block.conv_0, block.conv_1, block.conv_2, block.conv_3)
        matrices = [_unnormed(n.scale) for n in norms] + [_unnormed(n.offset) for n in norms]
        tensors[f"blocks.{k}.condition"] = torch.cat(matrices)
        for j, convolution in enumerate(convolutions):
            tensors[f"blocks.{k}.convolutions.{j}.weight"] = _unnormed(convolution)
        tensors[f"blocks.{k}.convolutions.3.bias"] = block.conv_3.bias
        means += [n.running_means for n in norms]
        variances += [n.running_vars for n in norms]
        biases += [torch.zeros(norms[0].num_features), *(c.bias for c in convolutions[:3])]
    for layer in generator.layers:
        if isinstance(layer, SelfAttn):
            parts = (layer.snconv1x1_theta, layer.snconv1x1_phi, layer.snconv1x1_g)
            tensors["attention.inputs.weight"] = torch.cat([_unnormed(part) for part in parts])
            tensors["attention.output.weight"] = _unnormed(layer.snconv1x1_o_conv) * layer.gamma
    last = generator.bn
    tensors["norms.means"] = torch.cat([*means, last.running_means], 1)
    tensors["norms.variances"] = torch.cat([*variances, last.running_vars], 1)
    tensors["norms.bias"] = torch.cat([*biases, torch.zeros(last.num_features)])
    tensors["last.scale"], tensors["last.offset"] = last.weight, last.bias
    tensors["rgb.weight"] = _unnormed(generator.conv_to_rgb)[:3]
    tensors["rgb.bias"] = generator.conv_to_rgb.bias[:3]
    return {name: tensor.detach().float().contiguous() for name, tensor in tensors.items()}


def _unnormed(module: torch.nn.Module) -> Tensor:
    """The weight that a spectral-normed layer applies in eval mode: W / (u' W v)."""
    original, u, v = module.weight_orig, module.weight_u, module.weight_v
    assert isinstance(original, Tensor)
    assert isinstance(u, Tensor)
    assert isinstance(v, Tensor)
    divided: Tensor = original / torch.dot(u, original.flatten(1) @ v)
    return divided


def transposed(weight: Tensor) -> Tensor:
    """A 3x3 kernel (o, i, 3, 3) behind doubling by repetition, as one transposed 4x4 of stride 2.

    Doubled pixel u shows source pixel u // 2, so of the nine taps those that meet in one source
    pixel are summed: (i, o, 4, 4), with padding 1.
    """
    kernel = torch.zeros(weight.shape[1], weight.shape[0], 4, 4)
    for y, row in _meeting_taps():
        for x, column in _meeting_taps():
            kernel[:, :, y, x] += weight[:, :, row, column].t()
    return kernel


def _meeting_taps() -> list[tuple[int, int]]:
    """(transposed tap, 3-tap) pairs along one axis, for even and odd doubled pixels."""
    pairs = []
    for doubled in (0, 1):
        for tap in range(3):
            source = (doubled + tap - 1) // 2
            pairs.append((doubled + 1 - 2 * source, tap))
    return pairs

"""BigGAN-deep (Brock, Donahue, Simonyan, 2018) as published for PyTorch.

The network is pytorch-pretrained-biggan's; only its conditional batch norm is replaced, because
its truncation lookup swaps the two interpolation weights and takes one truncation a batch.
"""

from collections.abc import Sequence

import numpy as np
import torch
from pytorch_pretrained_biggan import BigGAN
from pytorch_pretrained_biggan.model import BigGANBatchNorm, GenBlock
from torch import Tensor, nn

from synth.latents import Latent

from .weights import Checkpoint


class TruncatedBatchNorm(nn.Module):
    """The stock batch norm with truncation (B,) as a tensor, continuous between the 51 rows."""

    def __init__(self, stock: BigGANBatchNorm) -> None:
        super().__init__()
        self.stock = stock

    def forward(self, x: Tensor, truncation: Tensor, condition: Tensor | None = None) -> Tensor:
        mean = interpolated(self.stock.running_means, truncation)[..., None, None]
        variance = interpolated(self.stock.running_vars, truncation)[..., None, None]
        if condition is None:
            weight, bias = self.stock.weight[:, None, None], self.stock.bias[:, None, None]
        else:
            weight = 1 + self.stock.scale(condition)[..., None, None]
            bias = self.stock.offset(condition)[..., None, None]
        normal: Tensor = (x - mean) * torch.rsqrt(variance + self.stock.eps) * weight + bias
        return normal


def interpolated(rows: Tensor, truncation: Tensor) -> Tensor:
    """Rows (n, c) stand for truncations 0 to 1 in equal steps; (B,) truncations give (B, c)."""
    position = truncation.clamp(0, 1) * (len(rows) - 1)
    left = position.floor().long().clamp(max=len(rows) - 2)
    return torch.lerp(rows[left], rows[left + 1], (position - left)[:, None])


class BigGan:
    """The published network with the right truncation, in eval mode."""

    def __init__(self, name: str, checkpoint: Checkpoint, *, device: str = "cpu") -> None:
        self.name = name
        self.device = torch.device(device)
        self.resolution = int(checkpoint.config.output_dim)
        self.embedding_size = int(checkpoint.config.z_dim)
        network = BigGAN(checkpoint.config)
        network.load_state_dict(checkpoint.state, strict=True)
        self._embeddings = network.embeddings.weight.detach().numpy().copy()
        self._network = _with_truncated_norms(network.generator).eval().to(self.device)

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n,128) of class vectors (n,1000)."""
        embedded: np.ndarray = classes.astype(np.float32) @ self._embeddings.T
        return embedded

    @torch.inference_mode()
    def frames(self, latents: Sequence[Latent]) -> Tensor:
        """uint8 (B, side, side, 3) on this generator's device."""
        condition = np.stack([np.concatenate([v.noise, v.embedding]) for v in latents])
        truncation = np.array([v.truncation for v in latents], np.float32)
        picture = self._network(
            torch.from_numpy(condition.astype(np.float32)).to(self.device),
            torch.from_numpy(truncation).to(self.device),
        )
        levels: Tensor = (picture + 1).mul_(127.5).round_().clamp_(0, 255)
        return levels.to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _with_truncated_norms(network: nn.Module) -> nn.Module:
    for module in network.modules():
        if isinstance(module, GenBlock):
            for name in ("bn_0", "bn_1", "bn_2", "bn_3"):
                setattr(module, name, TruncatedBatchNorm(getattr(module, name)))
    network.bn = TruncatedBatchNorm(network.bn)
    return network

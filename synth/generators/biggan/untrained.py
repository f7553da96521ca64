"""A BigGAN of random weights whose every layer stays sane: for tests, benches and first tries.

Fresh weights alone give NaN (the last batch norm is uninitialised) or a saturated picture. Here
each batch norm's statistics are measured on its own input in one pass, so that every layer's
output has zero mean and unit deviation, at every truncation row alike.
"""

import json
from pathlib import Path

import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from pytorch_pretrained_biggan.model import BigGANBatchNorm
from torch import Tensor, nn

_NARROW = [(False, 16, 16), (True, 16, 16), (False, 16, 16), (True, 16, 8), (False, 8, 8)]
_MIDDLE = [(True, 8, 4), (False, 4, 4), (True, 4, 2), (False, 2, 2), (True, 2, 1)]
LAYERS = {
    128: [*_NARROW, *_MIDDLE],
    256: [*_NARROW, (True, 8, 8), (False, 8, 8), *_MIDDLE],
    512: [*_NARROW, (True, 8, 8), (False, 8, 8), *_MIDDLE, (False, 1, 1), (True, 1, 1)],
}


def untrained(size: int = 128, *, channel_width: int = 128, seed: int = 0) -> BigGAN:
    """The published network for `size` pixels, untrained; a small `channel_width` is quick."""
    layers = LAYERS[size]
    return of_config(BigGANConfig(size, layers=layers, channel_width=channel_width), seed)


def of_config(config: BigGANConfig, seed: int = 0) -> BigGAN:
    """Any network of BigGAN's layers, untrained."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = BigGAN(config).eval()
        norm = network.generator.bn
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)
        _settle_spectral_norms(network)
        _calibrate(network)
    return network


@torch.no_grad()
def _settle_spectral_norms(network: BigGAN) -> None:
    """A few forwards in training mode let the power iterations converge."""
    network.train()
    for _ in range(3):
        network(torch.randn(1, 128), torch.rand(1, 1000) / 1000, 1.0)
    network.eval()


@torch.no_grad()
def _calibrate(network: BigGAN) -> None:
    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, BigGANBatchNorm)
        norm.running_means[:] = inputs[0].mean((0, 2, 3))
        norm.running_vars[:] = inputs[0].var((0, 2, 3))

    norms = [m for m in network.modules() if isinstance(m, BigGANBatchNorm)]
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    network(torch.randn(4, 128), torch.eye(1000)[:4], 1.0)
    for hook in hooks:
        hook.remove()


def save_published(network: BigGAN, folder: Path) -> Path:
    """Write a network as the published folder: pytorch_model.bin and config.json."""
    folder.mkdir(parents=True, exist_ok=True)
    torch.save(network.state_dict(), folder / "pytorch_model.bin")
    (folder / "config.json").write_text(json.dumps(network.config.to_dict()))
    return folder

"""BigGANs of random weights in which everything counts that counts in the published ones."""

import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from pytorch_pretrained_biggan.model import SelfAttn

from synth.generators.biggan.untrained import of_config, untrained


def varied(size: int, channel_width: int = 16) -> BigGAN:
    """A small network of the published shape for `size` pixels."""
    return _varied(untrained(size, channel_width=channel_width))


def shallow() -> BigGAN:
    """Every kind of layer in four blocks, 16 pixels: for what takes long with ten."""
    layers = [(False, 16, 8), (True, 8, 4), (False, 4, 2), (True, 2, 1)]
    config = BigGANConfig(16, layers=layers, attention_layer_position=2, channel_width=16)
    return _varied(of_config(config))


def _varied(network: BigGAN) -> BigGAN:
    """Statistics that differ from row to row, and attention that has weight."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for name, buffer in network.named_buffers():
            if name.endswith("running_means"):
                buffer.add_(0.1 * buffer.std() * torch.randn_like(buffer))
            if name.endswith("running_vars"):
                buffer.mul_(1 + torch.linspace(-0.1, 0.3, len(buffer))[:, None])
        for module in network.modules():
            if isinstance(module, SelfAttn):
                module.gamma.fill_(0.7)
    return network

from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_pretrained_biggan import BigGAN

from synth.generators import generator_of
from synth.generators.biggan import BigGan, interpolated
from synth.generators.untrained import LAYERS, untrained
from synth.generators.weights import Checkpoint
from synth.latents import Latent


@pytest.fixture(scope="module")
def stock() -> BigGAN:
    """A small network whose statistics differ from row to row."""
    network = untrained(128, channel_width=16)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(3)
        for name, buffer in network.named_buffers():
            if name.endswith("running_means"):
                buffer.add_(0.1 * buffer.std() * torch.randn_like(buffer))
            if name.endswith("running_vars"):
                buffer.mul_(1 + torch.linspace(-0.3, 0.3, len(buffer))[:, None])
    return network


def ours_of(stock: BigGAN) -> BigGan:
    return BigGan("biggan-128", Checkpoint(Path(), stock.config, stock.state_dict()))


def latents(network: BigGan, truncation: float, count: int = 3) -> list[Latent]:
    stream = np.random.RandomState(2)
    classes = stream.random_sample((count, 1000)) ** 40
    embedded = network.embed(classes)
    noise = stream.standard_normal((count, 128)).clip(-2, 2) * truncation
    return [
        Latent(n.astype(np.float32), e, truncation) for n, e in zip(noise, embedded, strict=True)
    ]


@pytest.mark.parametrize("truncation", [0.02, 0.4, 0.5, 1.0])
def test_at_published_rows_it_is_the_stock_network(truncation: float, stock: BigGAN) -> None:
    ours = ours_of(stock)
    batch = latents(ours, truncation)
    stream = np.random.RandomState(2)
    classes = torch.from_numpy((stream.random_sample((3, 1000)) ** 40).astype(np.float32))
    noise = torch.from_numpy(np.stack([latent.noise for latent in batch]))
    with torch.no_grad():
        picture = stock(noise, classes, truncation)
    wanted = ((picture + 1) * 127.5).permute(0, 2, 3, 1)
    assert (ours.frames(batch).float() - wanted).abs().max() <= 1.0


def test_truncation_is_interpolated_the_right_way_round() -> None:
    rows = torch.arange(51.0)[:, None] ** 2
    for truncation in (0.0, 0.013, 0.14, 0.281, 0.5, 0.94, 0.999, 1.0):
        position = truncation * 50
        left = min(int(position), 49)
        part = position - left
        wanted = (1 - part) * left**2 + part * (left + 1) ** 2
        got = interpolated(rows, torch.tensor([truncation]))
        assert got.item() == pytest.approx(wanted, rel=1e-5, abs=1e-3)


def test_sweeping_truncation_never_jumps(stock: BigGAN) -> None:
    """The stock lookup saw-tooths: it swaps the weights of the two rows."""
    ours = ours_of(stock)
    base = latents(ours, 1.0, count=1)[0]
    sweep = [Latent(base.noise, base.embedding, t) for t in np.linspace(0.38, 0.46, 33)]
    frames = ours.frames(sweep).float()
    steps = (frames[1:] - frames[:-1]).abs().mean((1, 2, 3))
    assert steps.max() < 4 * steps.mean() + 0.05


def test_each_frame_of_a_batch_has_its_own_truncation(stock: BigGAN) -> None:
    ours = ours_of(stock)
    a, b = latents(ours, 0.3, 1)[0], latents(ours, 0.9, 1)[0]
    together = ours.frames([a, b]).int()
    assert (together[0] - ours.frames([a])[0].int()).abs().max() <= 1
    assert (together[1] - ours.frames([b])[0].int()).abs().max() <= 1


def test_untrained_weights_give_pictures_that_are_not_saturated(stock: BigGAN) -> None:
    frames = ours_of(stock).frames(latents(ours_of(stock), 0.5)).float()
    assert 20 < frames.std() < 110
    assert ((frames < 2) | (frames > 253)).float().mean() < 0.2


@pytest.mark.parametrize("size", LAYERS)
def test_every_published_size_loads_and_draws(size: int, tmp_path: Path) -> None:
    from synth.generators.untrained import save_published

    folder = save_published(untrained(size, channel_width=8), tmp_path / "w")
    generator = generator_of(f"biggan-{size}", weights=folder, device="cpu")
    zero = Latent(np.zeros(128, np.float32), np.zeros(128, np.float32), 0.5)
    assert generator.frames([zero]).shape == (1, size, size, 3)


def test_the_published_width_counts_its_known_parameters() -> None:
    with torch.device("meta"):
        from pytorch_pretrained_biggan import BigGANConfig

        for size, millions in ((128, 50.4), (256, 55.9), (512, 56.2)):
            network = BigGAN(BigGANConfig(output_dim=size, layers=LAYERS[size]))
            count = sum(p.numel() for p in network.parameters()) / 1e6
            assert count == pytest.approx(millions, abs=0.06)

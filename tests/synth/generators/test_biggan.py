import functools
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from pytorch_pretrained_biggan.model import SelfAttn
from torch import Tensor

from synth.errors import UserError
from synth.generators import generator_of
from synth.generators.biggan import store
from synth.generators.biggan.engines import TorchEngine, bucket_of, psnr
from synth.generators.biggan.folding import Shape, folded, transposed
from synth.generators.biggan.generator import BigGan, level_of
from synth.generators.biggan.network import Network, interpolated
from synth.generators.biggan.packing import pack, unpack
from synth.generators.biggan.store import folded_model
from synth.generators.biggan.untrained import LAYERS, save_published, untrained
from synth.latents.latent import Latent
from tests.networks import shallow, varied


@pytest.fixture(scope="module")
def stock() -> BigGAN:
    return varied(128)


@functools.cache
def stock_and_folded(size: int) -> tuple[BigGAN, dict[str, Tensor]]:
    network = varied(size)
    return network, folded(network)


def ours_of(stock: BigGAN, **options: object) -> BigGan:
    return BigGan("biggan-128", folded_model(stock), precision="full", **options)  # type: ignore[arg-type]


def latents(network: BigGan, truncation: float, count: int = 3) -> list[Latent]:
    stream = np.random.RandomState(2)
    classes = stream.random_sample((count, 1000)) ** 40
    embedded = network.embed(classes)
    noise = stream.standard_normal((count, 128)).clip(-2, 2) * truncation
    return [
        Latent(n.astype(np.float32), e, truncation) for n, e in zip(noise, embedded, strict=True)
    ]


def conditions(count: int, blocks: int, truncation: float = 0.6) -> Tensor:
    """Noise and dense class mixtures of the size that shows have; one condition for all blocks."""
    stream = torch.Generator().manual_seed(count)
    one = 0.6 * torch.randn(count, 1, 256, generator=stream)
    one[..., :128] *= truncation
    return one.expand(-1, blocks, -1)


def relative_error(a: Tensor, b: Tensor) -> float:
    return float((a - b).norm() / b.norm())


@torch.no_grad()
@pytest.mark.parametrize("folds", [True, False], ids=["folded", "plain"])
@pytest.mark.parametrize("truncation", [0.02, 0.4, 1.0])
@pytest.mark.parametrize("size", LAYERS)
def test_the_inference_form_is_the_stock_function(
    size: int, truncation: float, folds: bool
) -> None:
    network, tensors = stock_and_folded(size)
    ours = Network(Shape.of(network.config), tensors, folds_upsampling=folds)
    for count in (1, 3):
        condition = conditions(count, len(ours.blocks), truncation)
        statistics = ours.statistics(torch.full((count,), truncation))
        wanted = network.generator(condition[:, 0], truncation)
        assert relative_error(ours(condition, *statistics), wanted) < 1e-4


@torch.no_grad()
def test_it_is_exact_at_the_published_width_and_for_a_batch_of_eight() -> None:
    network = varied(128, channel_width=128)
    ours = Network(Shape.of(network.config), folded(network))
    condition = conditions(8, len(ours.blocks))
    wanted = network.generator(condition[:, 0], 0.5)
    got = ours(condition, *ours.statistics(torch.full((8,), 0.5)))
    assert relative_error(got, wanted) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_the_same_picture(dtype: torch.dtype, stock: BigGAN) -> None:
    shape, tensors = Shape.of(stock.config), folded(stock)
    full, half = Network(shape, tensors), Network(shape, tensors, dtype=dtype)
    condition, truncation = conditions(2, len(shape.blocks)), torch.tensor([0.4, 0.9])
    assert psnr(half.frames(condition, truncation), full.frames(condition, truncation)) > 35


@torch.no_grad()
def test_a_transposed_convolution_is_doubling_and_convolving() -> None:
    x, weight = torch.randn(2, 5, 7, 6), torch.randn(4, 5, 3, 3)
    doubled = torch.nn.functional.interpolate(x, scale_factor=2.0, mode="nearest")
    wanted = torch.nn.functional.conv2d(doubled, weight, padding=1)
    got = torch.nn.functional.conv_transpose2d(x, transposed(weight), stride=2, padding=1)
    assert torch.allclose(got, wanted, atol=1e-4)


@pytest.mark.parametrize("truncation", [0.02, 0.4, 0.5, 1.0])
def test_frames_of_latents_are_the_stock_networks(truncation: float, stock: BigGAN) -> None:
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
    folder = save_published(untrained(size, channel_width=8), tmp_path / "w")
    generator = generator_of(f"biggan-{size}", weights=folder, device="cpu")
    zero = Latent(np.zeros(128, np.float32), np.zeros(128, np.float32), 0.5)
    assert generator.frames([zero]).shape == (1, size, size, 3)


def test_the_published_width_counts_its_known_parameters() -> None:
    with torch.device("meta"):
        for size, millions in ((128, 50.4), (256, 55.9), (512, 56.2)):
            network = BigGAN(BigGANConfig(output_dim=size, layers=LAYERS[size]))
            count = sum(p.numel() for p in network.parameters()) / 1e6
            assert count == pytest.approx(millions, abs=0.06)


# ---- a condition for each block


def test_each_block_hears_its_own_level_alone(stock: BigGAN) -> None:
    ours = ours_of(stock)
    base = latents(ours, 0.5, 1)[0]
    for level in range(3):
        noises = base.noises.copy()
        noises[level] += 0.3
        pushed = Latent(base.noise, base.embedding, base.truncation, noises)
        moved = (ours.condition(pushed) != ours.condition(base)).any(1)
        sides = [block.side for block in Shape.of(stock.config).blocks]
        assert moved.tolist() == [level_of(side) == level for side in sides]
        assert (ours.frames([pushed]) != ours.frames([base])).any()


def test_equal_levels_are_one_condition(stock: BigGAN) -> None:
    ours = ours_of(stock)
    base = latents(ours, 0.5, 1)[0]
    apart = Latent(base.noise, base.embedding, base.truncation, base.noises)
    assert torch.equal(ours.frames([apart]), ours.frames([base]))


# ---- wide


@pytest.mark.parametrize("wide", ["stretch", "repeat", "mirror"])
def test_wide_pictures_are_seven_to_four(wide: str, stock: BigGAN) -> None:
    ours = ours_of(stock, wide=wide)
    assert (ours.width, ours.resolution) == (224, 128)
    frames = ours.frames(latents(ours, 0.5, 2))
    assert frames.shape == (2, 128, 224, 3)
    assert frames.float().std() > 20


def test_a_mirrored_wide_picture_begins_as_the_square_one_does(stock: BigGAN) -> None:
    """Its first four columns are the learnt ones; attention, which sees all, is left out here."""
    network = varied(128)
    for module in network.modules():
        if isinstance(module, SelfAttn):
            module.gamma.data.zero_()
    square, wide = ours_of(network), ours_of(network, wide="mirror")
    latent = latents(square, 0.5, 1)
    difference = square.frames(latent).int()[:, :, :16] - wide.frames(latent).int()[:, :, :16]
    assert difference.abs().max() <= 1


# ---- engines


def test_a_bucket_holds_its_batch() -> None:
    assert [bucket_of(n) for n in range(1, 9)] == [1, 2, 4, 4, 8, 8, 8, 8]


@pytest.mark.parametrize(
    "network",
    [shallow, pytest.param(functools.partial(varied, 128), marks=pytest.mark.slow)],
    ids=["shallow", "whole"],
)
def test_the_compiled_form_takes_over_when_it_agrees(network: Callable[[], BigGAN]) -> None:
    """It is compiled beside the frames, which the plain form draws meanwhile."""
    told: list[str] = []
    ours = ours_of(network(), compiles="background", say=told.append)
    batch = latents(ours, 0.5, 1)
    engine = ours.engine
    assert isinstance(engine, TorchEngine)
    before = ours.frames(batch)
    assert engine.compiled == ()
    assert any(thread.name == "compile" for thread in threading.enumerate())
    engine.wait()
    assert engine.compiled == (1,), told
    assert psnr(ours.frames(batch), before) > 45
    assert told == []


def test_a_compiler_that_fails_leaves_the_plain_form(
    stock: BigGAN, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("no C++ compiler found")

    monkeypatch.setattr(torch, "compile", lambda *_, **__: broken)
    told: list[str] = []
    ours = ours_of(stock, compiles="first", say=told.append)
    assert ours.frames(latents(ours, 0.5, 1)).shape == (1, 128, 128, 3)
    assert told == ["compilation failed (no C++ compiler found); the plain form goes on"]


class Cramped:
    """An engine with memory for few frames."""

    def __init__(self, room: int) -> None:
        self.room = room

    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        if len(condition) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return torch.zeros(len(condition), 128, 128, 3, dtype=torch.uint8)


def test_out_of_memory_halves_the_batch_and_says_so(stock: BigGAN) -> None:
    told: list[str] = []
    ours = ours_of(stock, engine=Cramped(2), say=told.append)
    assert len(ours.frames(latents(ours, 0.5, 7))) == 7
    assert told == [f"biggan-128: out of memory, batches of {n} from now on" for n in (4, 2)]


def test_no_room_for_one_frame_is_trouble(stock: BigGAN) -> None:
    ours = ours_of(stock, engine=Cramped(0))
    with pytest.raises(UserError, match="use a smaller biggan"):
        ours.frames(latents(ours, 0.5, 2))


def test_another_error_is_not_taken_for_memory(stock: BigGAN) -> None:
    class Broken(Cramped):
        def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
            raise RuntimeError("something else")

    ours = ours_of(stock, engine=Broken(0))
    with pytest.raises(RuntimeError, match="something else"):
        ours.frames(latents(ours, 0.5, 1))


# ---- the folded cache


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    return tmp_path / "latent-jockey" / "folded"


def half_of(folder: Path) -> store.Model:
    return store.model_of("biggan-128", folder, half=True)


def test_folded_weights_are_kept_in_a_third_of_the_size(cache: Path, tmp_path: Path) -> None:
    folder = save_published(untrained(128, channel_width=64), tmp_path / "w")
    exact = store.model_of("biggan-128", folder, half=False)
    first = half_of(folder)
    (kept,) = cache.iterdir()
    published = (folder / "pytorch_model.bin").stat().st_size
    assert kept.stat().st_size < published * 0.36  # at the published width 0.32
    second = half_of(folder)
    assert second.shape == first.shape == exact.shape
    condition = 0.5 * torch.randn(1, len(exact.shape.blocks), 256)
    pictures = []
    for model in (exact, first, second):
        network = Network(model.shape, model.tensors).eval()
        with torch.no_grad():
            pictures.append(network.frames(condition, torch.tensor([0.5])))
    assert torch.equal(pictures[1], pictures[2])  # the first start shows what all others do
    assert psnr(pictures[1], pictures[0]) > 40


@pytest.mark.parametrize("shape", [(7, 3), (5, 1), (4, 9, 3, 3), (1, 1)])
def test_ten_bits_lose_half_a_step(shape: tuple[int, ...]) -> None:
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    data, step = pack(weight)
    off = (unpack(data, step, shape) - weight).abs().flatten(1).amax(1)
    assert bool((off <= 0.51 * step).all())
    assert len(data) == 5 * -(-weight.numel() // 4)
    assert torch.equal(unpack(*pack(torch.zeros(shape)), shape), torch.zeros(shape))


def test_changed_weights_are_folded_anew(cache: Path, tmp_path: Path) -> None:
    folder = save_published(untrained(128, channel_width=8, seed=1), tmp_path / "w")
    before = half_of(folder).tensors["embeddings"]
    save_published(untrained(128, channel_width=8, seed=2), folder)
    assert not torch.equal(half_of(folder).tensors["embeddings"].float(), before)


def test_a_damaged_cache_is_made_anew(cache: Path, tiny_biggan: Path) -> None:
    half_of(tiny_biggan)
    (kept,) = cache.iterdir()
    whole = kept.read_bytes()
    kept.write_bytes(whole[:1000])
    half_of(tiny_biggan)
    assert kept.read_bytes() == whole


def test_an_unwritable_cache_only_costs_time_and_is_told(cache: Path, tiny_biggan: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where the folder should be")
    told: list[str] = []
    model = store.model_of("biggan-128", tiny_biggan, half=True, say=told.append)
    assert model.resolution == 128
    assert len(told) == 1
    assert told[0].startswith("folded weights cannot be kept, the next start folds them again: ")
    assert "folded: is no folder" in told[0]


def test_the_cache_refuses_another_size(cache: Path, tiny_biggan: Path) -> None:
    half_of(tiny_biggan)
    with pytest.raises(UserError, match="use --generator biggan-128"):
        store.model_of("biggan-256", tiny_biggan, half=True)


def test_where_others_write_nothing_is_compiled_and_that_is_told(
    stock: BigGAN, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch compiles it loads again at the next start, and whoever could write it runs."""
    for variable in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.delenv(variable, raising=False)
    tmp_path.chmod(0o777)
    told: list[str] = []
    ours = ours_of(stock, compiles="first", say=told.append)
    pictures = ours.frames(latents(ours, 0.5, 1))
    assert torch.equal(pictures, ours_of(stock).frames(latents(ours, 0.5, 1)))
    assert isinstance(ours.engine, TorchEngine)
    assert ours.engine.compiled == ()
    assert len(told) == 1
    assert "everyone may replace what lies in it" in told[0]
    assert told[0].endswith("; the plain form goes on")

"""How fast the inference form of BigGAN is, beside the stock package, and how exact.

    python -m bench.engine --size 128|256|512 --batch B [--json]
    python -m bench.engine                              # every size, writes bench/engine.md

Random weights of the published shape. Every form runs in turns with the stock network in one
process; figures are medians, ratios are medians of pairs. On an NVIDIA GPU the same table is made
there.
"""

import argparse
import importlib.util
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from unittest import mock

import numpy as np
import torch
from pytorch_pretrained_biggan import BigGAN
from pytorch_pretrained_biggan.model import SelfAttn
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.report import machine, publish, table
from synth.generators.biggan.engines import CudaGraphEngine, TorchEngine, psnr
from synth.generators.biggan.generator import BigGan, dtype_for
from synth.generators.biggan.network import Network, bytes_of
from synth.generators.biggan.store import folded_model, model_of
from synth.generators.biggan.untrained import LAYERS, save_published, untrained
from synth.latents import Latent

ROUNDS = 12
WARM = 2  # rounds that do not count
TRUNCATION = 0.5
MARK = "Random weights, in turns:"  # before the table

Draw = Callable[[], Tensor]


@dataclass(frozen=True)
class Form:
    """One way to draw the same batch: uint8 (B, h, w, 3)."""

    name: str
    draw: Draw


@dataclass(frozen=True)
class Result:
    """A form against the stock network."""

    name: str
    milliseconds: float  # a batch
    p99: float
    ratio: float  # median over rounds of stock's time by ours
    psnr: float  # dB of the 8-bit picture against stock's


def stock_of(size: int) -> BigGAN:
    """The published shape with sane random weights and an attention that counts."""
    network = untrained(size)
    for module in network.modules():
        if isinstance(module, SelfAttn):
            module.gamma.data.fill_(0.7)
    return network


class Measured:
    """One size and batch on one device: the stock network and every form of ours."""

    def __init__(self, size: int, batch: int, device: torch.device) -> None:
        self.size, self.batch, self.device = size, batch, device
        self.stock = stock_of(size).to(device)
        self.model = folded_model(self.stock.cpu())
        self.stock.to(device)
        stream = torch.Generator().manual_seed(0)
        one = 0.6 * torch.randn(batch, 1, 256, generator=stream)
        one[..., :128] *= TRUNCATION
        self.condition = one.expand(-1, len(self.model.shape.blocks), -1).contiguous()
        self.truncation = torch.full((batch,), TRUNCATION)

    @torch.no_grad()
    def draw_stock(self, dtype: torch.dtype = torch.float32) -> Tensor:
        with torch.autocast(self.device.type, dtype, enabled=dtype != torch.float32):
            condition = self.condition[:, 0].to(self.device)
            return bytes_of(self.stock.generator(condition, TRUNCATION).float())

    @torch.no_grad()
    def error(self) -> float:
        """Relative error of the float32 form against the stock network."""
        network = Network(self.model.shape, self.model.tensors).eval().to(self.device)
        condition = self.condition.to(self.device)
        wanted = self.stock.generator(condition[:, 0], TRUNCATION)
        got = network(condition, *network.statistics(self.truncation.to(self.device)))
        return float((got - wanted).norm() / wanted.norm())

    @torch.no_grad()
    def arithmetic(self) -> tuple[float, float]:
        """GFLOP of a batch, stock and ours."""
        network = self.network(torch.float32).eval().to(self.device)
        with FlopCounterMode(display=False) as stock:
            self.draw_stock()
        with FlopCounterMode(display=False) as ours:
            network.frames(self.condition.to(self.device), self.truncation.to(self.device))
        return stock.get_total_flops() / 1e9, ours.get_total_flops() / 1e9

    def network(self, dtype: torch.dtype, *, folds: bool = True) -> Network:
        return Network(self.model.shape, self.model.tensors, dtype=dtype, folds_upsampling=folds)

    def ours(self, name: str, dtype: torch.dtype, *, compiled: bool, folds: bool = True) -> Form:
        network = self.network(dtype, folds=folds)
        engine = TorchEngine(
            network, self.device, compiles="first" if compiled else "never", say=print
        )
        return self._form(name, engine.frames)

    def graphs(self, name: str, dtype: torch.dtype, *, compiled: bool) -> Form:
        engine = CudaGraphEngine(
            self.network(dtype),
            self.device,
            compiles="first" if compiled else "never",
            say=print,
        )
        return self._form(name, engine.frames)

    def _form(self, name: str, frames: Callable[[Tensor, Tensor], Tensor]) -> Form:
        def draw() -> Tensor:
            return frames(self.condition, self.truncation)

        return Form(name, draw)

    def exported(self, runtime: Literal["onnx", "openvino"], folder: Path) -> Form:
        """onnxruntime or OpenVINO on the CPU."""
        from synth.generators.biggan import onnx

        network = self.network(torch.float32)
        path = folder / f"{self.size}-{self.batch}.onnx"
        if not path.exists():
            onnx.export(network, self.batch, path)
        run = onnx.run_of(runtime, path)

        def frames(condition: Tensor, truncation: Tensor) -> Tensor:
            mean, deviation = network.statistics(truncation)
            inputs = {"condition": condition, "mean": mean, "deviation": deviation}
            return bytes_of(torch.from_numpy(run({k: v.numpy() for k, v in inputs.items()})))

        return self._form(runtime, frames)


def forms_on_cpu(measured: Measured, folder: Path) -> list[Form]:
    """What each step gives, one after the other; the last torch form is what is used."""
    half = dtype_for("auto", measured.device)
    forms = [
        measured.ours("inference form, float32", torch.float32, compiled=False),
        measured.ours("compiled, float32", torch.float32, compiled=True),
    ]
    if half != torch.float32:
        name = str(half).removeprefix("torch.")
        forms += [
            measured.ours(f"inference form, {name}", half, compiled=False),
            measured.ours(f"compiled, {name}, upsampling apart", half, compiled=True, folds=False),
            measured.ours(f"compiled, {name}", half, compiled=True),
        ]
    if importlib.util.find_spec("onnxruntime"):
        forms.append(measured.exported("onnx", folder))
    if importlib.util.find_spec("openvino"):
        forms.append(measured.exported("openvino", folder))
    return forms


def forms_on_gpu(measured: Measured) -> list[Form]:
    half = torch.float16
    return [
        Form("stock, float16", lambda: measured.draw_stock(half)),
        measured.graphs("CUDA graph, float16", half, compiled=False),
        measured.graphs("compiled CUDA graph, float16", half, compiled=True),
    ]


def compare(measured: Measured, forms: list[Form]) -> list[Result]:
    """All forms in turns with the stock network."""
    everything = [Form("stock package, float32", measured.draw_stock), *forms]
    times: list[list[float]] = [[] for _ in everything]
    pictures = [form.draw().cpu() for form in everything]
    for _ in range(ROUNDS):
        for k, form in enumerate(everything):
            _synchronise(measured.device)
            begun = time.perf_counter()
            form.draw()
            _synchronise(measured.device)
            times[k].append(time.perf_counter() - begun)
    counted = [t[WARM:] for t in times]
    return [
        Result(
            form.name,
            1000 * statistics.median(counted[k]),
            1000 * max(counted[k]),
            statistics.median(s / t for s, t in zip(counted[0], counted[k], strict=True)),
            psnr(pictures[k], pictures[0]) if k else math.inf,
        )
        for k, form in enumerate(everything)
    ]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def table_of(results: list[Result], batch: int) -> str:
    rows = [
        (
            r.name,
            f"{r.milliseconds:.1f}",
            f"{1000 * batch / r.milliseconds:.1f}",
            f"{r.ratio:.2f}",
            "" if math.isinf(r.psnr) else "same bytes" if r.psnr > 90 else f"{r.psnr:.1f}",
        )
        for r in results
    ]
    return table(("form", "ms a batch", "frames/s", "x stock", "PSNR, dB"), rows)


def run(size: int, batch: int) -> tuple[str, dict[str, float]]:
    """The table of one size and batch, and the figures of the form that is used."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    measured = Measured(size, batch, device)
    error = measured.error()
    with tempfile.TemporaryDirectory() as folder:
        forms = (
            forms_on_gpu(measured)
            if device.type == "cuda"
            else forms_on_cpu(measured, Path(folder))
        )
        results = compare(measured, forms)
    used = [r for r in results if r.name.startswith("compiled")][-1]
    figures = {
        "size": size,
        "batch": batch,
        "ratio": round(used.ratio, 3),
        "psnr": round(min(used.psnr, 99.0), 2),
        "fp32_relative_error": error,
        "ms_stock": round(results[0].milliseconds, 2),
        "ms_ours": round(used.milliseconds, 2),
    }
    stock, ours = measured.arithmetic()
    text = (
        f"float32 against the stock package: relative error {error:.1e}. A batch is {stock:.0f} "
        f"GFLOP in the stock package, {ours:.0f} in the inference form.\n\n"
    )
    return text + table_of(results, batch), figures


def weights_row(size: int, folder: Path) -> list[object]:
    """Bytes published and cached, the cache's PSNR, and seconds from the cache to a frame."""
    published = save_published(stock_of(size), folder / f"biggan-{size}")
    exact = model_of(f"biggan-{size}", published, half=False)
    model_of(f"biggan-{size}", published, half=True)
    (cache,) = (folder / "cache" / "folded").glob("*.safetensors")
    latent = Latent(np.full(128, 0.3, np.float32), np.full(128, 0.05, np.float32), TRUNCATION)
    begun = time.perf_counter()
    kept = model_of(f"biggan-{size}", published, half=True)
    BigGan(f"biggan-{size}", kept).frames([latent])
    seconds = time.perf_counter() - begun
    one, other = (
        BigGan(f"biggan-{size}", model, precision="full").frames([latent])
        for model in (exact, kept)
    )
    sizes = [(published / "pytorch_model.bin").stat().st_size, cache.stat().st_size]
    cache.unlink()
    share = f"{sizes[1] / sizes[0]:.2f}"
    return [
        size,
        *(f"{n / 1e6:.0f}" for n in sizes),
        share,
        f"{psnr(other, one):.0f}",
        f"{seconds:.1f}",
    ]


def sizes_on_disk() -> str:
    """The table of `weights_row`, with a cache of its own."""
    head = ("px", "published, MB", "cache, MB", "share", "PSNR in float32, dB", "s to a frame")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with mock.patch("platformdirs.user_cache_dir", lambda _name: str(folder / "cache")):
            return table(head, [weights_row(size, folder) for size in LAYERS])


def report() -> None:
    parts = []
    for size, batch in ((128, 1), (128, 4), (256, 1), (512, 1)):
        words = [sys.executable, "-m", "bench.engine", "--size", str(size), "--batch", str(batch)]
        printed = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        parts.append(f"## {size} px, batch {batch}\n\n{printed.split(MARK)[1].strip()}")
        print(parts[-1], flush=True)
    amx = "with" if torch.cpu._is_amx_tile_supported() else "without"
    native = "with" if torch.cpu._is_avx512_bf16_supported() else "without"
    publish(
        "engine",
        "# BigGAN: the inference form beside the stock package\n\n"
        f"{machine()}; {amx} AMX, {native} AVX-512 bfloat16.\n\n"
        "Random weights of the published shape; every form in turns with the stock package in "
        f"one process, medians of {ROUNDS - WARM} rounds. The last compiled form is the one used. "
        "PSNR is of the 8-bit picture against the stock package's.\n\n"
        + "\n\n".join(parts)
        + f"\n\n## Weights\n\n{sizes_on_disk()}\n\n"
        + ("" if torch.cuda.is_available() else "NVIDIA GPU: not run. TensorRT, CoreML: not run."),
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, choices=LAYERS)
    options.add_argument("--batch", type=int, default=1, choices=(1, 2, 4, 8))
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    if chosen.size is None:
        report()
        return
    text, figures = run(chosen.size, chosen.batch)
    print(f"# BigGAN, {chosen.size} px, batch {chosen.batch}\n\n{machine()}\n{MARK}\n{text}")
    if chosen.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()

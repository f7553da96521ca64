"""How fast the inference form of BigGAN is, beside the stock package, and how exact.

    python -m bench.engine --size 128|256|512 --batch B [--json]
    python -m bench.engine      # every size; writes bench/engine.md

Random weights of the published shape. Every form runs in turns with the stock network in one
process; figures are medians, ratios are medians of pairs. On an NVIDIA GPU the bench measures CUDA
graphs, every size in batches of 1 to 8, and writes bench/engine-nvidia.md.
"""

import argparse
import importlib.util
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Literal
from unittest import mock

import numpy as np
import torch
from pytorch_pretrained_biggan import BigGAN
from pytorch_pretrained_biggan.model import SelfAttn
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.report import machine, publish, table
from synth.generators.biggan.engines import TorchEngine, psnr
from synth.generators.biggan.generator import BigGan, dtype_for
from synth.generators.biggan.network import Network, bytes_of
from synth.generators.biggan.store import folded_model, model_of
from synth.generators.biggan.untrained import LAYERS, save_published, untrained
from synth.generators.compiling import Compiles
from synth.generators.protocol import Precision
from synth.latents.latent import Latent

WARM = 2  # rounds that do not count
TRUNCATION = 0.5
BATCHES = (1, 2, 4, 8)
MARK = "Random weights, in turns:"  # before the table
AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}

Draw = Callable[[], Tensor]


@dataclass(frozen=True)
class Form:
    """One way to draw the same batch: uint8 (B, h, w, 3)."""

    name: str
    draw: Draw
    dtype: torch.dtype  # of its products
    gflop: float  # a batch
    megabytes: float = math.nan  # of GPU memory, at most, drawing


@dataclass(frozen=True)
class Result:
    """A form against the stock network."""

    form: Form
    milliseconds: float  # a batch, median
    p99: float
    ratio: float  # median over rounds of stock's time by ours
    share: float  # of the processor's matrix peak in that precision, 0..1
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

    def stocks(self) -> list[Form]:
        """The stock network as published and, on a GPU, in float16 too."""
        with FlopCounterMode(display=False) as counter:
            self._draw_stock(torch.float32)
        gflop = counter.get_total_flops() / 1e9
        dtypes = [torch.float32, torch.float16][: 1 + (self.device.type == "cuda")]
        return [
            self._form(
                f"stock package, {_name(dtype)}", partial(self._draw_stock, dtype), dtype, gflop
            )
            for dtype in dtypes
        ]

    @torch.no_grad()
    def _draw_stock(self, dtype: torch.dtype) -> Tensor:
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

    def network(self, dtype: torch.dtype, *, folds: bool = True) -> Network:
        return Network(self.model.shape, self.model.tensors, dtype=dtype, folds_upsampling=folds)

    def ours(
        self, name: str, dtype: torch.dtype, compiles: Compiles, *, folds: bool = True
    ) -> Form:
        network = self.network(dtype, folds=folds)
        gflop = self._gflop(folds=folds)
        engine = TorchEngine(network, self.device, compiles=compiles, say=print)
        engine.frames(self.condition, self.truncation)
        engine.wait()
        draw = partial(engine.frames, self.condition, self.truncation)
        return self._form(f"{name}, {_name(dtype)}", draw, dtype, gflop)

    def _form(self, name: str, draw: Draw, dtype: torch.dtype, gflop: float) -> Form:
        """With the memory that drawing takes, where that can be told."""
        if self.device.type != "cuda":
            return Form(name, draw, dtype, gflop)
        torch.cuda.reset_peak_memory_stats()
        draw()
        return Form(name, draw, dtype, gflop, torch.cuda.max_memory_allocated() / 1e6)

    @torch.no_grad()
    def _gflop(self, *, folds: bool = True) -> float:
        network = self.network(torch.float32, folds=folds).eval()
        with FlopCounterMode(display=False) as counter:
            network.frames(self.condition, self.truncation)
        return float(counter.get_total_flops()) / 1e9

    def exported(self, runtime: Literal["onnx", "openvino"], folder: Path) -> Form:
        """onnxruntime or OpenVINO on the CPU; OpenVINO chooses its precision itself."""
        from synth.generators.biggan import onnx

        network = self.network(torch.float32)
        path = folder / f"{self.size}-{self.batch}.onnx"
        if not path.exists():
            onnx.export(network, self.batch, path)
        run = onnx.run_of(runtime, path)

        def draw() -> Tensor:
            mean, deviation = network.statistics(self.truncation)
            inputs = {"condition": self.condition, "mean": mean, "deviation": deviation}
            return bytes_of(torch.from_numpy(run({k: v.numpy() for k, v in inputs.items()})))

        half = dtype_for("auto", self.device) if runtime == "openvino" else torch.float32
        return self._form(runtime, draw, half, self._gflop())


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def forms_on_cpu(measured: Measured, folder: Path, half: torch.dtype) -> list[Form]:
    """What each step gives, one after the other; the last compiled form is what is used."""
    forms = [
        measured.ours("inference form", torch.float32, "never"),
        measured.ours("compiled", torch.float32, "first"),
    ]
    if half == torch.float32:
        return forms
    forms += [
        measured.ours("inference form", half, "never"),
        measured.ours("compiled, upsampling apart", half, "first", folds=False),
        measured.ours("compiled", half, "first"),
    ]
    if importlib.util.find_spec("onnxruntime"):
        forms.append(measured.exported("onnx", folder))
    if importlib.util.find_spec("openvino"):
        forms.append(measured.exported("openvino", folder))
    return forms


def forms_on_gpu(measured: Measured, *, search: bool) -> list[Form]:
    """A CUDA graph of the plain form, of what a show compiles, and of what a film does."""
    half = torch.float16
    forms = [
        measured.ours("CUDA graph", half, "never"),
        measured.ours("compiled CUDA graph", half, "background"),
    ]
    if search:
        forms.append(measured.ours("compiled CUDA graph, kernels searched", half, "first"))
    return forms


class Peak:
    """What the processor reaches with nothing but products, in one precision."""

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        side, batch = (8192, 16) if device.type == "cuda" else (1024, 1)
        self._matrix = torch.randn(side, side, device=device).to(dtype)
        layout = torch.channels_last
        self._picture = torch.randn(batch, 256, 64, 64, device=device)
        self._picture = self._picture.to(dtype).contiguous(memory_format=layout)
        self._kernel = torch.randn(256, 256, 3, 3, device=device).to(dtype)
        self._kernel = self._kernel.contiguous(memory_format=layout)
        self._device = device
        self._works = {
            self._product: 2 * side**3 / 1e9,
            self._convolution: 2 * 9 * 256**2 * 64**2 * batch / 1e9,
        }

    def _product(self) -> Tensor:
        return self._matrix @ self._matrix

    def _convolution(self) -> Tensor:
        return torch.nn.functional.conv2d(self._picture, self._kernel, padding=1)

    def gflops(self) -> float:
        """GFLOP/s of a large product or convolution, whichever is faster."""
        return max(gflop / timed(work, self._device) for work, gflop in self._works.items())


def timed(work: Draw, device: torch.device) -> float:
    """Seconds, to the end of what the device was given."""
    _synchronise(device)
    begun = time.perf_counter()
    work()
    _synchronise(device)
    return time.perf_counter() - begun


@torch.no_grad()
def compare(measured: Measured, forms: list[Form]) -> list[Result]:
    """All forms in turns with the stock network, which is the first, and with the peak."""
    device = measured.device
    pictures = [form.draw().cpu() for form in forms]
    peaks = {form.dtype: Peak(form.dtype, device) for form in forms}
    rounds = WARM + (200 if device.type == "cuda" else 10)
    seconds, most = np.zeros((rounds, len(forms))), np.zeros((rounds, len(forms)))
    for n in range(rounds):
        seconds[n] = [timed(form.draw, device) for form in forms]
        reached = {dtype: peak.gflops() for dtype, peak in peaks.items()}
        most[n] = [reached[form.dtype] for form in forms]
    seconds, most = seconds[WARM:], most[WARM:]
    return [
        Result(
            form,
            1000 * float(np.median(seconds[:, k])),
            1000 * float(np.percentile(seconds[:, k], 99)),
            float(np.median(seconds[:, 0] / seconds[:, k])),
            float(np.median(form.gflop / seconds[:, k] / most[:, k])),
            psnr(pictures[k], pictures[0]) if k else math.inf,
        )
        for k, form in enumerate(forms)
    ]


def _synchronise(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def table_of(results: list[Result], batch: int) -> str:
    on_gpu = not math.isnan(results[0].form.megabytes)
    head = ["form", "ms a batch", "p99", "frames/s", "x stock", "GFLOP", "of peak", "PSNR, dB"]
    rows: list[list[object]] = []
    for r in results:
        rows.append(
            [
                r.form.name,
                f"{r.milliseconds:.2f}" if on_gpu else f"{r.milliseconds:.1f}",
                f"{r.p99:.2f}" if on_gpu else f"{r.p99:.1f}",
                f"{1000 * batch / r.milliseconds:.1f}",
                f"{r.ratio:.2f}",
                f"{r.form.gflop:.0f}",
                f"{r.share:.0%}",
                "" if math.isinf(r.psnr) else "same bytes" if r.psnr > 90 else f"{r.psnr:.1f}",
            ]
        )
        if on_gpu:
            half = next(s for s in results if s.form.dtype == torch.float16)
            rows[-1] += [f"{half.milliseconds / r.milliseconds:.2f}", f"{r.form.megabytes:.0f}"]
    return table([*head, *(["x stock float16", "MB"] if on_gpu else [])], rows)


def run(
    size: int, batch: int, *, precision: Precision, search: bool
) -> tuple[str, dict[str, float]]:
    """The table of one size and batch, and the figures of the form that is used."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    measured = Measured(size, batch, device)
    error = measured.error()
    with tempfile.TemporaryDirectory() as folder:
        forms = measured.stocks()
        forms += (
            forms_on_gpu(measured, search=search)
            if device.type == "cuda"
            else forms_on_cpu(measured, Path(folder), dtype_for(precision, device))
        )
        results = compare(measured, forms)
    used = [r for r in results if r.form.name.startswith("compiled")][-1]
    figures = {
        "size": size,
        "batch": batch,
        "ratio": round(used.ratio, 3),
        "psnr": round(min(used.psnr, 99.0), 2),
        "fp32_relative_error": error,
        "ms_stock": round(results[0].milliseconds, 2),
        "ms_ours": round(used.milliseconds, 2),
    }
    text = f"float32 against the stock package: relative error {error:.1e}.\n\n"
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


def section(
    size: int, batch: int, *options: str, held: Mapping[str, str] = MappingProxyType({})
) -> str:
    """One size and batch, measured in a process of its own whose environment is held to `held`."""
    words = [sys.executable, "-m", "bench.engine", "--size", str(size), "--batch", str(batch)]
    with tempfile.TemporaryDirectory() as compiled:  # kernels of one instruction set must not mix
        environment = {**os.environ, **held, "TORCHINDUCTOR_CACHE_DIR": compiled}
        printed = subprocess.run(
            [*words, *options], check=True, capture_output=True, text=True, env=environment
        ).stdout
    text = f"### {size} px, batch {batch}\n\n{printed.split(MARK)[1].strip()}"
    print(text, flush=True)
    return text


HOW = (
    "Random weights of the published shape; every form in turns with the stock package in one "
    "process, medians of {} rounds. The last compiled form is the one used. PSNR is of the 8-bit "
    "picture against the stock package's. “of peak” is the arithmetic that a form does in a "
    "second, by what a large product or convolution of that precision reaches in the same round."
)


def report_on_cpu() -> None:
    parts = [section(128, 1), section(128, 4), section(256, 1), section(512, 1)]
    full = [section(size, 1, "--precision", "full", held=AVX2) for size in LAYERS]
    amx = "with" if torch.cpu._is_amx_tile_supported() else "without"
    native = "with" if torch.cpu._is_avx512_bf16_supported() else "without"
    publish(
        "engine",
        "\n\n".join(
            [
                "# BigGAN: the inference form beside the stock package",
                f"{machine()}; {amx} AMX, {native} AVX-512 bfloat16.",
                HOW.format(10),
                "## As the processor is",
                *parts,
                "## Held to AVX2, without bfloat16",
                *full,
                f"## Weights\n\n{sizes_on_disk()}",
                "TensorRT, CoreML: not run. NVIDIA GPU: not run; there this bench writes a table "
                "of its own, engine-nvidia.md.",
            ]
        ),
    )


def report_on_gpu() -> None:
    parts = [section(size, batch) for size in LAYERS for batch in BATCHES]
    title = "# BigGAN on an NVIDIA GPU: the inference form beside the stock package"
    publish("engine-nvidia", "\n\n".join([title, f"{machine()}.", HOW.format(200), *parts]))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", type=int, choices=LAYERS)
    options.add_argument("--batch", type=int, default=1, choices=BATCHES)
    options.add_argument("--precision", choices=("auto", "full"), default="auto")
    options.add_argument("--search", action="store_true", help="on a GPU: search kernels too")
    options.add_argument("--json", action="store_true")
    chosen = options.parse_args()
    if chosen.size is None:
        report_on_gpu() if torch.cuda.is_available() else report_on_cpu()
        return
    text, figures = run(chosen.size, chosen.batch, precision=chosen.precision, search=chosen.search)
    print(f"# BigGAN, {chosen.size} px, batch {chosen.batch}\n\n{machine()}\n{MARK}\n{text}")
    if chosen.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()

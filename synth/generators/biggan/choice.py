"""Which engine and which precision run BigGAN here, by name."""

from pathlib import Path

import torch

from ..compiling import Compiles, Say
from ..protocol import engine_named, precision_named
from .generator import BigGan, dtype_for
from .store import model_of


def biggan_of(
    name: str,
    weights: Path | None,
    *,
    device: str,
    wide: str,
    precision: str,
    engine: str,
    compiles: Compiles,
    say: Say,
) -> BigGan:
    """Load BigGAN as asked; UserError names what is not there."""
    chosen_engine, chosen_precision = engine_named(engine), precision_named(precision)
    half = dtype_for(chosen_precision, torch.device(device)) != torch.float32
    model = model_of(name, weights, half=half, say=say)
    if chosen_engine == "torch":
        return BigGan(
            name,
            model,
            device=device,
            precision=chosen_precision,
            wide=wide,
            compiles=compiles,
            say=say,
        )
    from .onnx import exported_engine

    runner = exported_engine(chosen_engine, model, wide=wide, half=half)
    return BigGan(name, model, device="cpu", wide=wide, engine=runner, say=say)

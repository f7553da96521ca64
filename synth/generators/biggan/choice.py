"""Which engine and which precision run BigGAN here, by name."""

from pathlib import Path
from typing import Literal, get_args

import torch

from synth.errors import UserError

from ..compiling import Compiles, Say
from .generator import BigGan, Precision, dtype_for
from .store import model_of

EngineName = Literal["torch", "onnx", "openvino", "tensorrt"]
ENGINES: tuple[EngineName, ...] = get_args(EngineName)
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


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
    chosen_engine, chosen_precision = _engine(engine), _precision(precision)
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


def _engine(name: str) -> EngineName:
    for known in ENGINES:
        if known == name:
            return known
    raise UserError(f"--engine is {name}; use {', '.join(ENGINES)}")


def _precision(name: str) -> Precision:
    for known in PRECISIONS:
        if known == name:
            return known
    raise UserError(f"--precision is {name}; use {', '.join(PRECISIONS)}")

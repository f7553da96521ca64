"""Folded weights in the user's cache, packed: a third of the published size, read in a blink.

Folding happens once for each weights file; the cache's name holds the file's path, size and time,
so a changed file is folded anew.
"""

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from synth.cache import cache_place, private_folder
from synth.errors import UserError

from ..compiling import Say
from .folding import Shape, folded
from .packing import packed, unpacked
from .weights import check_size, located, read_checkpoint

_FORM = 2  # counts up when the folded form changes


@dataclass(frozen=True, slots=True)
class Model:
    """The inference form's shape and tensors."""

    config: BigGANConfig
    tensors: dict[str, Tensor]

    @property
    def shape(self) -> Shape:
        """Layers and channels."""
        return Shape.of(self.config)

    @property
    def resolution(self) -> int:
        """Side of the pictures, pixels."""
        return int(self.config.output_dim)


def model_of(
    name: str, weights: Path | None, *, half: bool, say: Say = lambda _notice: None
) -> Model:
    """The named network from a folder or file, or from where `lj fetch` put it.

    With `half` the packed cache is read, or written on the way: both give the same numbers; `say`
    is told where it cannot be kept. Without, every bit is kept.
    """
    file = located(name, weights)
    cache = _cache_of(file)
    kept = _read(cache) if half else None
    if kept is not None:
        check_size(name, kept.config, file)
        return kept
    checkpoint = read_checkpoint(file)
    check_size(name, checkpoint.config, file)
    stock = BigGAN(checkpoint.config)
    stock.load_state_dict(checkpoint.state, strict=True)
    model = folded_model(stock)
    return _keep(model, cache, say) if half else model


def folded_model(stock: BigGAN) -> Model:
    """The inference form of a network in memory."""
    return Model(stock.config, folded(stock.eval()))


def _cache_of(file: Path) -> Path:
    facts = file.stat()
    key = f"{_FORM} {file.resolve()} {facts.st_size} {facts.st_mtime_ns}"
    digest = hashlib.sha256(key.encode()).hexdigest()[:24]
    return cache_place("folded", f"{digest}.safetensors")


def _read(cache: Path) -> Model | None:
    """What is kept; None where nothing is, or what is there was damaged."""
    try:
        with safe_open(cache, "pt") as file:
            about = json.loads((file.metadata() or {})["model"])
            small = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        tensors = unpacked(small, about["shapes"])
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RuntimeError):
        return None
    return Model(BigGANConfig.from_dict(about["config"]), tensors)


def _keep(model: Model, cache: Path, say: Say) -> Model:
    """Write the cache in one step and return what it holds.

    A full or read-only disk, or a cache that is open to others, only costs time at the next start.
    """
    small, shapes = packed(model.tensors)
    partial = cache.with_suffix(f".{os.getpid()}.partial")
    try:
        private_folder(cache.parent)
        about = {"config": model.config.to_dict(), "shapes": shapes}
        save_file(small, partial, {"model": json.dumps(about)})  # one entry: several have no order
        partial.replace(cache)
    except (OSError, SafetensorError, UserError) as error:
        say(f"folded weights cannot be kept, the next start folds them again: {error}")
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return Model(model.config, unpacked(small, shapes))

"""BigGAN-deep checkpoints on disk: where they lie, what they must hold, how they are kept.

The published format is a folder of `config.json` and `pytorch_model.bin` (a pickled state dict,
read with weights_only so that no code in it can run) or `model.safetensors`.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from synth.cache import cache_place
from synth.errors import UserError

_FIXED = {"z_dim": 128, "num_classes": 1000}  # what makes a latent playable by every generator
MODEL_FILES = ("model.safetensors", "pytorch_model.bin")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checked state dict and the shape of the network it fits."""

    source: Path
    config: BigGANConfig
    state: dict[str, Tensor]


def cache_folder(name: str) -> Path:
    """Where `lj fetch` keeps the named generator."""
    return cache_place(name)


def located(name: str, weights: Path | None) -> Path:
    """The weights file of `biggan-SIZE`: in a local folder, a local file, or from the cache."""
    folder = cache_folder(name) if weights is None else weights
    if not folder.exists():
        if weights is not None:
            raise UserError(f"{weights}: no such folder or file of weights")
        raise UserError(
            f"{name}: its weights are not on this machine; run `lj fetch {name}`, or name a local "
            "folder with --weights"
        )
    return _model_file(folder) if folder.is_dir() else folder


def check_size(name: str, config: BigGANConfig, place: Path) -> None:
    """Raise UserError when a network is for other pictures than its name says."""
    if config.output_dim != int(name.removeprefix("biggan-")):
        raise UserError(
            f"{place}: holds a network for {config.output_dim} pixels; "
            f"use --generator biggan-{config.output_dim}"
        )


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a folder or a weights file with its config.json beside it; check every tensor."""
    folder, file = (path, _model_file(path)) if path.is_dir() else (path.parent, path)
    config = config_of(folder / "config.json")
    state = _state_of(file)
    check(state, config, file)
    return Checkpoint(file, config, state)


def _model_file(folder: Path) -> Path:
    for name in MODEL_FILES:
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"{folder}: holds neither {' nor '.join(MODEL_FILES)}")


def config_of(path: Path) -> BigGANConfig:
    """What a published config.json says; UserError where it is none."""
    if not path.is_file():
        raise UserError(f"{path}: is missing; the published config.json belongs beside the weights")
    try:
        values = json.loads(path.read_text("utf-8"))
        config = BigGANConfig.from_dict(values)
    except (ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: is not a BigGAN configuration ({error})") from error
    for key, wanted in _FIXED.items():
        if values.get(key) != wanted:
            raise UserError(f"{path}: {key} is {values.get(key)}; {wanted} is needed")
    return config


def _state_of(file: Path) -> dict[str, Tensor]:
    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        state = torch.load(file, map_location="cpu", weights_only=True)
    except SafetensorError as error:
        raise UserError(f"{file}: is not a whole safetensors file ({error})") from error
    except Exception as error:  # torch.load raises whatever the damaged pickle leads to
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{file}: is not a whole, safe weights file ({reason[:120]})") from error
    if not isinstance(state, dict) or not all(isinstance(v, Tensor) for v in state.values()):
        raise UserError(f"{file}: is not a state dict of tensors")
    return state


def check(state: dict[str, Tensor], config: BigGANConfig, place: Path) -> None:
    """Raise UserError unless every tensor of the network is there, of its shape and finite."""
    wanted = _shapes(config, place)
    missing = sorted(set(wanted) - set(state))
    extra = sorted(set(state) - set(wanted))
    if missing or extra:
        what = f"lacks {missing[0]}" if missing else f"holds the unknown {extra[0]}"
        count = len(missing) + len(extra)
        raise UserError(f"{place}: {what} ({count} names differ); it is for another network")
    for key, shape in wanted.items():
        if state[key].shape != shape:
            raise UserError(
                f"{place}: {key} is {tuple(state[key].shape)}; {tuple(shape)} is needed"
            )
        if state[key].is_floating_point() and not bool(torch.isfinite(state[key]).all()):
            raise UserError(f"{place}: {key} holds NaN or infinity; fetch or convert it again")


def _shapes(config: BigGANConfig, place: Path) -> dict[str, torch.Size]:
    """Names and shapes of the network's tensors, built without memory."""
    try:
        with torch.device("meta"):
            network = BigGAN(config)
    except (TypeError, ValueError, IndexError, RuntimeError) as error:
        raise UserError(
            f"{place.parent / 'config.json'}: describes no network ({error})"
        ) from error
    return {key: tensor.shape for key, tensor in network.state_dict().items()}

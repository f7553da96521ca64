"""CLIP by way of open_clip: any model by name or from disk, and a tiny random one to try."""

import json
import logging
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synth.errors import UserError

from .hub import Model, complete_torchvision, reason_of

TINY = "tiny-random"
DEFAULT = "ViT-B-32/laion2b_s34b_b79k"
_TINY_SIZES = {
    "embed_dim": 64,
    "vision_cfg": {
        "image_size": 32,
        "layers": 2,
        "width": 64,
        "patch_size": 8,
        "head_width": 32,
    },
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 2},
}


@dataclass(frozen=True, slots=True)
class Clip:
    """A model with what it needs to be asked."""

    name: str
    model: Any
    tokenizer: Any
    side: int  # pixels of the pictures it sees
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    device: torch.device

    @torch.no_grad()
    def of_texts(self, texts: list[str]) -> Tensor:
        """Unit vectors (n, e) of texts."""
        tokens = self.tokenizer(texts).to(self.device)
        vectors: Tensor = self.model.encode_text(tokens, normalize=True)
        return vectors.float()

    def of_pictures(self, pictures: Tensor) -> Tensor:
        """Unit vectors (n, e) of pictures (n, 3, side, side) in 0..1; gradients pass."""
        mean = torch.tensor(self.mean, device=self.device)[:, None, None]
        deviation = torch.tensor(self.deviation, device=self.device)[:, None, None]
        vectors: Tensor = self.model.encode_image((pictures - mean) / deviation, normalize=True)
        return vectors.float()


def clip_of(name: str, device: str = "cpu") -> Clip:
    """Load `MODEL/PRETRAINED`, `local-dir:FOLDER`, or the built-in `tiny-random`.

    UserError when open_clip is missing, does not know the name, or cannot get the weights.
    """
    open_clip = _open_clip()
    if name == TINY:
        return _tiny(open_clip, device)
    model, _, pretrained = (
        name.partition("/") if not name.startswith("local-dir:") else (name, "", "")
    )
    known = Model(_repository(open_clip, model, pretrained), option="--clip")
    known.check_size()
    try:
        network, _, _ = open_clip.create_model_and_transforms(
            model, pretrained=pretrained or None, device=device
        )
        tokenizer = open_clip.get_tokenizer(model)
    except Exception as error:  # open_clip's and the hub's errors are of many kinds
        raise UserError(
            f"--clip {name}: cannot be loaded ({reason_of(error)}); "
            f"use MODEL/PRETRAINED as open_clip lists them, local-dir:FOLDER, or {TINY}"
        ) from error
    known.check_digests()
    return _asked(name, network, tokenizer, device)


def _repository(open_clip: Any, model: str, pretrained: str) -> str:
    """Where on the hub a model lies, or the folder where it lies here; "" where open_clip knows."""
    schema, _, place = model.partition(":")
    if schema in {"hf-hub", "local-dir"}:
        return place
    found: str = open_clip.get_pretrained_cfg(model, pretrained).get("hf_hub", "")
    return found.rpartition("/")[0]


def _tiny(open_clip: Any, device: str) -> Clip:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{TINY}.json"
        path.write_text(json.dumps(_TINY_SIZES), "utf-8")
        open_clip.add_model_config(path)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            logging.disable(logging.WARNING)  # that its weights are random is the point
            try:
                network = open_clip.create_model(TINY, device=device)
            finally:
                logging.disable(logging.NOTSET)
        return _asked(TINY, network, open_clip.get_tokenizer(TINY), device)


def _asked(name: str, network: Any, tokenizer: Any, device: str) -> Clip:
    network.eval().requires_grad_(False)
    side = network.visual.image_size
    facts = network.visual.preprocess_cfg
    return Clip(
        name,
        network,
        tokenizer,
        side if isinstance(side, int) else side[0],
        tuple(facts["mean"]),
        tuple(facts["std"]),
        torch.device(device),
    )


def _open_clip() -> Any:
    try:
        complete_torchvision()
        import open_clip
    except ImportError as error:
        raise UserError("open_clip is not installed; pip install 'latent-jockey[words]'") from error
    return open_clip

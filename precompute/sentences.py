"""SBERT by way of sentence-transformers: what words mean, without pictures."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from synth.errors import UserError

from .hub import Model, complete_torchvision, reason_of


@dataclass(frozen=True, slots=True)
class Sentences:
    """A reader for classes (Nils Reimers and Iryna Gurevych, "Sentence-BERT", 2019)."""

    model: Any

    def of_texts(self, texts: list[str]) -> Tensor:
        """Unit vectors (n, d) of texts."""
        vectors = self.model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
        return torch.from_numpy(vectors).float()


def sentences_of(name: str, device: str = "cpu") -> Sentences:
    """A model by name, all-MiniLM-L6-v2 say, or from a folder; UserError where it cannot be had."""
    try:
        complete_torchvision()
        import transformers
        from sentence_transformers import SentenceTransformer
    except ImportError as error:
        raise UserError(
            "sentence-transformers is not installed; pip install 'latent-jockey[sentences]'"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    known = name if "/" in name or Path(name).is_dir() else f"sentence-transformers/{name}"
    model = Model(known, option="--sbert", cache=os.environ.get("SENTENCE_TRANSFORMERS_HOME"))
    model.check_size()
    try:
        loaded = SentenceTransformer(name, device=device, revision=model.revision)
    except Exception as error:  # the hub's and the library's errors are of many kinds
        raise UserError(
            f"--sbert {name}: cannot be loaded ({reason_of(error)}); "
            "use all-MiniLM-L6-v2 or a folder"
        ) from error
    model.check_digests()
    return Sentences(loaded)

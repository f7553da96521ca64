"""What a sound is like, in words that CLIP knows: CLAP by way of transformers.

CLAP (Yusong Wu and others, 2023) puts sounds and texts into one space, CLIP pictures and texts into
another. The texts of `scenes.txt` stand in both: a sound is as near to a picture as the scenes that
are near to it.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.signal import resample_poly
from torch import Tensor

from synth.constants import RATE
from synth.errors import UserError

from .hub import Model, complete_torchvision, reason_of

TINY = "tiny-random"
_NEAREST = 3  # scenes that one sound is like
_TEMPERATURE = 0.07  # of cosines, as CLAP is trained
_SECONDS = 10.0  # that CLAP hears at once
_MOST = 3  # such parts of one passage
_SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")


def scenes() -> list[str]:
    """The texts that stand in both spaces."""
    text = resources.files("precompute").joinpath("scenes.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line]


@dataclass(frozen=True, slots=True)
class Clap:
    """A model with what it needs to be asked."""

    name: str
    model: Any
    processor: Any

    @property
    def rate(self) -> int:
        """Samples a second that it hears."""
        return int(self.processor.feature_extractor.sampling_rate)

    @torch.no_grad()
    def of_texts(self, texts: list[str]) -> Tensor:
        """Unit vectors (n, d) of texts."""
        tokens = self.processor.tokenizer(texts, padding=True, return_tensors="pt")
        found = self.model.get_text_features(
            input_ids=tokens["input_ids"], attention_mask=tokens["attention_mask"]
        )
        return F.normalize(_vectors(found), dim=1)

    @torch.no_grad()
    def of_sound(self, samples: np.ndarray) -> Tensor:
        """The unit vector (d,) of mono samples (n,) at 44.1 kHz: the mean over a few parts."""
        heard = resample_poly(samples, self.rate // 300, RATE // 300).astype(np.float32)
        length = int(_SECONDS * self.rate)
        begins = np.linspace(0, max(0, len(heard) - length), _MOST if len(heard) > length else 1)
        parts = [heard[int(begin) :][:length] for begin in begins]
        features = self.processor.feature_extractor(
            parts, sampling_rate=self.rate, return_tensors="pt"
        )
        return F.normalize(_vectors(self.model.get_audio_features(**features)).mean(0), dim=0)

    def scenes_of(self, samples: np.ndarray) -> tuple[tuple[str, float], ...]:
        """The scenes that a sound is most like, the nearest first, with weights that sum to one."""
        texts = scenes()
        cosines = self.of_texts(texts) @ self.of_sound(samples)
        nearest = cosines.topk(_NEAREST)
        weights = (nearest.values / _TEMPERATURE).softmax(0)
        return tuple(
            (texts[int(k)], round(float(w), 4))
            for k, w in zip(nearest.indices, weights, strict=True)
        )


def _vectors(found: Any) -> Tensor:
    """Newer releases wrap the vectors, older ones return them bare."""
    vectors: Tensor = getattr(found, "pooler_output", found)
    return vectors.float()


def clap_of(name: str) -> Clap:
    """Load a model of the hub, a folder, or the built-in `tiny-random`.

    UserError when transformers is missing or the model cannot be had.
    """
    try:
        complete_torchvision()
        import transformers
    except ImportError as error:
        raise UserError(
            "transformers is not installed; pip install 'latent-jockey[sentences]'"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    if name == TINY:
        return _tiny(transformers)
    known = Model(name, option="--clap")
    known.check_size()
    revision = known.revision or "main"
    try:
        model = transformers.ClapModel.from_pretrained(name, revision=revision)
        processor = transformers.ClapProcessor.from_pretrained(name, revision=revision)
    except Exception as error:  # the hub's and the library's errors are of many kinds
        raise UserError(
            f"--clap {name}: cannot be loaded ({reason_of(error)}); "
            f"use laion/clap-htsat-unfused, a folder, or {TINY}"
        ) from error
    known.check_digests()
    return Clap(name, model.eval().requires_grad_(False), processor)


def _tiny(transformers: Any) -> Clap:
    """Random weights, the same every time; its tokens are bytes."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = [*_SPECIAL, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    spelling = Tokenizer(models.BPE({c: k for k, c in enumerate(letters)}, [], unk_token="<unk>"))
    spelling.pre_tokenizer = pre_tokenizers.ByteLevel()
    begin, pad, end, unknown = _SPECIAL
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=spelling,
        bos_token=begin,
        pad_token=pad,
        eos_token=end,
        unk_token=unknown,
    )
    sizes = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    words = {"vocab_size": len(letters), "hidden_size": 32, "projection_dim": 64, **sizes}
    analysis = {"patch_embeds_hidden_size": 16, "depths": [1, 1], "num_attention_heads": [2, 2]}
    analysis |= {"hidden_size": 32, "projection_dim": 64}
    config = transformers.ClapConfig(text_config=words, audio_config=analysis, projection_dim=64)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.ClapModel(config)
    hearing = transformers.ClapFeatureExtractor(truncation="rand_trunc")
    processor = transformers.ClapProcessor(feature_extractor=hearing, tokenizer=tokenizer)
    return Clap(TINY, model.eval().requires_grad_(False), processor)

"""A bank of keyframes: what was found for each line, in one safetensors file, read when needed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from .latents import Latent
from .trouble import Trouble

SUFFIX = ".ljbank"
FORMAT = "1"


@dataclass(frozen=True, slots=True)
class Keyframe:
    """A line, when it is sung, and what it looks like."""

    text: str
    time: float  # seconds of the song
    duration: float  # seconds
    score: float  # AugCLIP's
    start: float  # the score of the best start
    latent: Latent
    thumbnail: np.ndarray  # (h, w, 3) uint8


@dataclass(frozen=True, slots=True)
class Entry:
    """A keyframe without its latent: what a list shows."""

    text: str
    time: float
    duration: float
    score: float
    start: float


class Bank:
    """Keyframes in the order of their times; latents are read as they are asked for."""

    def __init__(self, path: Path) -> None:
        """Trouble where the file is none that `save_bank` wrote."""
        self.path = path
        try:
            with safe_open(path, "np") as file:
                header = file.metadata() or {}
                self._apart = "levels" in file.keys()  # noqa: SIM118 - it is no dictionary
            self.about: dict[str, Any] = json.loads(header["about"])
            self.entries = tuple(Entry(**entry) for entry in json.loads(header["keyframes"]))
        except (OSError, SafetensorError, KeyError, ValueError, TypeError) as error:
            raise Trouble(
                f"{path}: is no bank of keyframes ({error}); lj score makes one"
            ) from None
        if self.about.get("format") != FORMAT:
            raise Trouble(f"{path}: has format {self.about.get('format')}; this lj reads {FORMAT}")

    def __len__(self) -> int:
        return len(self.entries)

    def latent(self, number: int) -> Latent:
        """The latent of a keyframe, from 0."""
        noise, embedding, truncation = (
            self._row(name, number) for name in ("noise", "embedding", "truncation")
        )
        levels = self._row("levels", number) if self._apart else None
        return Latent(noise, embedding, float(truncation[0]), levels)

    def thumbnail(self, number: int) -> np.ndarray:
        """(h, w, 3) uint8."""
        return self._row("thumbnails", number)

    def _row(self, name: str, number: int) -> np.ndarray:
        with safe_open(self.path, "np") as file:
            row: np.ndarray = file.get_slice(name)[number : number + 1][0]
        return row

    def find(self, name: str) -> int | None:
        """The first keyframe whose text begins with these words, whatever their case."""
        wanted = name.casefold()
        return next(
            (k for k, e in enumerate(self.entries) if e.text.casefold().startswith(wanted)), None
        )

    def check_for(self, generator: str, weights: str) -> None:
        """Trouble when the bank was made for another generator."""
        made = (self.about.get("generator"), self.about.get("weights"))
        if made != (generator, weights):
            same = made[0] == generator
            what = f"other weights of {generator}" if same else f"{made[0]}, not {generator}"
            raise Trouble(
                f"{self.path}: was made for {what}; use --generator {made[0]}, or lj score anew"
            )


def save_bank(path: Path, keyframes: Sequence[Keyframe], about: dict[str, Any]) -> None:
    """Write a bank; it appears under its name when it is whole."""
    ordered = sorted(keyframes, key=lambda frame: frame.time)
    tensors = {
        "noise": np.stack([frame.latent.noise for frame in ordered]),
        "embedding": np.stack([frame.latent.embedding for frame in ordered]),
        "truncation": np.array([[frame.latent.truncation] for frame in ordered], np.float32),
        "thumbnails": np.stack([frame.thumbnail for frame in ordered]),
    }
    if any(frame.latent.levels is not None for frame in ordered):
        tensors["levels"] = np.stack([frame.latent.noises for frame in ordered])
    entries = [
        {
            "text": frame.text,
            "time": frame.time,
            "duration": frame.duration,
            "score": frame.score,
            "start": frame.start,
        }
        for frame in ordered
    ]
    header = {
        "about": json.dumps({"format": FORMAT, **about}),
        "keyframes": json.dumps(entries, ensure_ascii=False),
    }
    working = path.with_name(f".{path.name}.writing")
    try:
        working.write_bytes(save(tensors, header))
        working.replace(path)
    except OSError as error:
        raise Trouble(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        working.unlink(missing_ok=True)

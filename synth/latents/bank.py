"""A bank of keyframes: what was found for each line, in one safetensors file, read whole."""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from ..errors import UserError, cut, shown
from ..files import bytes_of
from .latent import Latent
from .walk import SIZE

SUFFIX = ".ljbank"
FORMAT = "1"
LARGEST = 256 << 20  # bytes
_MOST = 10_000  # keyframes
_LONGEST_HEADER = 16 << 20  # bytes
_TRUNCATION = (0.02, 1.0)  # as `steer.truncation` has it
_ROUNDING = 1e-6  # of float32 numbers


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
    """Keyframes in the order of their times, all in memory: its file may go meanwhile."""

    def __init__(self, path: Path) -> None:
        """UserError where the file is none that `save_bank` wrote."""
        self.path = path
        data = bytes_of(path, LARGEST, what="a bank of keyframes")
        try:
            tensors = load(data)
            header = _header_of(data)
            self.about: dict[str, Any] = dict(json.loads(header["about"]))
            if self.about.get("format") == FORMAT:
                self.entries = _entries(json.loads(header["keyframes"]))
                self._rows = _Rows(tensors, len(self.entries))
        except (SafetensorError, LookupError, ValueError, TypeError, RecursionError) as error:
            reason = cut(str(error) or type(error).__name__, 160)
            raise UserError(
                f"{path}: is no bank of keyframes ({reason}); lj score makes one"
            ) from error
        if self.about.get("format") != FORMAT:
            made = shown(self.about.get("format"))
            raise UserError(f"{path}: has format {made}; this lj reads {FORMAT!r}")

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def embedding_size(self) -> int:
        """How long each embedding is."""
        return int(self._rows.embedding.shape[1])

    def latent(self, number: int) -> Latent:
        """The latent of a keyframe, from 0."""
        rows = self._rows
        levels = rows.levels[number] if rows.levels is not None else None
        truncation = float(rows.truncation[number, 0])
        return Latent(rows.noise[number], rows.embedding[number], truncation, levels)

    def thumbnail(self, number: int) -> np.ndarray:
        """(h, w, 3) uint8."""
        picture: np.ndarray = self._rows.thumbnails[number]
        return picture

    def find(self, name: str) -> int | None:
        """The first keyframe whose text begins with these words, whatever their case."""
        wanted = name.casefold()
        if not wanted:
            return None
        return next(
            (k for k, e in enumerate(self.entries) if e.text.casefold().startswith(wanted)), None
        )

    def is_for(self, generator: str) -> bool:
        """Whether it was made on the named generator, whatever its weights."""
        return bool(self.about.get("generator") == generator)

    def check_for(self, generator: str, weights: str) -> None:
        """UserError when the bank was made for another generator."""
        made = (self.about.get("generator"), self.about.get("weights"))
        if made != (generator, weights):
            name = cut(str(made[0]))
            same = made[0] == generator
            what = f"other weights of {generator}" if same else f"{name}, not {generator}"
            raise UserError(
                f"{self.path}: was made for {what}; use --generator {name}, or lj score anew"
            )


class _Rows:
    """A bank's tensors, a row for each keyframe."""

    def __init__(self, tensors: dict[str, np.ndarray], count: int) -> None:
        """KeyError and ValueError where they are not as they should be."""
        self.noise = _floats(tensors, "noise", (count, SIZE))
        self.embedding = _floats(tensors, "embedding", (count, None))
        self.truncation = _floats(tensors, "truncation", (count, 1))
        apart = "levels" in tensors
        self.levels = _floats(tensors, "levels", (count, 3, SIZE)) if apart else None
        self.thumbnails = _of_shape(tensors, "thumbnails", (count, None, None, 3))
        if self.thumbnails.dtype != np.uint8:
            raise ValueError(f"thumbnails are {self.thumbnails.dtype}, not uint8")
        low, high = _TRUNCATION
        if ((self.truncation < low - _ROUNDING) | (self.truncation > high + _ROUNDING)).any():
            raise ValueError(f"a truncation is out of {low:g} to {high:g}")


def _floats(tensors: dict[str, np.ndarray], name: str, shape: tuple[int | None, ...]) -> np.ndarray:
    """A tensor as finite float32."""
    given = _of_shape(tensors, name, shape)
    if given.dtype.kind != "f":
        raise ValueError(f"{name} is {given.dtype}, not float32")
    with np.errstate(over="ignore"):
        values = given.astype(np.float32)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds what is no number")
    return values


def _of_shape(
    tensors: dict[str, np.ndarray], name: str, shape: tuple[int | None, ...]
) -> np.ndarray:
    """A tensor of that shape; None stands for any size but 0."""
    if name not in tensors:
        raise ValueError(f"{name} is missing")
    given = tensors[name]
    fits = given.ndim == len(shape) and all(
        size > 0 if wanted is None else size == wanted
        for size, wanted in zip(given.shape, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(f"{name} has shape {given.shape}, not ({wanted})")
    return given


def _header_of(data: bytes) -> dict[str, str]:
    """What stands in a safetensors file beside its tensors."""
    length = int.from_bytes(data[:8], "little")
    if length > _LONGEST_HEADER:
        raise ValueError(f"its header is longer than {_LONGEST_HEADER >> 20} MB")
    header = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    missing = {"about", "keyframes"} - header.keys()
    if missing:
        raise ValueError(f"{' and '.join(sorted(missing))} are missing")
    return dict(header)


def _entries(keyframes: Iterable[Any]) -> tuple[Entry, ...]:
    entries = tuple(map(_entry, keyframes))
    if not 0 < len(entries) <= _MOST:
        raise ValueError(f"it has {len(entries)} keyframes, not 1 to {_MOST}")
    if any(a.time > b.time for a, b in pairwise(entries)):
        raise ValueError("its keyframes are not in the order of their times")
    return entries


def _entry(keyframe: Any) -> Entry:
    """What was written of a keyframe, checked."""
    names = [field.name for field in fields(Entry)]
    if not isinstance(keyframe, dict) or keyframe.keys() != set(names):
        raise ValueError(f"a keyframe is {shown(keyframe)}; it has {', '.join(names)}")
    text, *numbers = (keyframe[name] for name in names)
    if not isinstance(text, str):
        raise ValueError(f"a text is {shown(text)}")
    text.encode()  # half a character, which JSON may hold, can be shown nowhere
    return Entry(text, *map(_finite, numbers))


def _finite(number: object) -> float:
    if isinstance(number, float) and math.isfinite(number):
        return number
    if isinstance(number, int) and not isinstance(number, bool) and abs(number) < 2**53:
        return float(number)
    raise ValueError(f"a keyframe's time or score is {shown(number)}")


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
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        working.unlink(missing_ok=True)

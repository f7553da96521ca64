"""Line after line: each found keyframe on disk at once, so that a kill costs one line."""

import hashlib
import json
from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from synth.errors import UserError
from synth.generators.protocol import Renderer
from synth.latents.bank import Keyframe, save_bank

from .lyrics import Line
from .objective import Objective
from .optimise import search
from .rendering import keyframe_latent
from .task import Found, Search

_THUMBNAIL = 128  # pixels
_REMEMBERED = 2  # found pictures that the next search may start from

Told = Callable[[int, int, Line, Found, bool], None]  # number, of, line, found, kept from before


def parts_of(bank: Path) -> Path:
    """Where lines stand until the bank is whole."""
    return bank.with_name(f"{bank.stem}.parts")


def score_lines(
    lines: Sequence[Line],
    renderer: Renderer,
    objective: Objective,
    how: Search,
    bank: Path,
    about: dict[str, Any],
    told: Told,
) -> None:
    """Search a picture for each line and write the bank; lines that were found before are kept.

    A share `how.consistency` of each line's aim stays in the next one's (as Joel Jang, Sumin
    Shin and Yoonjeon Kim add the vectors of neighbours in "Music2Video", 2022).
    """
    parts = parts_of(bank)
    try:
        parts.mkdir(exist_ok=True)
    except OSError as error:
        reason = f"{error.strerror}; lines that were found stand there until the bank is whole"
        raise UserError(f"{parts}: cannot be made ({reason})") from error
    found: list[Found] = []
    frames: list[Keyframe] = []
    key, aim = "", None
    for number, line in enumerate(lines):
        key = _key(line, how, about, key if how.consistency else "")
        file = parts / f"{key}.safetensors"
        own = objective.target(line.meaning)
        aim = own if aim is None else F.normalize(own + how.consistency * aim, dim=0)
        one = _read(file)
        kept = one is not None
        if one is None:
            one = search(renderer, objective, aim, how, found[-_REMEMBERED:])
            _write(one, file)
        found.append(one)
        frames.append(_keyframe(line, one))
        told(number, len(lines), line, one, kept)
    save_bank(bank, frames, about)
    _clear(parts)


def _clear(parts: Path) -> None:
    """Remove found lines, and the folder unless a film's chunks stand in it too."""
    for line in chain(parts.glob("*.safetensors"), parts.glob("*.writing")):
        line.unlink()
    if not any(parts.iterdir()):
        parts.rmdir()


def _key(line: Line, how: Search, about: dict[str, Any], before: str) -> str:
    """What decides a line's picture, as a name; `before` is the name that it depends on."""
    facts = json.dumps([line.meaning, repr(how), about, before])
    return hashlib.sha256(facts.encode()).hexdigest()[:32]


def _write(found: Found, file: Path) -> None:
    tensors = {
        "noise": found.noise,
        "embedding": found.embedding,
        "picture": np.ascontiguousarray(found.picture),
        "numbers": np.array([found.truncation, found.score, found.start]),
    }
    working = file.with_suffix(".writing")
    try:
        save_file(tensors, working)
        working.replace(file)
    except (OSError, SafetensorError) as error:
        working.unlink(missing_ok=True)
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{file}: cannot be written ({reason}); free space, and the same command goes on"
        ) from error


def _read(file: Path) -> Found | None:
    if not file.is_file():
        return None
    try:
        with safe_open(file, "np") as part:
            noise, embedding, picture, numbers = (
                part.get_tensor(name) for name in ("noise", "embedding", "picture", "numbers")
            )
    except (OSError, SafetensorError):
        return None  # spoiled: it is searched again
    truncation, score, start = map(float, numbers)
    return Found(noise, embedding, truncation, score, start, picture)


def _keyframe(line: Line, found: Found) -> Keyframe:
    latent = keyframe_latent(found.noise, found.embedding, found.truncation)
    thumbnail = _shrunk(found.picture)
    return Keyframe(
        line.text, line.time, line.duration, found.score, found.start, latent, thumbnail
    )


def _shrunk(picture: np.ndarray) -> np.ndarray:
    from PIL import Image

    small = Image.fromarray(picture).resize((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
    return np.asarray(small)

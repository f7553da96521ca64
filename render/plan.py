"""The latent path of a whole film on disk: computed once; every frame is a pure function of it.

A plan is one file of float32 rows, one a frame: noise, embedding, truncation, kick and, where sizes
have a noise of their own, its three levels. Rows are written as they come and read by memory map,
so that neither side holds a whole night.
"""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from synth.errors import UserError
from synth.latents.latent import Latent
from synth.latents.walk import SIZE
from synth.settings.knobs import Knobs

from .song import Job, batches

_TOGETHER = 1024  # rows that are written at once


def is_apart(job: Job, knobs: Knobs) -> bool:
    """Whether sizes may come to have a noise of their own: by bands, keyframes or hands."""
    bands, bank = knobs.bands, job.bank
    keyed = bank is not None and any(
        bank.latent(number).levels is not None for number in range(min(1, len(bank)))
    )
    return keyed or job.session is not None or any((bands.bass, bands.mid, bands.treble))


def row_of(latent: Latent, *, apart: bool) -> np.ndarray:
    """(n,) float32 of one latent; with its levels when they are `apart`."""
    parts = [latent.noise, latent.embedding, np.array([latent.truncation, latent.kick])]
    if apart:
        parts.append(latent.noises.ravel())
    return np.concatenate(parts).astype(np.float32)


def latent_of(row: np.ndarray, embedding: int) -> Latent:
    """The latent of a row, whose embedding has so many numbers."""
    truncation = SIZE + embedding
    levels = row[truncation + 2 :]
    return Latent(
        noise=row[:SIZE].copy(),
        embedding=row[SIZE:truncation].copy(),
        truncation=float(row[truncation]),
        levels=levels.reshape(3, SIZE).copy() if len(levels) else None,
        kick=float(row[truncation + 1]),
    )


def write_plan(path: Path, latents: Iterable[Latent], *, apart: bool) -> tuple[int, str]:
    """Write every latent; returns how many there were, and the file's sha256."""
    digest, count = hashlib.sha256(), 0
    with path.open("wb") as file:
        for together in batches(latents, _TOGETHER):
            data = b"".join(row_of(latent, apart=apart).tobytes() for latent in together)
            file.write(data)
            digest.update(data)
            count += len(together)
    return count, digest.hexdigest()


def read_plan(path: Path, frames: range, *, embedding: int, apart: bool) -> Sequence[Latent]:
    """The latents of some frames; UserError where the plan does not reach so far."""
    width = SIZE + embedding + 2 + (3 * SIZE if apart else 0)
    try:
        rows = np.memmap(path, np.float32, "r").reshape(-1, width)
    except (OSError, ValueError) as error:  # gone, empty or cut off
        raise UserError(f"{path}: cannot be read ({error}); run lj render again") from error
    if len(rows) < frames.stop:
        raise UserError(f"{path}: ends at frame {len(rows)}; run lj render again")
    return [latent_of(np.asarray(row), embedding) for row in rows[frames.start : frames.stop]]

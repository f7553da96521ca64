"""A render on disk: what it is made of, and which chunks of it are done.

`manifest.json` stands in a folder beside the film and changes by temporary file and rename, so that
a kill or a power cut at any moment leaves either the state before or the state after. That a chunk
is done stands in a mark of its own, `chunk-NNNNNN.sha256`, so that any number of hands may work at
once.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from synth.digest import sha256_of
from synth.errors import UserError

from . import disk

FORMAT = 1
NAME = "manifest.json"
_TOLD = 4  # changes that are named one by one


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that decides how the film looks; a change of any is another film."""

    song: str  # sha256 of its bytes
    hands: str  # sha256 of what else was played: a session's events, a bank; or empty
    knobs: Mapping[str, Any]
    generator: Mapping[str, Any]  # name, weights' sha256, resolution, width, precision, engine
    size: tuple[int, int]
    fps: str
    quality: str
    start: float
    duration: float | None
    chunk: int  # frames
    version: str  # of the program


@dataclass(slots=True)
class Chunk:
    """A run of frames and the segment that shows them."""

    first: int
    frames: int
    sha256: str = ""  # of the segment; empty until it is done


@dataclass(slots=True)
class Manifest:
    """One render."""

    folder: Path
    inputs: Inputs
    frames: int = 0
    plan: str = ""  # sha256; empty until the path is computed
    embedding: int = 128
    apart: bool = False
    chunks: list[Chunk] = field(default_factory=list)
    call: dict[str, Any] = field(default_factory=dict)  # how a worker makes the generator again

    @property
    def plan_file(self) -> Path:
        """Where the latents of all frames stand."""
        return self.folder / "plan.f32"

    def segment(self, number: int) -> Path:
        """Where a chunk's segment stands."""
        return self.folder / f"chunk-{number:06d}.mp4"

    def frames_of(self, number: int) -> range:
        """Numbers of the frames of a chunk."""
        chunk = self.chunks[number]
        return range(chunk.first, chunk.first + chunk.frames)

    @property
    def done(self) -> int:
        """Frames of finished chunks."""
        return sum(chunk.frames for chunk in self.chunks if chunk.sha256)

    def missing(self) -> list[int]:
        """Chunks that are still to be rendered."""
        return [number for number, chunk in enumerate(self.chunks) if not chunk.sha256]

    def planned(self, frames: int, plan: str, *, embedding: int, apart: bool) -> None:
        """Take the plan and divide it."""
        self.frames, self.plan, self.embedding, self.apart = frames, plan, embedding, apart
        step = self.inputs.chunk
        self.chunks = [Chunk(at, min(step, frames - at)) for at in range(0, frames, step)]
        self.save()

    @property
    def has_plan(self) -> bool:
        """Whether the plan stands there, and is the one that was made."""
        there = bool(self.plan) and self.plan_file.is_file()
        return there and sha256_of(self.plan_file) == self.plan

    def holds(self, number: int) -> bool:
        """Whether a chunk is done, and its segment is what it was then."""
        chunk, segment = self.chunks[number], self.segment(number)
        return bool(chunk.sha256) and segment.is_file() and sha256_of(segment) == chunk.sha256

    def mark(self, number: int) -> Path:
        """Where it stands that a chunk is done."""
        return self.segment(number).with_suffix(".sha256")

    def finished(self, number: int) -> None:
        """A segment stands in its place."""
        self.chunks[number].sha256 = sha256_of(self.segment(number))
        disk.write(self.mark(number), f"{self.chunks[number].sha256}\n".encode())

    def save(self) -> None:
        """Write it in one step; UserError where the disk fails."""
        values = {
            "format": FORMAT,
            "inputs": asdict(self.inputs),
            "frames": self.frames,
            "plan": self.plan,
            "embedding": self.embedding,
            "apart": self.apart,
            "call": self.call,
            "chunks": [asdict(chunk) for chunk in self.chunks],
        }
        disk.write(self.folder / NAME, f"{json.dumps(values, indent=1)}\n".encode())


class Unreadable(UserError):
    """A manifest that no render goes on from."""


@dataclass(frozen=True, slots=True)
class _Stored:
    """What `manifest.json` holds."""

    inputs: Inputs
    frames: int
    plan: str
    embedding: int
    apart: bool
    call: dict[str, Any]
    chunks: list[Chunk]


_READER = TypeAdapter(_Stored)


def read_manifest(folder: Path) -> Manifest:
    """The render in a folder; Unreadable when there is none, UserError when the disk fails."""
    path = folder / NAME
    try:
        stored = _stored(path.read_bytes())
    except (ValueError, FileNotFoundError, NotADirectoryError) as error:
        raise Unreadable(f"{path}: is no manifest of a render ({_reason(error)})") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    manifest = Manifest(
        folder,
        stored.inputs,
        stored.frames,
        stored.plan,
        stored.embedding,
        stored.apart,
        stored.chunks,
        stored.call,
    )
    for number, chunk in enumerate(manifest.chunks):
        if manifest.mark(number).is_file():
            chunk.sha256 = manifest.mark(number).read_text("utf-8", "replace").strip()
    return manifest


def _stored(data: bytes) -> _Stored:
    """What a manifest holds; ValueError where it cannot be meant."""
    try:
        values = json.loads(data)  # as Python wrote it: a path may hold what is no Unicode
    except RecursionError as error:
        raise ValueError("is nested too deep") from error
    if isinstance(values, dict) and values.get("format") != FORMAT:
        raise ValueError(f"has format {str(values.get('format'))[:20]}; this lj reads {FORMAT}")
    stored = _READER.validate_python(values)
    inputs, firsts = stored.inputs, [0]
    if not re.fullmatch(r"[1-9]\d{0,8}(/[1-9]\d{0,8})?", inputs.fps):
        raise ValueError(f"fps is {inputs.fps[:20]!r}")
    if inputs.chunk < 1 or stored.embedding < 1 or not math.isfinite(inputs.start):
        raise ValueError("chunk, embedding or start is out of range")
    for chunk in stored.chunks:
        firsts.append(firsts[-1] + max(1, chunk.frames))
    if firsts != [*(chunk.first for chunk in stored.chunks), stored.frames]:
        raise ValueError("its chunks are not the film's frames")
    return stored


def _reason(error: Exception) -> str:
    """The first of what is wrong, in a few words."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"[:120].lstrip(": ")
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error)[:120]


def differences(before: Inputs, now: Inputs) -> list[str]:
    """What changed between two renders, in words; knobs and numbers with both values."""
    old, new = dict(_leaves(asdict(before))), dict(_leaves(asdict(now)))
    names = [name for name in old | new if json.dumps(old.get(name)) != json.dumps(new.get(name))]
    words = [_change(name, old.get(name), new.get(name)) for name in names]
    return words[:_TOLD] + ([f"{len(words) - _TOLD} more"] if len(words) > _TOLD else [])


_DIGESTS = {"song": "song", "hands": "session or bank", "generator.weights": "weights"}


def _change(name: str, old: object, new: object) -> str:
    if name in _DIGESTS:
        return _DIGESTS[name]
    was, is_now = ("unset" if value is None else str(value)[:24] for value in (old, new))
    return f"{name.removeprefix('knobs.')} ({was}, now {is_now})"


def _leaves(tree: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value


def verified(manifest: Manifest) -> list[int]:
    """Take back what a crash or a hand spoiled; returns the chunks that must be made again."""
    spoiled = []
    for number, chunk in enumerate(manifest.chunks):
        if chunk.sha256 and not manifest.holds(number):
            chunk.sha256 = ""
            manifest.mark(number).unlink(missing_ok=True)
            spoiled.append(number)
    return spoiled


def rate(inputs: Inputs) -> Fraction:
    """Frames a second."""
    return Fraction(inputs.fps)

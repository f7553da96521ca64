"""A render on disk: what it is made of, and which chunks of it are done.

`manifest.json` stands in a folder beside the film and changes by temporary file and rename, so that
a kill at any moment leaves either the state before or the state after. That a chunk is done stands
in a mark of its own, `chunk-NNNNNN.sha256`, so that any number of hands may work at once.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from synth.digest import sha256_of
from synth.trouble import Trouble

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Inputs:
    """All that decides how the film looks; a change of any is another film."""

    song: str  # sha256 of its bytes
    hands: str  # sha256 of what else was played: a performance's events, a bank; or empty
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
        return self.folder / "plan.f32"

    def segment(self, number: int) -> Path:
        """Where a chunk's segment stands."""
        return self.folder / f"chunk-{number:06d}.mp4"

    def frames_of(self, number: int) -> range:
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

    def mark(self, number: int) -> Path:
        """Where it stands that a chunk is done."""
        return self.segment(number).with_suffix(".sha256")

    def finished(self, number: int) -> None:
        """A segment stands in its place."""
        self.chunks[number].sha256 = sha256_of(self.segment(number))
        _replace(self.mark(number), self.chunks[number].sha256 + "\n")

    def save(self) -> None:
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
        _replace(self.folder / "manifest.json", json.dumps(values, indent=1) + "\n")


def _replace(path: Path, text: str) -> None:
    working = path.with_name(f".{path.name}.{os.getpid()}")
    working.write_text(text, "utf-8")
    working.replace(path)


def read_manifest(folder: Path) -> Manifest:
    """The render in a folder; Trouble when there is none that can be read."""
    path = folder / "manifest.json"
    try:
        values = json.loads(path.read_text("utf-8"))
        if values["format"] != FORMAT:
            raise ValueError(f"has format {values['format']}")
        inputs = Inputs(**(values["inputs"] | {"size": tuple(values["inputs"]["size"])}))
        manifest = Manifest(
            folder,
            inputs,
            int(values["frames"]),
            str(values["plan"]),
            int(values["embedding"]),
            bool(values["apart"]),
            [Chunk(**chunk) for chunk in values["chunks"]],
            dict(values["call"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Trouble(f"{path}: is no manifest of a render ({error})") from None
    for number, chunk in enumerate(manifest.chunks):
        if manifest.mark(number).is_file():
            chunk.sha256 = manifest.mark(number).read_text("utf-8").strip()
    return manifest


def differences(before: Inputs, now: Inputs) -> list[str]:
    """What changed between two renders, in words."""
    old, new = asdict(before), asdict(now)
    return [name for name, value in new.items() if json.dumps(old[name]) != json.dumps(value)]


def verified(manifest: Manifest) -> list[int]:
    """Take back what a crash or a hand spoiled; returns the chunks that must be made again."""
    spoiled = []
    for number, chunk in enumerate(manifest.chunks):
        segment = manifest.segment(number)
        if chunk.sha256 and (not segment.is_file() or sha256_of(segment) != chunk.sha256):
            chunk.sha256 = ""
            manifest.mark(number).unlink(missing_ok=True)
            spoiled.append(number)
    if manifest.plan and (
        not manifest.plan_file.is_file() or sha256_of(manifest.plan_file) != manifest.plan
    ):
        manifest.plan = ""
    return spoiled


def rate(inputs: Inputs) -> Fraction:
    """Frames a second."""
    return Fraction(inputs.fps)

"""What long renders cost besides drawing: planning, bookkeeping, joining, and a second worker.

python -m bench.farm
"""

import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from bench.report import machine, publish, table
from demo.compose import RATE, compose, write
from render import farm
from render.cluster import _Crew
from render.manifest import Inputs, Manifest, read_manifest
from render.parts import opened
from render.segment import join
from render.song import Job
from render.workers import work_by
from synth.generators import generator_of
from synth.settings.preset import preset_of

SIDE, CHUNK, SECONDS = 256, 75, 20.0
PLANNED = (60.0, 120.0, 240.0)  # seconds of music
CHUNKS = (1_000, 4_000, 16_000)  # of the simulated nights; each is synced to the disk
CREW, HANDED = 1000, (1_000, 4_000, 16_000)  # simulated workers, and the chunks they are given
JOINED = (100, 400, 1600)  # segments
FPS = Fraction(30)


def planned(folder: Path, song: Path, seconds: float = SECONDS) -> tuple[Manifest, Job, float]:
    """A render that is planned, and the seconds that planning took."""
    film = folder / f"{song.stem}{seconds:.0f}.mp4"
    job = Job(song, film, (SIDE, SIDE), FPS, duration=seconds, quality="draft")
    knobs, generator = preset_of("silk").knobs, generator_of("procedural", resolution=SIDE)
    options = {"name": "procedural", "resolution": SIDE, "weights": "", "device": "cpu"}
    inputs = farm.inputs_of(job, knobs, generator, None, chunk=CHUNK, how="")
    manifest = opened(job, inputs, farm.call_of(job, options), lambda _text: None)
    begun = time.perf_counter()
    farm.plan(manifest, job, generator, knobs)
    return manifest, job, time.perf_counter() - begun


def looped(folder: Path) -> Path:
    """The demo song over and over, as long as the longest plan wants."""
    place = folder / "looped.wav"
    write(place, np.resize(compose(), int(max(PLANNED) * RATE)))
    return place


def plan_cost(folder: Path, song: Path, seconds: float) -> list[object]:
    """Seconds that planning so much music takes, and for an hour of it."""
    manifest, _, took = planned(folder, song, seconds)
    row = manifest.plan_file.stat().st_size / manifest.frames
    return [f"{seconds:.0f}", f"{took:.1f}", f"{3600 * took / seconds:.0f}", f"{row:.0f}"]


def rendered(folder: Path, song: Path, workers: int) -> list[object]:
    """Frames a second with so many processes, their start included."""
    place = folder / f"workers{workers}"
    place.mkdir()
    manifest, job, _ = planned(place, song)
    begun = time.perf_counter()
    outcome = farm.render_in_chunks(manifest, job, work_by(["cpu"] * workers), lambda _d, _t: None)
    rate = outcome.frames / (time.perf_counter() - begun)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    size = job.film.stat().st_size / outcome.frames
    return [workers, f"{rate:.1f}", f"{rate / workers:.1f}", memory, f"{size / 1000:.1f}"]


def kept(folder: Path, chunks: int) -> list[object]:
    """Seconds of bookkeeping for a night of so many chunks, with a renderer that only pretends."""
    place = folder / f"night{chunks}"
    place.mkdir()
    inputs = Inputs("", "", {}, {}, (16, 16), "30", "draft", 0.0, None, 1800, "")
    manifest = Manifest(place, inputs)
    begun = time.perf_counter()
    manifest.planned(1800 * chunks, "plan", embedding=128, apart=False)
    for number in range(chunks):
        manifest.segment(number).write_bytes(b"pretended")
        manifest.finished(number)
    there = len(read_manifest(place).missing())
    seconds = time.perf_counter() - begun
    assert there == 0
    hours = chunks * 60 / 3600
    return [chunks, f"{hours:.0f}", f"{seconds:.1f}", f"{1e6 * seconds / chunks:.0f}"]


class Pretended:
    """Ray with CREW actors that are done at once and send back a few bytes."""

    def __init__(self) -> None:
        self.exceptions = self
        self.RayTaskError = self.RayError = ConnectionError

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}] * CREW

    def remote(self, **_needs: float) -> Callable[[type], Any]:
        def call(*_words: object) -> object:
            return object()

        actor = SimpleNamespace(
            ready=SimpleNamespace(remote=call), render=SimpleNamespace(remote=call)
        )
        return lambda _hand: SimpleNamespace(remote=lambda *_words: actor)

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:  # noqa: ARG002
        return references[:1], references[1:]

    def get(self, _reference: object) -> bytes:
        return b"pretended"


def handed(folder: Path, chunks: int) -> list[object]:
    """What it costs to give so many chunks to CREW workers and to take them back."""
    place = folder / f"crew{chunks}"
    place.mkdir()
    inputs = Inputs("", "", {}, {}, (16, 16), "30", "draft", 0.0, None, 1, "")
    call = {"song": "", "film": "", "performance": "", "bank": "", "generator": {}}
    manifest = Manifest(place, inputs, call=call)
    manifest.plan_file.write_bytes(bytes(chunks * 4 * (2 * 128 + 2)))
    manifest.planned(chunks, "plan", embedding=128, apart=False)
    begun = time.perf_counter()
    _Crew(Pretended(), manifest).work(manifest.missing(), manifest.finished)
    seconds = time.perf_counter() - begun
    assert not manifest.missing()
    return [chunks, f"{seconds:.1f}", f"{1000 * seconds / chunks:.2f}"]


def joined(folder: Path, segment: Path, song: Path, count: int) -> list[object]:
    """Milliseconds a segment that joining takes."""
    segments: Sequence[tuple[Path, int]] = [(segment, CHUNK)] * count
    begun = time.perf_counter()
    join(folder / "joined.mp4", segments, song=song, start=0.0, fps=FPS)
    seconds = time.perf_counter() - begun
    return [count, f"{seconds:.2f}", f"{1000 * seconds / count:.1f}"]


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = folder / "song.wav"
        write(song, compose())
        manifest, job, _ = planned(folder, song)
        long = looped(folder)
        plans = [plan_cost(folder, long, seconds) for seconds in PLANNED]
        farm.render_chunk(
            manifest, 0, generator_of("procedural", resolution=SIDE, device="cpu"), job
        )
        joins = [joined(folder, manifest.segment(0), song, count) for count in JOINED]
        workers = [rendered(folder, song, count) for count in (1, 2)]
        crew = [handed(folder, count) for count in HANDED]
        nights = [kept(folder, count) for count in CHUNKS]
    publish(
        "farm",
        f"""# Long renders: what they cost besides drawing

{machine()}.

## Planning

The demo song over and over. A frame's bytes in the plan are what a cluster moves to a worker for
it; a segment's bytes come back.

{table(["s of music", "seconds", "s for an hour", "bytes a frame"], plans)}

## Workers

{SECONDS:.0f} s of film at {SIDE} px in chunks of {CHUNK} frames, starting the processes included.

{table(["workers", "frames/s", "frames/s each", "MB of the largest", "kB a frame"], workers)}

## Bookkeeping

Nights of one-minute chunks and a renderer that only pretends: planning the manifest, marking every
chunk, reading it again.

{table(["chunks", "hours of film", "seconds", "us a chunk"], nights)}

## A thousand workers

{CREW} workers that are done at once: latents handed out, segments taken back, chunks marked.

{table(["chunks", "seconds", "ms a chunk"], crew)}

## Joining

{table(["segments", "seconds", "ms a segment"], joins)}""",
    )


if __name__ == "__main__":
    main()

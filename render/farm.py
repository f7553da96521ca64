"""Long films in chunks: planned once, rendered in any order by any number of hands, and joined.

Where it was stopped, killed or lost its power, the same command goes on: finished chunks are kept.
"""

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from synth import generators
from synth.bank import Bank
from synth.digest import sha256_of
from synth.generators import Generator
from synth.generators.handover import drawn_ahead
from synth.knobs import Knobs, knobs_of
from synth.latents import Latent
from synth.performance import performance_of
from synth.sound import hops_of
from synth.trouble import Trouble

from .film import check_film, unwritable
from .fit import fitted
from .manifest import (
    Inputs,
    Manifest,
    differences,
    rate,
    read_manifest,
    verified,
)
from .plan import read_plan, write_plan
from .segment import join, write_segment
from .song import Job, Outcome, Progress, batches, limiter, shader, visual_for
from .timeline import latents_of

LEAD = 1.0  # seconds before a chunk that are drawn and thrown away, to know what flashed
_BATCH = 4

Say = Callable[[str], None]
Told = Callable[[int], None]
# Renders chunks; tells the number of each that is done, and frames on the way where it can.
Work = Callable[[Manifest, Sequence[int], Told, Told], None]


def inputs_of(
    job: Job, knobs: Knobs, generator: Generator, weights: Path | None, *, chunk: int, how: str
) -> Inputs:
    """What decides the film; `how` names the generator's precision and engine."""
    hands = ""
    if job.performance is not None:
        hands = sha256_of(job.performance.folder / "events.jsonl")
    if job.bank is not None:
        hands += sha256_of(job.bank.path)
    return Inputs(
        song=sha256_of(job.song),
        hands=hands,
        knobs=knobs.model_dump(mode="json"),
        generator={
            "name": generator.name,
            "weights": sha256_of(weights) if weights is not None else "",
            "width": generator.width,
            "resolution": generator.resolution,
            "how": how,
        },
        size=job.size,
        fps=str(job.fps),
        quality=job.quality,
        start=job.start,
        duration=job.duration,
        chunk=chunk,
        version=metadata.version("latent-jockey"),
    )


def call_of(job: Job, generator: dict[str, Any]) -> dict[str, Any]:
    """What another process needs to work on the same film: places, and the generator's options."""
    return {
        "song": str(job.song.resolve()),
        "film": str(job.film.resolve()),
        "bank": str(job.bank.path.resolve()) if job.bank else "",
        "performance": str(job.performance.folder.resolve()) if job.performance else "",
        "generator": generator,
    }


def job_of(manifest: Manifest) -> Job:
    """The job that a manifest belongs to."""
    call, inputs = manifest.call, manifest.inputs
    return Job(
        song=Path(call["song"]),
        film=Path(call["film"]),
        size=inputs.size,
        fps=rate(inputs),
        start=inputs.start,
        duration=inputs.duration,
        quality=inputs.quality,
        performance=performance_of(Path(call["performance"])) if call["performance"] else None,
        bank=Bank(Path(call["bank"])) if call["bank"] else None,
    )


def generator_of(manifest: Manifest, device: str | None = None) -> Generator:
    """The generator of a manifest, made again; on another device when one is named."""
    options = dict(manifest.call["generator"])
    options["weights"] = Path(options["weights"]) if options["weights"] else None
    if device is not None:
        options["device"] = device
    return generators.generator_of(options.pop("name"), **options)


def folder_of(film: Path) -> Path:
    """Where a film's chunks stand until it is whole."""
    return film.with_name(f"{film.stem}.parts")


def chunk_of(film: Path) -> int | None:
    """Frames of a chunk in the render that was begun for this film; None where there is none."""
    folder = folder_of(film)
    return read_manifest(folder).inputs.chunk if (folder / "manifest.json").is_file() else None


def opened(job: Job, inputs: Inputs, call: dict[str, Any], say: Say) -> Manifest:
    """The render that was begun before, if it is the same one; else a new one."""
    folder = folder_of(job.film)
    check_film(job.film, job.size, job.song)
    if (folder / "manifest.json").is_file():
        manifest = read_manifest(folder)
        changes = differences(manifest.inputs, inputs)
        if not changes:
            spoiled = verified(manifest)
            if spoiled:
                say(f"{len(spoiled)} chunks were damaged and are made again")
            if manifest.plan:
                there = len(manifest.chunks)
                say(f"going on: {there - len(manifest.missing())} of {there} chunks are done")
            manifest.call = call
            return manifest
        say(f"{folder}: was begun with another {', '.join(changes)}; it begins anew")
        shutil.rmtree(folder)
    try:
        folder.mkdir(exist_ok=True)
        manifest = Manifest(folder, inputs, call=call)
        manifest.save()
    except OSError as error:
        raise unwritable(folder, error) from None
    return manifest


def plan(manifest: Manifest, job: Job, generator: Generator, knobs: Knobs) -> None:
    """Compute the latents of the whole film, unless that was done before."""
    if manifest.plan:
        return
    visual = visual_for(job, generator, knobs)
    latents = latents_of(hops_of(job.song), visual, job.fps, start=job.start, duration=job.duration)
    first = next(latents, None)
    if first is None:
        raise Trouble(f"{job.song}: ends before {job.start:g} s; use an earlier --start")
    bands = knobs.bands
    apart = job.performance is not None or any((bands.bass, bands.mid, bands.treble))
    try:
        count, digest = write_plan(manifest.plan_file, _with(first, latents), apart=apart)
    except OSError as error:
        raise unwritable(manifest.plan_file, error) from None
    manifest.planned(count, digest, embedding=len(first.embedding), apart=apart)


def _with(first: Latent, rest: Iterator[Latent]) -> Iterator[Latent]:
    yield first
    yield from rest


def render_chunk(
    manifest: Manifest,
    number: int,
    generator: Generator,
    job: Job,
    told: Told = lambda _frames: None,
) -> None:
    """Draw and encode one chunk into its segment; `told` hears of frames on the way."""
    begin, latents = latents_for(manifest, number)
    render_latents(manifest, number, begin, latents, generator, job, told)


def latents_for(manifest: Manifest, number: int) -> tuple[int, Sequence[Latent]]:
    """The latents of a chunk and of what must be drawn before it, from a frame's number on."""
    knobs = _knobs(manifest)
    frames = manifest.frames_of(number)
    lead = round(LEAD * rate(manifest.inputs)) if knobs.look.flash_limit else 0
    begin = max(0, frames.start - lead)
    return begin, read_plan(
        manifest.plan_file,
        range(begin, frames.stop),
        embedding=manifest.embedding,
        apart=manifest.apart,
    )


def render_latents(
    manifest: Manifest,
    number: int,
    begin: int,
    latents: Sequence[Latent],
    generator: Generator,
    job: Job,
    told: Told = lambda _frames: None,
) -> None:
    """Draw latents from frame `begin` on, and encode those of the chunk into its segment."""
    first = manifest.frames_of(number).start
    drawn = _pictures(latents, begin, generator, job, _knobs(manifest))
    try:
        write_segment(
            manifest.segment(number),
            _counted(islice(drawn, first - begin, None), told),
            size=manifest.inputs.size,
            fps=rate(manifest.inputs),
            quality=manifest.inputs.quality,
        )
    except OSError as error:
        raise unwritable(manifest.segment(number), error) from None


def _knobs(manifest: Manifest) -> Knobs:
    return knobs_of(manifest.inputs.knobs, str(manifest.folder / "manifest.json"))


def _pictures(
    latents: Sequence[Latent], first: int, generator: Generator, job: Job, knobs: Knobs
) -> Iterator[np.ndarray]:
    """Fitted pictures, held back where they would flash, in order."""
    limited, shaded = limiter(knobs, job.fps), shader(job)
    number = first
    for pictures in drawn_ahead(generator, batches(latents, _BATCH)):
        for picture in pictures:
            yield fitted(shaded(limited(picture, number), number), job.size, knobs.look.fit)
            number += 1


def _counted(pictures: Iterable[np.ndarray], told: Told) -> Iterator[np.ndarray]:
    for number, picture in enumerate(pictures):
        told(number)
        yield picture


def work_here(generator: Generator, job: Job) -> Work:
    """Chunk after chunk in this process."""

    def work(manifest: Manifest, chunks: Sequence[int], done: Told, told: Told) -> None:
        for number in chunks:
            render_chunk(manifest, number, generator, job, told)
            done(number)

    return work


def render_in_chunks(manifest: Manifest, job: Job, work: Work, progress: Progress) -> Outcome:
    """Render what is missing, join all, and clear up; Ctrl-C keeps every finished chunk.

    Then what is done so far is in `NAME.partial.mp4`, and the same job goes on from there.
    """
    begun, drawn = time.monotonic(), manifest.done
    progress(drawn, manifest.frames)

    def done(number: int) -> None:
        nonlocal drawn
        manifest.finished(number)
        drawn += manifest.chunks[number].frames
        progress(drawn, manifest.frames)

    def told(frames: int) -> None:
        progress(drawn + frames, manifest.frames)

    whole = True
    try:
        work(manifest, manifest.missing(), done, told)
        manifest.save()
    except KeyboardInterrupt:
        whole = False
    film = job.film if whole else job.film.with_name(f"{job.film.stem}.partial.mp4")
    segments = list(_finished(manifest, whole=whole))
    copied = False
    if segments:
        copied = join(film, segments, song=job.song, start=job.start, fps=job.fps)
    if whole:
        shutil.rmtree(manifest.folder)
    frames = sum(count for _, count in segments)
    return Outcome(
        film=film,
        frames=frames,
        seconds=float(frames / job.fps),
        took=time.monotonic() - begun,
        sound_copied=copied,
        whole=whole,
    )


def _finished(manifest: Manifest, *, whole: bool) -> Iterable[tuple[Path, int]]:
    """Segments from the film's beginning up to the first that is missing."""
    for number, chunk in enumerate(manifest.chunks):
        if chunk.sha256:
            yield manifest.segment(number), chunk.frames
            continue
        assert not whole
        partial = manifest.segment(number).with_suffix(".partial.mp4")
        if partial.is_file():
            yield partial, _frames_in(partial)
        return


def _frames_in(segment: Path) -> int:
    import av

    with av.open(segment) as file:
        return file.streams.video[0].frames

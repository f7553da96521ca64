"""Long films in chunks: planned once, rendered in any order by any number of hands, and joined.

Where it was stopped, killed or lost its power, the same command goes on: finished chunks are kept.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from importlib import metadata
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from synth import generators
from synth.audio_file import hops_of
from synth.digest import sha256_of
from synth.errors import UserError
from synth.generators import Generator
from synth.generators.device_to_host import drawn_ahead
from synth.latents.bank import Bank
from synth.latents.latent import Latent
from synth.session import load_session
from synth.settings.knobs import Knobs, knobs_of
from synth.sink import shaded

from . import disk
from .disk import unwritable
from .fit import fitted
from .manifest import NAME, Inputs, Manifest, rate
from .parts import cleared
from .plan import is_apart, read_plan, write_plan
from .segment import join, write_segment
from .song import Job, Outcome, Progress, batches, limiter, shades, visual_for
from .timeline import latents_of

LEAD = 1.0  # seconds before a chunk that are drawn and thrown away, to know what flashed
_BATCH = 4

Told = Callable[[int], None]
T = TypeVar("T")
# Renders chunks; tells the number of each that is done, and frames on the way where it can.
Work = Callable[[Manifest, Sequence[int], Told, Told], None]


def inputs_of(
    job: Job, knobs: Knobs, generator: Generator, weights: Path | None, *, chunk: int, how: str
) -> Inputs:
    """What decides the film; `how` names the generator's precision and engine."""
    hands = ""
    if job.session is not None:
        hands = sha256_of(job.session.folder / "events.jsonl")
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
        "performance": str(job.session.folder.resolve()) if job.session else "",
        "generator": generator,
    }


def job_of(manifest: Manifest) -> Job:
    """The job that a manifest belongs to."""
    inputs = manifest.inputs
    song, film, bank, session = (
        _call(manifest, name, str) for name in ("song", "film", "bank", "performance")
    )
    return Job(
        song=Path(song),
        film=Path(film),
        size=inputs.size,
        fps=rate(inputs),
        start=inputs.start,
        duration=inputs.duration,
        quality=inputs.quality,
        session=load_session(Path(session)) if session else None,
        bank=Bank(Path(bank)) if bank else None,
    )


def _call(manifest: Manifest, name: str, kind: type[T]) -> T:
    """A part of what `call_of` told; UserError where it is not there."""
    value = manifest.call.get(name)
    if not isinstance(value, kind):
        raise UserError(
            f"{manifest.folder / NAME}: call.{name} is missing; run lj render once more"
        )
    return value


def generator_of(manifest: Manifest, device: str | None = None) -> Generator:
    """The generator of a manifest, made again; on another device when one is named."""
    options: dict[str, Any] = {"name": ""} | _call(manifest, "generator", dict)
    options["weights"] = Path(options["weights"]) if options.get("weights") else None
    if device is not None:
        options["device"] = device
    return generators.generator_of(options.pop("name"), **options)


def plan(manifest: Manifest, job: Job, generator: Generator, knobs: Knobs) -> None:
    """Compute the latents of the whole film, unless that was done before."""
    if manifest.has_plan:
        return
    engine = visual_for(job, generator, knobs)
    latents = latents_of(hops_of(job.song), engine, job.fps, start=job.start, duration=job.duration)
    first = next(latents, None)
    if first is None:
        raise UserError(f"{job.song}: ends before {job.start:g} s; use an earlier --start")
    apart = is_apart(job, knobs)
    working = disk.beside(manifest.plan_file)
    try:
        frames, digest = write_plan(working, _with(first, latents), apart=apart)
        _check_again(manifest, digest)
        disk.replace(working, manifest.plan_file)
    except OSError as error:
        raise unwritable(manifest.plan_file, error) from error
    finally:
        working.unlink(missing_ok=True)
    if digest != manifest.plan:
        manifest.planned(frames, digest, embedding=len(first.embedding), apart=apart)


def _check_again(manifest: Manifest, digest: str) -> None:
    """UserError where a plan that was lost comes out differently, but chunks were drawn from it."""
    if manifest.done and digest != manifest.plan:
        raise UserError(
            f"{manifest.plan_file}: was lost, and this machine plans it differently; go on where "
            f"it was begun, or move {manifest.folder} away"
        )


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
        raise unwritable(manifest.segment(number), error) from error


def _knobs(manifest: Manifest) -> Knobs:
    return knobs_of(manifest.inputs.knobs, str(manifest.folder / "manifest.json"))


def _pictures(
    latents: Sequence[Latent], first: int, generator: Generator, job: Job, knobs: Knobs
) -> Iterator[np.ndarray]:
    """Fitted pictures, held back where they would flash, in order."""
    limited, shade = limiter(knobs, job.fps), shades(job)
    number = first
    for pictures in drawn_ahead(generator, batches(latents, _BATCH)):
        for picture in pictures:
            dimmed = shaded(limited(picture, number), shade(number))
            yield fitted(dimmed, job.size, knobs.look.fit)
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
    copied, damaged = False, 0
    if segments:
        copied, damaged = join(film, segments, song=job.song, start=job.start, fps=job.fps)
    if whole:
        _clear(manifest.folder, film)
    frames = sum(count for _, count in segments)
    return Outcome(
        film=film,
        frames=frames,
        seconds=float(frames / job.fps),
        took=time.monotonic() - begun,
        sound_copied=copied,
        whole=whole,
        damaged=damaged,
    )


def _clear(folder: Path, film: Path) -> None:
    try:
        cleared(folder)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"{film} is whole, but {folder} cannot be removed ({reason})") from error


def _finished(manifest: Manifest, *, whole: bool) -> Iterable[tuple[Path, int]]:
    """Segments from the film's beginning up to the first that is missing."""
    for number, chunk in enumerate(manifest.chunks):
        if chunk.sha256:
            yield manifest.segment(number), chunk.frames
            continue
        assert not whole
        partial = manifest.segment(number).with_suffix(".partial.mp4")
        if partial.is_file() and (frames := _frames_in(partial)):
            yield partial, frames
        return


def _frames_in(segment: Path) -> int:
    """Frames of what is there of a chunk; 0 where a crash spoiled it."""
    import av

    with suppress(av.FFmpegError, IndexError), av.open(segment) as file:
        return file.streams.video[0].frames
    return 0

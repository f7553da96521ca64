"""The offline main job: a song in, a film out."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from synth.audio_file import hops_of, song_of
from synth.engine import Engine
from synth.errors import UserError
from synth.flashes import FlashLimiter
from synth.generators import Generator
from synth.generators.device_to_host import drawn_ahead
from synth.latents.bank import Bank
from synth.latents.keyframes import Cues
from synth.session import Replay, Session
from synth.settings.knobs import Knobs

from .film import Film
from .fit import Size
from .timeline import latents_of

_BATCH = 4
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Job:
    """What to render."""

    song: Path
    film: Path
    size: Size
    fps: Fraction
    start: float = 0.0  # seconds into the song
    duration: float | None = None  # seconds; to the song's end when None
    quality: str = "good"
    session: Session | None = None  # whose hands play; its sound is the song
    bank: Bank | None = None  # keyframes that come at their own times


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of it."""

    film: Path
    frames: int
    seconds: float  # of film
    took: float  # seconds of work
    sound_copied: bool
    whole: bool  # false when it was stopped by Ctrl-C
    damaged: int = 0  # packets of the song's sound that the film lacks


Change = Callable[[np.ndarray, int], np.ndarray]  # of a picture and its number
Progress = Callable[[int, int | None], None]  # frames so far, frames in all if known


def expected_frames(job: Job) -> int | None:
    """How many frames the song's own claim of length makes; None when it makes none."""
    claimed = song_of(job.song).seconds
    if claimed is None:
        return None if job.duration is None else int(job.duration * job.fps)
    left = max(0.0, claimed - job.start)
    return int(min(left, job.duration if job.duration is not None else left) * job.fps)


def render(job: Job, generator: Generator, knobs: Knobs, progress: Progress) -> Outcome:
    """Render the job; memory stays the same however long the song is.

    Ctrl-C ends it early and keeps what there is; every other failure raises UserError.
    """
    begun = time.monotonic()
    total = expected_frames(job)
    engine = visual_for(job, generator, knobs)
    latents = latents_of(hops_of(job.song), engine, job.fps, start=job.start, duration=job.duration)
    film = Film(
        job.film,
        size=job.size,
        fps=job.fps,
        song=job.song,
        start=job.start,
        fit=knobs.look.fit,
        quality=job.quality,
    )
    limited, shade = limiter(knobs, job.fps), shades(job)
    whole = True
    try:
        with film:
            for pictures in drawn_ahead(generator, batches(latents, _BATCH)):
                for picture in pictures:
                    number = film.frames
                    film.frame(limited(picture, number), shade(number), film.seconds)
                progress(film.frames, total)
            if film.frames == 0:
                raise UserError(f"{job.song}: ends before {job.start:g} s; use an earlier --start")
    except KeyboardInterrupt:
        whole = False
    return Outcome(
        film=film.path if whole else film.partial,
        frames=film.frames,
        seconds=film.seconds,
        took=time.monotonic() - begun,
        sound_copied=film.sound_copied,
        whole=whole,
        damaged=film.damaged,
    )


def visual_for(job: Job, generator: Generator, knobs: Knobs) -> Engine:
    """What hears the song: played by nobody, or by a session's hands."""
    if job.session is None:
        cues = Cues(job.bank, follows=True) if job.bank is not None else None
        return Engine(knobs, generator.embed, cues)
    follows = bool(job.session.about.get("follows"))
    cues = Cues(job.bank, follows=follows) if job.bank is not None else None
    return Replay(job.session, generator.embed, cues)


def shades(job: Job) -> Callable[[int], float]:
    """How bright each picture is, by its number: 1, less where a session was blacked out."""
    session = job.session
    if session is None or not session.darkens:
        return lambda _number: 1.0
    return lambda number: session.shade(job.start + float(number / job.fps))


def limiter(knobs: Knobs, fps: Fraction) -> Change:
    """What holds back frames that would flash too often."""
    if not knobs.look.flash_limit:
        return lambda picture, _number: picture
    flashes = FlashLimiter()
    return lambda picture, number: flashes.limited(picture, float(number / fps))


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of up to `size` items, in order."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch

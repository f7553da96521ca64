"""`lj render`: songs in, films out."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options

if TYPE_CHECKING:
    from render.song import Job, Outcome
    from synth.generators import Generator
    from synth.latents.bank import Bank
    from synth.settings.preset import Preset

    from .console import Advance
    from .farm import Farm
    from .generator_setup import Choice

_CHUNK = 1800  # frames; shorter films are rendered in one go


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that films can be asked for."""

    songs: Annotated[
        list[Path],
        typer.Argument(
            metavar="SONG...", help="Sound files, videos with sound, or .ljlog folders."
        ),
    ]
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The film to write, .mp4.")
    ] = None
    folder: Annotated[
        Path | None, typer.Option("--folder", "-O", help="A folder for a film of each song.")
    ] = None
    preset: options.PresetOption = options.DEFAULT_PRESET
    settings: options.SetOption = None
    generator: options.GeneratorOption = None
    weights: options.WeightsOption = None
    device: options.DeviceOption = "auto"
    engine: options.EngineOption = "torch"
    precision: options.PrecisionOption = "auto"
    size: Annotated[str, typer.Option(help="Width x height, even, or one side.")] = "512x512"
    fps: Annotated[str, typer.Option(help="Frames a second: 24, 30, 60, 29.97, 30000/1001.")] = "30"
    fit: options.FitOption = None
    quality: Annotated[str, typer.Option(help="draft, good or best.")] = "good"
    start: options.StartOption = 0.0
    duration: options.DurationOption = None
    bank: options.BankOption = None
    chunk: Annotated[
        int | None,
        typer.Option(min=1, help="Frames of a chunk; a stopped render goes on from the last."),
    ] = None
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes: one for each GPU, else one.")
    ] = None
    ray: Annotated[
        str | None, typer.Option(help="Render on a Ray cluster: auto, or HOST:PORT of its head.")
    ] = None
    plan: Annotated[
        bool, typer.Option("--plan", help="Only plan the chunks, for lj render-chunk.")
    ] = False
    quiet: options.QuietOption = False
    as_json: options.JsonOption = False

    @property
    def choice(self) -> "Choice":
        """The generator that was asked for."""
        from .generator_setup import Choice

        return Choice(self.generator, self.weights, self.device, self.engine, self.precision)

    def check(self) -> None:
        """UserError for what cannot be meant, before anything slow begins."""
        from render.film import QUALITIES, rate_of, size_of
        from synth.errors import UserError

        if self.quality not in QUALITIES:
            raise UserError(f"--quality is {self.quality}; use {', '.join(QUALITIES)}")
        size_of(self.size), rate_of(self.fps)


@options.taken_by(Settings)
def render(asked: Settings) -> None:
    """Render songs, or sessions that `lj live --log` wrote, as films with their sound.

    A render that was stopped or killed goes on when the same command is run again.
    """
    from synth.errors import UserError

    from .console import note
    from .generator_setup import bank_for

    asked.check()
    films = _films(asked.songs, asked.output, asked.folder)
    bank = bank_for(asked.bank, asked.choice)
    failed: list[str] = []
    causes: list[Exception] = []
    for song, film in films:
        try:
            outcome = _one(song, film, asked, bank)
        except Exception as error:
            if len(films) == 1:
                raise
            trouble = error if isinstance(error, UserError) else f"{song}: {error!r}"
            failed.append(str(trouble))
            causes.append(error)
            note(f"lj: {trouble}", quiet=asked.quiet)
        else:
            _told_of(outcome, asked)
    if failed:
        text = f"{len(failed)} of {len(films)} songs failed: {'; '.join(failed)}"
        raise UserError(text) from ExceptionGroup("songs", causes)


def _told_of(outcome: "Outcome | None", asked: Settings) -> None:
    """Tell of a film; one that was stopped stops those after it."""
    from .console import print_json

    if outcome is not None and asked.as_json:
        print_json(outcome)
    if outcome is not None and not outcome.whole:
        raise typer.Exit(130)


def _films(songs: list[Path], output: Path | None, folder: Path | None) -> list[tuple[Path, Path]]:
    """Each song with its film."""
    from synth.errors import UserError

    if (output is None) == (folder is None):
        raise UserError("name the film with -o, or a folder for the films with -O")
    if folder is not None:
        if not folder.is_dir():
            raise UserError(f"{folder}: no such folder; make it first")
        films = [(song, folder / f"{song.stem}.mp4") for song in songs]
        twice = {film.name for _, film in films if [f for _, f in films].count(film) > 1}
        if twice:
            raise UserError(f"two songs would become {', '.join(sorted(twice))}; render them apart")
        return films
    if len(songs) > 1:
        raise UserError(f"{len(songs)} songs cannot become one film; use -O FOLDER")
    assert output is not None
    return [(songs[0], output)]


def _one(song: Path, film: Path, asked: Settings, bank: "Bank | None") -> "Outcome | None":
    """Render one song; None when it was only planned."""
    from render.film import check_film
    from render.song import expected_frames
    from synth.audio_file import song_of

    from .console import frame_progress, note
    from .generator_setup import generator_for

    job, look, choice = _job(song, film, asked, bank)
    check_film(film, job.size, job.song)
    song_of(job.song)
    frames, quiet = expected_frames(job), asked.quiet
    renderer = generator_for(choice, job.size, look.knobs.look, frames=frames, quiet=quiet)
    note(f"preset: {look.name} ({look.description})", quiet=quiet)
    with frame_progress(float(job.fps), quiet=quiet) as progress:
        outcome, farm = _rendered(job, renderer, look, choice, asked, frames, progress)
    if outcome is not None and outcome.whole:
        note(_told(outcome), quiet=quiet)
    elif outcome is not None:
        note(f"lj: {_stopped(outcome, farm)}")
    return outcome


def _job(
    song: Path, film: Path, asked: Settings, bank: "Bank | None"
) -> "tuple[Job, Preset, Choice]":
    """What shall be rendered, with which look, on which generator."""
    from dataclasses import replace

    from render.film import rate_of, size_of
    from render.song import Job
    from synth.session import SUFFIX, load_session

    from .generator_setup import played, preset_with

    session, choice = load_session(song) if song.suffix == SUFFIX else None, asked.choice
    if session is not None:
        look, name = played(session, asked.preset, asked.settings, asked.fit, choice.name)
        choice, song = replace(choice, name=name), session.sound
    else:
        look = preset_with(asked.preset, asked.settings, asked.fit)
    size, fps = size_of(asked.size), rate_of(asked.fps)
    job = Job(song, film, size, fps, asked.start, asked.duration, asked.quality, session, bank)
    return job, look, choice


def _rendered(
    job: "Job",
    renderer: "Generator",
    look: "Preset",
    choice: "Choice",
    asked: Settings,
    frames: int | None,
    progress: "Advance",
) -> "tuple[Outcome | None, Farm | None]":
    """In one go, or in chunks; no outcome where the chunks were only planned."""
    from render.parts import chunk_of
    from render.song import render as render_song

    from .console import note
    from .farm import Farm

    straight = asked.chunk is None and asked.ray is None and not asked.plan
    begun = chunk_of(job.film, lambda text: note(text, quiet=asked.quiet))
    if straight and not _long(frames) and begun is None:
        return render_song(job, renderer, look.knobs, progress), None
    chunk = asked.chunk or begun or _CHUNK
    farm = Farm(job, renderer, look.knobs, choice, chunk, quiet=asked.quiet)
    if asked.plan:
        note(f"{farm.folder}: {farm.chunks} chunks are planned", quiet=asked.quiet)
        return None, farm
    return farm.render(asked.workers, asked.ray, progress), farm


def _told(outcome: "Outcome") -> str:
    lacks = f"; {outcome.damaged} damaged packets of it are left out" if outcome.damaged else ""
    return (
        f"{outcome.film}: {outcome.frames} frames, {outcome.seconds:.1f} s of film in "
        f"{outcome.took:.1f} s, sound {'copied' if outcome.sound_copied else 'encoded as AAC'}"
        f"{lacks}"
    )


def _stopped(outcome: "Outcome", farm: "Farm | None") -> str:
    """What a render that was told to stop leaves behind."""
    said = ["stopped"]
    if farm is not None:
        said.append(
            f"{farm.done} of {farm.chunks} chunks are done, and the same command goes on from there"
        )
    if outcome.frames:
        said.append(f"what was done is in {outcome.film}")
    return "; ".join(said)


def _long(frames: int | None) -> bool:
    return frames is not None and frames > _CHUNK


def render_chunk(
    manifest: Annotated[Path, typer.Argument(help="The folder NAME.parts of a render.")],
    numbers: Annotated[list[int], typer.Argument(metavar="K...", help="Chunks, from 0.")],
    device: Annotated[str | None, typer.Option(help="Another device than was asked for.")] = None,
    quiet: options.QuietOption = False,
) -> None:
    """Render single chunks of a render that was begun: for farms; see the README."""
    from render import farm
    from render.lock import lend_a_hand
    from render.manifest import NAME, read_manifest
    from synth.errors import UserError

    from .console import note

    place = manifest.parent if manifest.name == NAME else manifest
    begun = read_manifest(place)
    if not begun.chunks:
        raise UserError(f"{place}: is not planned yet; run lj render --plan first")
    for number in numbers:
        if not 0 <= number < len(begun.chunks):
            raise UserError(f"chunk {number}: there is none; use 0 to {len(begun.chunks) - 1}")
    lend_a_hand(place)
    renderer: Any = farm.generator_of(begun, device)
    for number in numbers:
        if begun.holds(number):
            note(f"chunk {number} is done already", quiet=quiet)
            continue
        farm.render_chunk(begun, number, renderer, farm.job_of(begun))
        begun.finished(number)
        note(f"chunk {number}: {begun.chunks[number].frames} frames", quiet=quiet)

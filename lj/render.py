"""`lj render`: a song in, a film out."""

from pathlib import Path
from typing import Annotated

import typer

from . import options


def render(
    song: options.SongArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="The film to write, .mp4.")],
    preset: options.PresetOption = options.DEFAULT_PRESET,
    settings: options.SetOption = None,
    generator: options.GeneratorOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    engine: options.EngineOption = "torch",
    precision: options.PrecisionOption = "auto",
    size: Annotated[str, typer.Option(help="Width x height, even, or one side.")] = "512x512",
    fps: Annotated[
        str, typer.Option(help="Frames a second: 24, 30, 60, 29.97, 30000/1001.")
    ] = "30",
    fit: options.FitOption = None,
    quality: Annotated[str, typer.Option(help="draft, good or best.")] = "good",
    start: options.StartOption = 0.0,
    duration: options.DurationOption = None,
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Render a song, or a performance that `lj live --log` wrote, as a film with its sound."""
    from render.film import QUALITIES, rate_of, size_of
    from render.song import Job, expected_frames
    from render.song import render as render_song
    from synth.performance import SUFFIX, performance_of
    from synth.sound import song_of
    from synth.trouble import Trouble

    from .console import frame_progress, note, print_json
    from .studio import Choice, generator_for, played, preset_with

    if quality not in QUALITIES:
        raise Trouble(f"--quality is {quality}; use {', '.join(QUALITIES)}")
    performance = performance_of(song) if song.suffix == SUFFIX else None
    if performance is not None:
        look, generator = played(performance, preset, settings, fit, generator)
        song = performance.sound
    else:
        look = preset_with(preset, settings, fit)
    job = Job(song, output, size_of(size), rate_of(fps), start, duration, quality, performance)
    song_of(song)
    artist = generator_for(
        Choice(generator, weights, device, engine, precision),
        job.size,
        look.knobs.look,
        frames=expected_frames(job),
        quiet=quiet,
    )
    note(f"preset: {look.name} ({look.description})", quiet=quiet)
    with frame_progress(float(job.fps), quiet=quiet) as progress:
        outcome = render_song(job, artist, look.knobs, progress)
    note(
        f"{outcome.film}: {outcome.frames} frames, {outcome.seconds:.1f} s of film in "
        f"{outcome.took:.1f} s, sound {'copied' if outcome.sound_copied else 'encoded as AAC'}",
        quiet=quiet,
    )
    if as_json:
        print_json(outcome)
    if not outcome.whole:
        if outcome.frames:
            note(f"stopped early; what was done is in {outcome.film}", quiet=quiet)
        raise typer.Exit(130)

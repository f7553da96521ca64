"""`lj sheet`: one PNG that shows a film's pictures over what was heard."""

from pathlib import Path
from typing import Annotated

import typer

from . import options


def sheet(
    source: Annotated[Path, typer.Argument(help="A film, or a song to look at without rendering.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The picture to write, .png.")],
    preset: options.PresetOption = options.DEFAULT_PRESET,
    settings: options.SetOption = None,
    generator: options.GeneratorOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    columns: Annotated[int, typer.Option(min=1, max=24)] = 8,
    rows: Annotated[int, typer.Option(min=1, max=24)] = 3,
    quiet: options.QuietOption = False,
) -> None:
    """Draw a contact sheet of a film, or of a song with a preset, with the features under it."""
    from render.sheet import draw, pictures_of_film, pictures_of_song
    from synth.audio_file import has_moving_picture

    from .console import note
    from .generator_setup import Choice, generator_for, preset_with

    look = preset_with(preset, settings, None)
    if has_moving_picture(source):
        pictures = pictures_of_film(source, columns * rows)
    else:
        renderer = generator_for(
            Choice(generator, weights, device),
            (256, 256),
            look.knobs.look,
            frames=columns * rows,
            quiet=quiet,
        )
        pictures = pictures_of_song(source, renderer, look.knobs, columns * rows)
    draw(source, pictures, columns, output, look.knobs.hear)
    note(f"{output}: {len(pictures)} pictures", quiet=quiet)

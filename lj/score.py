"""`lj score`: lyrics in, a bank of keyframes out."""

from pathlib import Path
from typing import Annotated

import typer

from . import options


def score(
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SONG [LYRICS]", help="A song, and LRC, SRT, WebVTT or plain text."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The bank to write, .ljbank.")
    ] = None,
    show: Annotated[
        Path | None, typer.Option("--show", help="List a bank's keyframes instead.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Draw a storyboard, .png; it grows with the search."),
    ] = None,
    look: Annotated[
        Path | None,
        typer.Option(help="Write a preset with the 12 classes closest to the words, .toml."),
    ] = None,
    clip: Annotated[
        str | None,
        typer.Option(help="CLIP: MODEL/PRETRAINED, local-dir:FOLDER, or tiny-random to try."),
    ] = None,
    sbert: Annotated[
        str | None,
        typer.Option(help="Read for --look with SBERT instead: all-MiniLM-L6-v2 or a folder."),
    ] = None,
    clap: Annotated[
        str | None,
        typer.Option(
            help="Where nobody sings, let CLAP hear what to show: laion/clap-htsat-unfused, "
            "a folder, or tiny-random to try."
        ),
    ] = None,
    vibe: Annotated[
        list[str] | None, typer.Option("--vibe", help="A style: painting, dark, weird, neon …")
    ] = None,
    vibes: Annotated[Path | None, typer.Option(help="A TOML file of vibes of your own.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="Steps of the search for a line.")] = 100,
    samples: Annotated[int, typer.Option(min=1, help="Starts that are tried for a line.")] = 64,
    restarts: Annotated[int, typer.Option(min=1, help="Searches for a line; the best stays.")] = 1,
    apart: Annotated[
        bool, typer.Option(help="Search coarse, middle and fine sizes each for itself.")
    ] = False,
    consistency: Annotated[
        float, typer.Option(min=0, max=1, help="How much of a line stays in the next one's aim.")
    ] = 0.25,
    phrases: Annotated[
        str | None, typer.Option(help="Join and split lines to last MIN,MAX seconds.")
    ] = None,
    avoid: Annotated[
        str | None,
        typer.Option(help="Classes and groups that no picture may begin with: spiders,volcano,77."),
    ] = None,
    truncation: Annotated[float, typer.Option(min=0.02, max=1)] = 0.7,
    seed: Annotated[int, typer.Option(min=0, help="Which of all possible searches.")] = 0,
    generator: options.GeneratorOption = None,
    weights: options.WeightsOption = None,
    device: options.DeviceOption = "auto",
    quiet: options.QuietOption = False,
    as_json: options.JsonOption = False,
) -> None:
    """Find a picture for every line of a song with CLIP, before the show.

    A search that was stopped or killed goes on: finished lines are not searched again.
    """
    from synth.errors import UserError

    from .storyboard import check, draw, listed, of_bank

    if sheet is not None:
        check(sheet)
    if show is not None:
        listed(show, as_json=as_json)
        if sheet is not None:
            draw(of_bank(show), sheet)
        return
    if not files or (output is None and look is None) or len(files) > 2:
        raise UserError("name a song, its lyrics, and a bank with -o; or a bank with --show")
    if sheet is not None and output is None:
        raise UserError(f"--sheet {sheet}: a storyboard needs a bank; name one with -o or --show")
    from .keyframing import Order, keyframes, write_look

    order = Order(
        song=files[0],
        lyrics=files[-1],
        bank=output,
        sheet=sheet,
        clip=clip,
        sbert=sbert,
        clap=clap,
        vibes=tuple(vibe or ()),
        vibes_file=vibes,
        phrases=phrases,
        avoid=avoid,
        steps=steps,
        samples=samples,
        restarts=restarts,
        apart=apart,
        consistency=consistency,
        truncation=truncation,
        seed=seed,
    )
    if look is not None:
        write_look(order, look, quiet=quiet)
    if output is None:
        return
    keyframes(order, generator, weights, device, quiet=quiet)
    listed(output, as_json=as_json)

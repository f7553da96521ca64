"""`lj score`: lyrics in, a bank of keyframes out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from . import options


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a search can be asked for."""

    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="SONG [LYRICS]", help="A song, and LRC, SRT, WebVTT or plain text."),
    ] = None
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The bank to write, .ljbank.")
    ] = None
    show: Annotated[
        Path | None, typer.Option("--show", help="List a bank's keyframes instead.")
    ] = None
    sheet: Annotated[
        Path | None,
        typer.Option("--sheet", help="Draw a storyboard, .png; it grows with the search."),
    ] = None
    look: Annotated[
        Path | None,
        typer.Option(help="Write a preset with the 12 classes closest to the words, .toml."),
    ] = None
    clip: Annotated[
        str | None,
        typer.Option(help="CLIP: MODEL/PRETRAINED, local-dir:FOLDER, or tiny-random to try."),
    ] = None
    sbert: Annotated[
        str | None,
        typer.Option(help="Read for --look with SBERT instead: all-MiniLM-L6-v2 or a folder."),
    ] = None
    clap: Annotated[
        str | None,
        typer.Option(
            help="Where nobody sings, let CLAP hear what to show: laion/clap-htsat-unfused, "
            "a folder, or tiny-random to try."
        ),
    ] = None
    vibe: Annotated[
        list[str] | None, typer.Option("--vibe", help="A style: painting, dark, weird, neon …")
    ] = None
    vibes: Annotated[Path | None, typer.Option(help="A TOML file of vibes of your own.")] = None
    steps: Annotated[int, typer.Option(min=0, help="Steps of the search for a line.")] = 100
    samples: Annotated[int, typer.Option(min=1, help="Starts that are tried for a line.")] = 64
    restarts: Annotated[int, typer.Option(min=1, help="Searches for a line; the best stays.")] = 1
    apart: Annotated[
        bool, typer.Option(help="Search coarse, middle and fine sizes each for itself.")
    ] = False
    consistency: Annotated[
        float, typer.Option(min=0, max=1, help="How much of a line stays in the next one's aim.")
    ] = 0.25
    phrases: Annotated[
        str | None, typer.Option(help="Join and split lines to last MIN,MAX seconds.")
    ] = None
    avoid: Annotated[
        str | None,
        typer.Option(help="Classes and groups that no picture may begin with: spiders,volcano,77."),
    ] = None
    truncation: Annotated[float, typer.Option(min=0.02, max=1)] = 0.7
    seed: Annotated[int, typer.Option(min=0, help="Which of all possible searches.")] = 0
    generator: options.GeneratorOption = None
    weights: options.WeightsOption = None
    device: options.DeviceOption = "auto"
    quiet: options.QuietOption = False
    as_json: options.JsonOption = False

    @property
    def song(self) -> Path:
        """The song."""
        assert self.files
        return self.files[0]

    @property
    def lyrics(self) -> Path:
        """What holds its words: a file of their own, or the song."""
        assert self.files
        return self.files[-1]

    def check(self) -> None:
        """UserError where something is lacking."""
        from synth.errors import UserError

        if not self.files or (self.output is None and self.look is None) or len(self.files) > 2:
            raise UserError("name a song, its lyrics, and a bank with -o; or a bank with --show")
        if self.sheet is not None and self.output is None:
            how = "a storyboard needs a bank; name one with -o or --show"
            raise UserError(f"--sheet {self.sheet}: {how}")


@options.taken_by(Settings)
def score(asked: Settings) -> None:
    """Find a picture for every line of a song with CLIP, before the show.

    A search that was stopped or killed goes on: finished lines are not searched again.
    """
    from .storyboard import check, draw, listed, of_bank

    if asked.sheet is not None:
        check(asked.sheet)
    if asked.show is not None:
        listed(asked.show, as_json=asked.as_json)
        if asked.sheet is not None:
            draw(of_bank(asked.show), asked.sheet)
        return
    asked.check()
    from .keyframing import keyframes, write_look

    if asked.look is not None:
        write_look(asked, asked.look)
    if asked.output is not None:
        keyframes(asked, asked.output)
        listed(asked.output, as_json=asked.as_json)

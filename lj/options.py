"""Options that several sub-commands share, and the checked things they stand for."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from synth import generators

DEFAULT_PRESET = "silk"


def either(names: Sequence[str]) -> str:
    """One of several, in words."""
    return " or ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


SongArgument = Annotated[Path, typer.Argument(help="A sound file, or a video with sound.")]
PresetOption = Annotated[
    str, typer.Option("--preset", "-p", help="A look: a shipped name or a .toml file.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", "-s", help="Turn one knob, e.g. steer.truncation=0.4.", metavar="KNOB=V"),
]
GeneratorOption = Annotated[
    str | None,
    typer.Option("--generator", "-g", help=f"{either(generators.names())}."),
]
WeightsOption = Annotated[
    Path | None, typer.Option(help="A BigGAN folder or file in the published format.")
]
DeviceOption = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:1.")]
EngineOption = Annotated[
    str, typer.Option(help="What runs BigGAN: torch, onnx, openvino or tensorrt.")
]
PrecisionOption = Annotated[
    str, typer.Option(help="BigGAN's numbers: half, full, or auto as the machine likes.")
]
StartOption = Annotated[float, typer.Option(min=0, help="Seconds of the song to begin at.")]
DurationOption = Annotated[
    float | None, typer.Option(min=0.001, help="Seconds to render; all when left out.")
]
BankOption = Annotated[Path | None, typer.Option(help="Keyframes that lj score made, .ljbank.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
FitOption = Annotated[
    str | None,
    typer.Option(help="How squares fill another shape: knob look.fit."),
]

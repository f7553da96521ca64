"""Options that several sub-commands share, and the checked things they stand for."""

from collections.abc import Callable, Sequence
from dataclasses import MISSING, fields
from inspect import Parameter, Signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from synth import generators

DEFAULT_PRESET = "silk"
LONGEST = 1e6  # seconds: eleven days

Settings = TypeVar("Settings")


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
StartOption = Annotated[
    float, typer.Option(min=0, max=LONGEST, help="Seconds of the song to begin at.")
]
DurationOption = Annotated[
    float | None,
    typer.Option(min=0.001, max=LONGEST, help="Seconds to render; all when left out."),
]
BankOption = Annotated[Path | None, typer.Option(help="Keyframes that lj score made, .ljbank.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
FitOption = Annotated[
    str | None,
    typer.Option(help="How squares fill another shape: knob look.fit."),
]


def taken_by(
    settings: type[Settings],
) -> Callable[[Callable[[Settings], None]], Callable[..., None]]:
    """Make a function of one settings dataclass into a command: each field is an option of it."""

    def commanded(run: Callable[[Settings], None]) -> Callable[..., None]:
        def command(**given: Any) -> None:
            run(settings(**given))

        kinds = get_type_hints(settings, include_extras=True)
        asked = [
            Parameter(
                field.name,
                Parameter.KEYWORD_ONLY,
                default=Parameter.empty if field.default is MISSING else field.default,
                annotation=kinds[field.name],
            )
            for field in fields(settings)  # type: ignore[arg-type]  # a dataclass
        ]
        command.__name__, command.__doc__, command.__module__ = (
            run.__name__,
            run.__doc__,
            run.__module__,
        )
        command.__annotations__ = kinds
        command.__signature__ = Signature(asked)  # type: ignore[attr-defined]
        return command

    return commanded

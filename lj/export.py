"""`lj export`: BigGAN as an ONNX graph for other programs and machines."""

from pathlib import Path
from typing import Annotated

import typer

from synth import generators

from . import options
from .options import either

_EXPORTED = [n for family in generators.FAMILIES if family.export for n in family.names]


def export(
    name: Annotated[str, typer.Argument(help=f"{either(_EXPORTED)}.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The graph to write, .onnx.")],
    batch: Annotated[int, typer.Option(min=1, max=64, help="Frames drawn at once; fixed.")] = 1,
    half: Annotated[
        bool, typer.Option("--half", help="Weights in float16, half the size.")
    ] = False,
    wide: Annotated[str, typer.Option(help="The knob look.wide.")] = "off",
    weights: options.WeightsOption = None,
    quiet: options.QuietOption = False,
) -> None:
    """Export BigGAN to ONNX and check it in onnxruntime on the spot."""
    from synth.errors import UserError
    from synth.generators.family import Export
    from synth.settings.knobs import knobs_of

    from .console import note

    if name not in _EXPORTED:
        raise UserError(f"“{name}” has no network to export; use {', '.join(_EXPORTED)}")
    write = generators.family_of(name).export
    assert write is not None
    if output.suffix != ".onnx" or not output.parent.is_dir():
        raise UserError(f"{output}: name a file that ends in .onnx, in a folder that exists")
    columns = knobs_of({"look": {"wide": wide}}, "--wide").look.wide
    difference = write(name, weights, output, Export(batch, half, columns))
    note(
        f"{output}: {output.stat().st_size / 1e6:.0f} MB, batch {batch}, "
        f"{'float16' if half else 'float32'}; onnxruntime differs from torch by {difference:.1e}",
        quiet=quiet,
    )

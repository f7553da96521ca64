"""A look and a generator, made ready: what `render` and `sheet` set up alike."""

from pathlib import Path

from render.fit import Size, side_for
from synth import generators
from synth.generators import Generator
from synth.preset import Preset, preset_of

from .console import note


def preset_with(name: str, settings: list[str] | None, fit: str | None) -> Preset:
    """The preset, with `--set` and `--fit` laid over it."""
    return preset_of(name, [*(settings or []), *([f"look.fit={fit}"] if fit else [])])


def generator_for(
    name: str | None, size: Size, fit: str, weights: Path | None, device: str, quiet: bool
) -> Generator:
    """Load the generator that was asked for, or the embedded one, and say which and why."""
    chosen = name or generators.DEFAULT
    side = side_for(size, fit)
    generator = generators.generator_of(
        chosen, resolution=side + side % 2, weights=weights, device=device
    )
    why = "as asked" if name else "the embedded one; choose another with --generator"
    note(f"generator: {chosen}, {generator.resolution} px ({why})", quiet=quiet)
    return generator

"""Generators: what turns latents into frames. All look alike from outside."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from synth.errors import UserError

from .family import Family
from .protocol import Generator, Options, silent
from .registry import EMBEDDED, FAMILIES

if TYPE_CHECKING:
    from .compiling import Compiles

__all__ = [
    "DEFAULT",
    "EMBEDDED",
    "FAMILIES",
    "Family",
    "Generator",
    "device_of",
    "family_of",
    "generator_of",
    "names",
]

DEFAULT = EMBEDDED.names[0]  # plays where none is named


def names() -> tuple[str, ...]:
    """Every generator that can be named."""
    return tuple(name for family in FAMILIES for name in family.names)


def family_of(name: str) -> Family:
    """The family of a generator; UserError where there is none of that name."""
    for family in FAMILIES:
        if name in family.names:
            return family
    raise UserError(f"“{name}” is no generator; use {', '.join(names())}")


def generator_of(
    name: str,
    *,
    resolution: int = 512,
    weights: Path | None = None,
    device: str = "auto",
    wide: str = "off",
    precision: str = "auto",
    engine: str = "torch",
    compiles: "Compiles" = "never",
    say: Callable[[str], None] = silent,
) -> Generator:
    """Load the named generator, or raise UserError that says what it lacks; never another one.

    `resolution` is for families whose names do not say it. `weights` is a folder or file, without
    which the user's cache is searched; `wide` is the knob `look.wide`; `precision` and `engine`
    choose among forms of one function. `compiles` tells when faster forms are made; `say` is told
    what happens later (out of memory, compilation failed).
    """
    family = family_of(name)
    place = device_of(device)
    return family.load(
        name, Options(resolution, weights, place, wide, precision, engine, compiles, say)
    )


def device_of(device: str) -> str:
    """`auto` is the first NVIDIA GPU, else the CPU; anything else must be usable."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"device {device} cannot be used ({reason}); use cpu or auto") from error
    return device

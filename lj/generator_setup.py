"""A look and a generator, made ready: what `render` and `sheet` set up alike."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from render.fit import Size, side_for
from synth import generators
from synth.digest import sha256_of
from synth.errors import UserError
from synth.generators import Generator
from synth.latents.bank import Bank
from synth.session import Session
from synth.settings.knobs import Look, with_values
from synth.settings.preset import Preset, preset_of

from .console import note
from .options import DEFAULT_PRESET

if TYPE_CHECKING:
    from synth.generators.compiling import Compiles


@dataclass(frozen=True, slots=True)
class Choice:
    """Which generator was asked for, and how it shall run."""

    name: str | None
    weights: Path | None
    device: str
    engine: str = "torch"
    precision: str = "auto"


def preset_with(name: str, settings: list[str] | None, fit: str | None) -> Preset:
    """The preset, with `--set` and `--fit` laid over it."""
    return preset_of(name, [*(settings or []), *([f"look.fit={fit}"] if fit else [])])


def played(
    session: Session,
    preset: str,
    settings: list[str] | None,
    fit: str | None,
    generator: str | None,
) -> tuple[Preset, str]:
    """The look with which a session began, and the generator it was played on."""
    if preset != DEFAULT_PRESET or settings:
        raise UserError(f"{session.folder}: has its own looks; leave --preset and --set out")
    changes = {"look.fit": fit} if fit else {}
    knobs = with_values(session.knobs, changes, f"--fit {fit}")
    name = str(session.about.get("preset", "as played"))
    asked = generator or str(session.about.get("generator", generators.DEFAULT))
    return Preset(name, "as it was played", knobs), asked


def bank_for(path: Path | None, choice: Choice) -> Bank | None:
    """The bank, which must have been made for the generator that plays."""
    if path is None:
        return None
    bank = Bank(path)
    name = choice.name or generators.DEFAULT
    bank.check_for(name, weights_hash(name, choice.weights))
    return bank


def weights_hash(name: str, weights: Path | None) -> str:
    """sha256 of a generator's weights; empty where it has none."""
    located = generators.family_of(name).weights
    return sha256_of(located(name, weights)) if located is not None else ""


def generator_for(
    choice: Choice, size: Size, look: Look, *, frames: int | None, quiet: bool
) -> Generator:
    """Load the generator that was asked for, or the embedded one, and say which and why.

    For `frames` to draw, all or none are compiled, so that a film has one kind of frames.
    """
    options = generator_options(choice, size, look, frames=frames)
    generator = generators.generator_of(
        **options,
        say=lambda notice: note(notice, quiet=quiet),
    )
    why = "as asked" if choice.name else "the embedded one; choose another with --generator"
    shape = f"{generator.width}x{generator.resolution}"
    note(f"generator: {options['name']}, {shape} px ({why})", quiet=quiet)
    return generator


def generator_options(
    choice: Choice, size: Size, look: Look, *, frames: int | None
) -> dict[str, Any]:
    """What `synth.generators.generator_of` is called with."""
    side = side_for(size, look.fit)
    name = choice.name or generators.DEFAULT
    worth = generators.family_of(name).compiling_pays
    compiles: Compiles = "first" if (frames or 0) >= worth else "never"
    return {
        "name": name,
        "resolution": side + side % 2,
        "weights": choice.weights,
        "device": choice.device,
        "wide": look.wide,
        "precision": choice.precision,
        "engine": choice.engine,
        "compiles": compiles,
    }

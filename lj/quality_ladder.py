"""Which generators a show may use, finest first, and the one that it begins with."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synth import generators
from synth.errors import UserError
from synth.generators import Generator
from synth.latents.latent import Latent
from synth.latents.walk import SIZE as NOISE
from synth.settings.imagenet import CLASSES

from .generator_setup import Choice

if TYPE_CHECKING:
    from live.engine.ladder import Step
    from synth.generators.compiling import Say

_STEP_DOWN = 384  # pixels of the embedded generator below one of a single size
_SHARE = 0.6  # of the time for a frame that drawing may take alone; the window needs some too


def ladder_for(choice: Choice, size: str, wide: str, say: "Say") -> "list[Step]":
    """The steps of a show with the chosen generator; the embedded one is always the last resort.

    With a fixed `size` a generator of any size has that one step. Generators `say` what they do
    behind the show.
    """
    if size != "auto" and not (size.isdecimal() and 64 <= int(size) <= 2048):
        raise UserError(f"--size is {size}; use auto, or 64 to 2048")
    name = choice.name or generators.DEFAULT
    family = generators.family_of(name)
    sides = family.sides if size == "auto" else (int(size),)
    steps = [_step(name, side, choice, wide, say) for side in (sides if family.sides else (0,))]
    if family is not generators.EMBEDDED:
        steps.append(_embedded(_STEP_DOWN, choice.device, say))
    return [*steps, *_last_resort(choice, say)]


def _last_resort(choice: Choice, say: "Say") -> "list[Step]":
    """The processor, where all else draws on a GPU that may be lost."""
    if generators.device_of(choice.device) == "cpu":
        return []
    return [_embedded(generators.EMBEDDED.sides[-1], "cpu", say)]


def _embedded(side: int, device: str, say: "Say") -> "Step":
    return _step(generators.DEFAULT, side, Choice(None, None, device), "off", say)


def _step(name: str, side: int, choice: Choice, wide: str, say: "Say") -> "Step":
    """A generator at one height; 0 where its name says it."""
    from live.engine.ladder import Step

    def made() -> Generator:
        return generators.generator_of(
            name,
            resolution=side,
            weights=choice.weights,
            device=choice.device,
            wide=wide if not side else "off",
            precision=choice.precision,
            engine=choice.engine,
            compiles="background",
            say=say,
        )

    title = f"{name} {side}" if side else name
    return Step(title, generators.family_of(name).cost(name, side), made)


@dataclass(frozen=True, slots=True)
class Beginning:
    """What a show begins with."""

    level: int  # on the ladder
    generator: Generator
    seconds: float  # a frame, as measured
    trouble: str  # why it is not the generator that was asked for; empty when it is


def beginning(ladder: "Sequence[Step]") -> Beginning:
    """The finest step that can be had and keeps up, from a few frames drawn before the show.

    A stage must not stay dark for want of weights; the film that `lj render` makes does.
    """
    from live.engine.quality import SLOWEST

    trouble = ""
    for level, step in enumerate(ladder):
        try:
            generator = step.make()
            seconds = preflight(generator)
        except UserError as reason:
            trouble = trouble or f"{reason}; {ladder[-1].name} plays instead"
            continue
        gains = generators.family_of(generator.name).gains  # it gets faster while it plays
        if seconds <= _SHARE * SLOWEST or level == len(ladder) - 1 or gains:
            return Beginning(level, generator, seconds, trouble)
    raise UserError(trouble)


def preflight(generator: Generator, frames: int = 3) -> float:
    """Seconds that a frame takes: the median after one that does not count."""
    noise = np.random.RandomState(0).standard_normal((frames + 1, NOISE)).clip(-2, 2) * 0.5
    blend = np.zeros((1, CLASSES), np.float32)
    blend[0, :: CLASSES // 4] = 1.0  # several subjects at once, as chords make them
    embedding = generator.embed(blend)[0]
    taken = []
    for row in noise.astype(np.float32):
        begun = time.perf_counter()
        generator.frames([Latent(row, embedding, 0.5)])[0].cpu()
        taken.append(time.perf_counter() - begun)
    return statistics.median(taken[1:])

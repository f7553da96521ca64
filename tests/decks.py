"""Shows with as little around them as a test wants."""

from collections.abc import Sequence
from typing import Any

from live.deck import assembled
from live.engine.analysis_thread import Source
from live.engine.ladder import Ladder, Step
from live.engine.parameters import Parameters
from live.show import Show
from synth.generators import Generator


def show_of(
    source: Source,
    parameters: Parameters,
    generator: Generator,
    steps: Sequence[Step] = (),
    *,
    level: int = 0,
    **options: Any,
) -> Show:
    """A show with one deck, whose generator stands on a level of the ladder's steps."""
    return Show(assembled(source, parameters, Ladder(generator, steps, level), **options))

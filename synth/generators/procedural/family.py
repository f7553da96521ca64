"""The embedded generator's row in the registry."""

import sys

from synth.errors import UserError

from ..family import Family
from ..protocol import Generator, Options

SIDES = (768, 512, 384, 256)  # pixels; smaller ones cost more than they save


def _load(_name: str, options: Options) -> Generator:
    if options.weights is not None:
        raise UserError("procedural needs no weights; leave --weights out or name a biggan")
    if options.wide != "off":
        raise UserError(
            f"look.wide is {options.wide}; procedural draws squares: use off, or name a biggan"
        )
    if options.engine != "torch":
        raise UserError(f"--engine is {options.engine}; procedural runs on torch: leave it out")
    from .choice import procedural_of

    return procedural_of(
        options.resolution, device=options.device, compiles=options.compiles, say=options.say
    )


def _cost(_name: str, side: int) -> float:
    return float(side * side)


def _state() -> tuple[str, str, bool]:
    from .building import folder, is_complete

    there = is_complete(folder())
    now = f"{sys.executable} -P -m {__package__}"
    cure = f"not yet; a show builds them while it plays, or build them now: {now}"
    return "drawing functions", "built for this machine" if there else cure, there


PROCEDURAL = Family(
    names=("procedural",),
    load=_load,
    cost=_cost,
    sides=SIDES,
    compiling_pays=5000,
    state=_state,
)

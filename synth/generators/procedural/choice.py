"""The embedded generator as a command wants it: drawing plainly, or with built functions."""

from pathlib import Path

from synth.cache import private_folder
from synth.errors import UserError

from ..compiling import Compiles, Say, keep_compiled_code_private
from .builder import Builder
from .building import folder, is_complete
from .generator import Procedural

_PATIENCE = 30.0  # seconds into a show before building begins
_BUILDERS: dict[Path, Builder] = {}


def procedural_of(resolution: int, *, device: str, compiles: Compiles, say: Say) -> Procedural:
    """With `first` all functions are built before, with `background` they come while it draws.

    What stands in the way is told to `say`, from another thread where it turns up later; the plain
    functions draw then.
    """
    built = None if compiles == "never" or device != "cpu" else _built(compiles, say)
    return Procedural(resolution, device=device, built=built, say=say)


def _built(compiles: Compiles, say: Say) -> Path | None:
    try:
        keep_compiled_code_private()
        place = private_folder(folder())
    except UserError as trouble:
        say(f"{trouble}; the plain functions draw")
        return None
    builder = builder_for(place)
    if compiles == "background":
        builder.begin(_PATIENCE, say)
    elif not is_complete(place):
        say("building the functions that draw, once for this machine: some minutes")
        if why := builder.complete():
            say(f"they cannot be built ({why}); the plain ones draw")
            return None
    return place


def builder_for(place: Path) -> Builder:
    """The one builder for a folder."""
    return _BUILDERS.setdefault(place, Builder(place))


def end_building() -> None:
    """Build no more, as when a show has ended; the end of the program does the same."""
    for builder in _BUILDERS.values():
        builder.end()

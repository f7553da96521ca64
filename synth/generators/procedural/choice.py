"""The embedded generator as a command wants it: drawing plainly, or with built functions."""

import functools

from ..compiling import Compiles, Say
from .building import Builder, folder, is_complete
from .generator import Procedural

_PATIENCE = 30.0  # seconds into a show before building begins


def procedural_of(resolution: int, *, device: str, compiles: Compiles, say: Say) -> Procedural:
    """With `first` all functions are built before, with `background` they come while it draws."""
    if compiles == "never" or device != "cpu":
        return Procedural(resolution, device=device, say=say)
    builder = _builder()
    if compiles == "background":
        builder.begin(_PATIENCE)
    elif not is_complete(folder()):
        say("building the functions that draw, once for this machine: some minutes")
        if trouble := builder.complete():
            say(f"they cannot be built ({trouble[:160]}); the plain ones draw")
            return Procedural(resolution, device=device, say=say)
    return Procedural(resolution, device=device, built=folder(), say=say)


@functools.cache
def _builder() -> Builder:
    return Builder(folder())

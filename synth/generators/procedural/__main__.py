"""Build what the cache, or the folder named, lacks: `python -P -m synth.generators.procedural`.

`-P` keeps Python from importing what lies in the current folder. `--gently` leaves other programs
their time; `--tied` ends when standard input does.
"""

import os
import sys
import traceback
from pathlib import Path

import torch

from synth.cache import private_folder
from synth.errors import UserError

from ..compiling import keep_compiled_code_private
from .builder import GENTLY, TIED, end_with_parent
from .building import build, folder


def main(words: list[str]) -> None:
    """Build what is asked for on the command line; returns the exit status."""
    if TIED in words:
        end_with_parent()
    if GENTLY in words:
        torch.set_num_threads(1)
        if hasattr(os, "nice"):
            os.nice(19)
    places = [Path(word) for word in words if word not in (TIED, GENTLY)]
    try:
        keep_compiled_code_private()
        build(places[0] if places else private_folder(folder()))
    except Exception as error:
        sys.exit(_reason(error))


def _reason(error: Exception) -> str:
    """One line, which whoever began this reads; what nobody expected is printed before it."""
    if not isinstance(error, UserError):
        traceback.print_exception(error)
    return (str(error).strip().splitlines() or [repr(error)])[0]


if __name__ == "__main__":
    main(sys.argv[1:])

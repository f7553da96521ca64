"""When faster forms are made, and where their code is kept."""

import hashlib
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from synth.cache import cache_place, private_folder

Compiles = Literal["never", "first", "background"]
Say = Callable[[str], None]


def keep_compiled_code_private() -> None:
    """Have torch's compilers keep their code in the user's own cache; UserError where that is open.

    Their own choice is a folder in /tmp with a name that can be guessed, which whoever makes it
    first owns. Call before anything is compiled; a place that the user names stays.
    """
    guessable = str(Path(tempfile.gettempdir(), "torchinductor_"))
    for variable, name in (("TORCHINDUCTOR_CACHE_DIR", "inductor"), ("TRITON_CACHE_DIR", "triton")):
        if os.environ.get(variable, guessable).startswith(guessable):
            place = cache_place("compiled", machine_digest()[:24], name)
            os.environ[variable] = str(private_folder(place))


def machine_digest(*parts: bytes) -> str:
    """What machine code depends on: the processor, torch, and `parts`."""
    import torch

    digest = hashlib.sha256(f"{torch.__version__} {_processor()}".encode())
    for part in parts:
        digest.update(part)
    return digest.hexdigest()


def _processor(info: Path = Path("/proc/cpuinfo")) -> str:
    """Machine code for one processor may not run on another that mounts the same home."""
    lines = info.read_text().splitlines() if info.exists() else []  # Linux alone has it
    flags = [line for line in lines if line.startswith("flags")][:1]
    return f"{platform.platform()} {platform.processor()} {flags}"

"""Build what the cache, or the folder named, lacks: `python -m synth.generators.procedural`.

`--gently` leaves other programs their time.
"""

import os
import sys
from pathlib import Path

import torch

from .building import build, folder


def main() -> None:
    words = sys.argv[1:]
    if "--gently" in words:
        words.remove("--gently")
        torch.set_num_threads(1)
        if hasattr(os, "nice"):
            os.nice(19)
    build(Path(words[0]) if words else folder())


if __name__ == "__main__":
    main()

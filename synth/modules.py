"""Modules of this program in processes of their own."""

import os
import sys
from pathlib import Path


def command(module: str, *words: str) -> list[str]:
    """What runs a module as a program; with `environment`, nothing of the current folder is run."""
    return [sys.executable, "-P", "-m", module, *words]


def environment() -> dict[str, str]:
    """This process's own, in which others import from where it does."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(import_path())}


def import_path() -> list[str]:
    """Where this process imports from, but for the current folder, unless this code lies there."""
    try:
        here = os.getcwd()  # noqa: PTH109 - a folder that was removed is no error here
    except OSError:
        here = os.sep
    home = Path(__file__).resolve().parents[1]
    places = [Path(here, entry) for entry in sys.path]
    return [
        str(place)
        for place in places
        if place.resolve() != Path(here).resolve() or place.resolve() == home
    ]

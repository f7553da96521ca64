"""What a family of generators tells of itself, so that no command needs to know its name."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .protocol import Generator, Options, Renderer

Progress = Callable[[str, int, int | None], None]  # a file's name, bytes that came, bytes in all
Fetch = Callable[[str, Progress, tuple[str, ...]], Path]  # name, addresses; returns the folder


@dataclass(frozen=True, slots=True)
class Export:
    """How a network is written as an ONNX graph."""

    batch: int
    half: bool
    wide: str


@dataclass(frozen=True, slots=True)
class Family:
    """Generators that are loaded, run and searched alike.

    Modules that need heavy packages are imported when a function is called, not before.
    """

    names: tuple[str, ...]  # that `--generator` takes
    load: Callable[[str, Options], Generator]  # UserError says what is lacking
    cost: Callable[[str, int], float]  # of a frame of a generator at a height, relative
    sides: tuple[int, ...] = ()  # heights to choose from, finest first; () where the name says it
    gains: bool = False  # whether it draws faster after a while
    compiling_pays: int = 600  # frames of a film from which on faster forms are made before
    weights: Callable[[str, Path | None], Path] | None = None  # the file; None where none is needed
    fetch: Fetch | None = None  # published weights into the user's cache
    export: Callable[[str, Path | None, Path, Export], float] | None = None  # the difference
    search: Callable[[str, Path | None, str], Renderer] | None = None  # with gradients, on a device
    state: Callable[[], tuple[str, str, bool]] | None = None  # what doctor tells: name, words, good

"""Every kind of output that `--out` opens, in one table: a row each."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from synth.errors import UserError
from synth.sink import Sink, Size, Takes

from .recorder import Recorder, check_film


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of output: `--out NAME:TARGET`, or `--out NAME` where it needs no target.

    What takes pictures queued is a `Recording`, which hears hops and events too.
    """

    name: str
    target: str  # what stands after the colon, for help; empty where nothing does
    sentence: str
    takes: Takes  # NEWEST or QUEUED
    open: Callable[[str, Size], Sink]  # from target and the size that is drawn; UserError
    check: Callable[[str], None] = lambda _target: None  # UserError where that will fail
    lacking: Callable[[], str] = lambda: ""  # why it cannot be had on this machine, in words

    @property
    def form(self) -> str:
        """How it is asked for."""
        return f"{self.name}:{self.target}" if self.target else self.name


KINDS: list[Kind] = [
    Kind(
        "film",
        "FILE.mp4",
        "picture and sound as they are played",
        Takes.QUEUED,
        lambda target, size: Recorder(Path(target), size),
        lambda target: check_film(Path(target)),
    ),
]


def kind_of(text: str) -> tuple[Kind, str]:
    """The kind and the target that `--out` names; UserError where there is no such kind."""
    name, _, target = text.partition(":")
    for kind in KINDS:
        if kind.name == name:
            if bool(target) != bool(kind.target):
                raise UserError(f"--out is {text}; write {kind.form}")
            return kind, target
    raise UserError(f"--out is {text}; use {' or '.join(kind.form for kind in KINDS)}")

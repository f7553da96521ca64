"""The 1000 ImageNet classes by name (WordNet's lemmas, in the order of the ILSVRC 2012 labels)."""

import difflib
import functools
from importlib import resources

from .trouble import Trouble

CLASSES = 1000


@functools.cache
def names() -> tuple[tuple[str, ...], ...]:
    """For each class its names, the usual one first."""
    text = resources.files("synth").joinpath("imagenet_classes.txt").read_text("utf-8")
    return tuple(tuple(line.split(", ")) for line in text.splitlines())


@functools.cache
def _numbers_by_name() -> dict[str, tuple[int, ...]]:
    found: dict[str, list[int]] = {}
    for number, lemmas in enumerate(names()):
        for lemma in lemmas:
            numbers = found.setdefault(lemma.casefold(), [])
            if number not in numbers:
                numbers.append(number)
    return {name: tuple(numbers) for name, numbers in found.items()}


def class_number(wanted: int | str) -> int:
    """The class 0..999 that a number or a name means; raises Trouble for anything else."""
    if isinstance(wanted, int):
        if not 0 <= wanted < CLASSES:
            raise Trouble(f"class {wanted} does not exist; use 0 to {CLASSES - 1} or a name")
        return wanted
    if wanted.strip().isdecimal():
        return class_number(int(wanted))
    numbers = _numbers_by_name().get(wanted.strip().casefold(), ())
    if not numbers:
        close = difflib.get_close_matches(wanted.casefold(), _numbers_by_name(), 3)
        hint = f"did you mean {' or '.join(close)}?" if close else "use a number from 0 to 999"
        raise Trouble(f"“{wanted}” is no ImageNet class; {hint}")
    if len(numbers) > 1:
        choices = " or ".join(f"{n} ({', '.join(names()[n])})" for n in numbers)
        raise Trouble(f"“{wanted}” names several classes; use {choices}")
    return numbers[0]

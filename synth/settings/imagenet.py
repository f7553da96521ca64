"""The 1000 ImageNet classes by name (WordNet's lemmas, in the order of the ILSVRC 2012 labels)."""

import difflib
import functools
import time
from collections import deque
from importlib import resources

from ..errors import UserError, cut, shown

CLASSES = 1000
_HINTS = 5  # a second at most: each takes ten milliseconds, and a network may ask without end
_DIGITS = 9  # of a class's number; Python reads no more than some thousand
GROUPS: dict[str, tuple[int, ...]] = {  # the labels stand in the order of WordNet's families
    "bears": (*range(294, 298),),
    "birds": (*range(7, 25), *range(80, 101), *range(127, 147)),
    "butterflies": (*range(321, 327),),
    "cats": (*range(281, 294),),
    "crocodiles": (49, 50),
    "dogs": (*range(151, 269), *range(273, 276)),
    "fish": (*range(7), *range(389, 398)),
    "frogs": (*range(30, 33),),
    "insects": (*range(300, 327),),
    "lizards": (*range(38, 49),),
    "monkeys": (*range(365, 385),),
    "mushrooms": (*range(991, 998),),
    "sharks": (*range(2, 5),),
    "snakes": (*range(52, 69),),
    "spiders": (70, *range(72, 78), 815),  # a harvestman and a web among them
    "weapons": (413, 471, 657, 744, 763, 764),
    "wolves": (*range(269, 273),),
    "worms": (*range(110, 112),),
}


@functools.cache
def names() -> tuple[tuple[str, ...], ...]:
    """For each class its names, the usual one first."""
    text = resources.files("synth.settings").joinpath("imagenet_classes.txt").read_text("utf-8")
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


def class_numbers(wanted: int | str) -> tuple[int, ...]:
    """The classes of a group, spiders say, or the one that a number or a name means."""
    group = GROUPS.get(wanted.strip().casefold()) if isinstance(wanted, str) else None
    return group or (class_number(wanted),)


def class_number(wanted: int | str) -> int:
    """The class 0..999 that a number or a name means; raises UserError for anything else."""
    if isinstance(wanted, int):
        if not 0 <= wanted < CLASSES:
            raise UserError(
                f"class {shown(wanted)} does not exist; use 0 to {CLASSES - 1} or a name"
            )
        return wanted
    name = wanted.strip().casefold()
    if name.isdecimal() and len(name) <= _DIGITS:
        return class_number(int(name))
    numbers = _numbers_by_name().get(name, ())
    if not numbers:
        raise UserError(f"“{cut(wanted)}” is no ImageNet class; {_hint(name)}")
    if len(numbers) > 1:
        choices = " or ".join(f"{n} ({', '.join(names()[n])})" for n in numbers)
        raise UserError(f"“{wanted}” names several classes; use {choices}")
    return numbers[0]


_hinted: deque[float] = deque([-1.0] * _HINTS, maxlen=_HINTS)  # when, monotonic seconds


def _hint(name: str) -> str:
    """What may have been meant, unless it was asked too often."""
    now = time.monotonic()
    if now - _hinted[0] >= 1.0:
        _hinted.append(now)
        if close := difflib.get_close_matches(name, _numbers_by_name(), 3):
            return f"did you mean {' or '.join(close)}?"
    return "use a number from 0 to 999"

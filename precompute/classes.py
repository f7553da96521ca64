"""The twelve ImageNet classes that go with a song's words, by one who reads: CLIP or SBERT.

Words, lines, verses and the song as a whole are held against every class's name; each grain is
levelled over the classes before they are added, so that no grain drowns the others. The best are
taken one by one, each leaning away from those that were taken, for twelve dogs are one subject.
"""

import re
from collections.abc import Collection, Sequence
from typing import Protocol

import torch
from torch import Tensor

from synth.settings.imagenet import CLASSES, names

from .lyrics import Line, verses

COUNT = 12
_WEIGHTS = {"words": 0.2, "lines": 0.4, "verses": 0.2, "song": 0.2}
_VARIETY = 0.35  # how much a class loses for being like one that was taken
_SHORTEST = 4  # letters of a word that means something by itself
_TOGETHER = 200  # texts that are read at once


class Reader(Protocol):
    """Whoever turns texts into vectors."""

    def of_texts(self, texts: list[str]) -> Tensor:
        """Unit vectors (n, d) of texts."""
        ...


def classes_for(
    lines: Sequence[Line], reader: Reader, avoid: Collection[int] = ()
) -> tuple[int, ...]:
    """COUNT classes for a song's lines, the closest first; never one to `avoid`."""
    vectors = _vectors(reader, [f"a photo of a {names()[k][0]}" for k in range(CLASSES)])
    closeness = torch.zeros(CLASSES)
    for grain, weight in _WEIGHTS.items():
        closeness += weight * _levelled(_vectors(reader, _texts(grain, lines)) @ vectors.T)
    closeness[list(avoid)] = -torch.inf
    alike = vectors @ vectors.T
    chosen: list[int] = []
    nearest = torch.zeros(CLASSES)
    for _ in range(COUNT):
        best = int((closeness - _VARIETY * _spread(closeness) * nearest).argmax())
        chosen.append(best)
        closeness[best] = -torch.inf
        nearest = torch.maximum(nearest, alike[best].clamp(min=0))
    return tuple(chosen)


def _texts(grain: str, lines: Sequence[Line]) -> list[str]:
    if grain == "lines":
        return [line.text for line in lines]
    if grain == "verses":
        return [" ".join(line.text for line in verse) for verse in verses(lines)]
    whole = " ".join(line.text for line in lines)
    if grain == "song":
        return [whole]
    return sorted(
        {word for word in re.findall(r"\w+", whole.lower()) if len(word) >= _SHORTEST}
    ) or [whole]


def _vectors(reader: Reader, texts: Sequence[str]) -> Tensor:
    parts = [
        reader.of_texts(list(texts[k : k + _TOGETHER])) for k in range(0, len(texts), _TOGETHER)
    ]
    return torch.cat(parts).cpu()


def _levelled(cosines: Tensor) -> Tensor:
    """(classes,): each class's best text, in deviations from what is usual."""
    best = cosines.max(0).values
    levelled: Tensor = (best - best.mean()) / best.std().clamp(min=1e-6)
    return levelled


def _spread(values: Tensor) -> float:
    """How far apart the classes that may still be taken lie."""
    return float(values[torch.isfinite(values)].std()) * 4

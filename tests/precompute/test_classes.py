import pytest
import torch

from precompute.classes import COUNT, classes_for
from precompute.clip import TINY, Clip, clip_of
from synth.imagenet import class_number, names


class Literal:
    """A text tower that knows words by their letters alone: the same words, the same place."""

    device = torch.device("cpu")

    def of_texts(self, texts: list[str]) -> torch.Tensor:
        vectors = torch.zeros(len(texts), 512)
        for k, text in enumerate(texts):
            for word in text.lower().split():
                vectors[k, hash_of(word)] += len(word)
        return torch.nn.functional.normalize(vectors, dim=1)


def hash_of(word: str) -> int:
    return sum((i + 1) * ord(c) for i, c in enumerate(word)) % 512


@pytest.fixture(scope="module")
def tiny() -> Clip:
    return clip_of(TINY)


def test_a_class_that_is_sung_of_is_taken() -> None:
    lines = ["the volcano is awake", "a jellyfish in the night"]
    chosen = classes_for(lines, Literal())  # type: ignore[arg-type]
    assert {class_number("volcano"), class_number("jellyfish")} <= set(chosen)


def test_classes_to_avoid_are_never_taken() -> None:
    avoid = (class_number("volcano"),)
    chosen = classes_for(["the volcano is awake"], Literal(), avoid)  # type: ignore[arg-type]
    assert class_number("volcano") not in chosen


def test_there_are_twelve_and_no_two_alike(tiny: Clip) -> None:
    chosen = classes_for(["gold and copper in the rain", "follow me below the snow"], tiny)
    assert len(set(chosen)) == COUNT == len(chosen)
    assert all(0 <= number < len(names()) for number in chosen)
    assert chosen == classes_for(["gold and copper in the rain", "follow me below the snow"], tiny)

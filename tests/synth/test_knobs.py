import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.knobs import Knobs, knobs_of, table
from synth.trouble import Trouble

NUMBERS = [knob for knob in table() if knob.low is not None]


def test_every_knob_has_a_sentence_and_a_valid_default() -> None:
    for knob in table():
        assert knob.sentence.endswith("."), knob.name
        group, key = knob.name.split(".")
        assert getattr(getattr(Knobs(), group), key) == knob.default
        knobs_of({group: {key: knob.default}}, "test")


def test_the_knobs_of_the_classic_mapping_are_there() -> None:
    names = {knob.name for knob in table()}
    classic = "pitch_sensitivity tempo_sensitivity jitter truncation smoothing depth classes seed"
    assert {f"steer.{key}" for key in classic.split()} <= names


@pytest.mark.parametrize("knob", NUMBERS, ids=lambda knob: knob.name)
@given(beyond=st.floats(0.001, 1e6))
def test_a_value_out_of_range_is_named_with_its_cure(knob, beyond: float) -> None:  # type: ignore[no-untyped-def]
    group, key = knob.name.split(".")
    value = knob.high + (round(beyond) + 1 if isinstance(knob.default, int) else beyond)
    with pytest.raises(Trouble, match=f"^neon.toml: {knob.name} is .*; use ") as refusal:
        knobs_of({group: {key: value}}, "neon.toml")
    assert f"{knob.low:g}" in str(refusal.value)


def test_the_sentence_is_the_promised_one() -> None:
    with pytest.raises(Trouble) as refusal:
        knobs_of({"steer": {"truncation": 3.0}}, "presets/neon.toml")
    assert str(refusal.value) == "presets/neon.toml: steer.truncation is 3.0; use 0.02 to 1"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (
            {"steer": {"trunkation": 0.5}},
            "steer.trunkation is no knob; did you mean steer.truncation?",
        ),
        ({"sound": {}}, "sound is no knob"),
        ({"steer": 3}, "steer is 3; it must be a table"),
        ({"steer": {"jitter": "much"}}, "steer.jitter is 'much'; use 0 to 1"),
        ({"steer": {"jitter": float("nan")}}, "steer.jitter is nan; use 0 to 1"),
        ({"look": {"fit": "stretch"}}, "look.fit is 'stretch'; use crop or pad or mirror"),
        ({"steer": {"classes": ["unicorn"]}}, "“unicorn” is no ImageNet class"),
        ({"steer": {"classes": [1000]}}, "class 1000 does not exist; use 0 to 999"),
        ({"steer": {"classes": ["crane"]}}, "names several classes; use 134"),
        ({"steer": {"classes": list(range(13))}}, "13 classes; use 12 or fewer"),
        ({"steer": {"classes": 7.5}}, "use a list of ImageNet class names"),
        ({"steer": {"seed": -1}}, "steer.seed is -1; use 0 to 4294967295"),
    ],
)
def test_bad_values_are_refused_in_one_sentence(values: dict[str, object], says: str) -> None:
    with pytest.raises(Trouble) as refusal:
        knobs_of(values, "a.toml")
    assert str(refusal.value).startswith("a.toml: ")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_classes_are_known_by_name_and_number() -> None:
    knobs = knobs_of({"steer": {"classes": ["volcano", 1, "Goldfish", "985"]}}, "a.toml")
    assert knobs.steer.classes == (980, 1, 1, 985)

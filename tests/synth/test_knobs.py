import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import UserError
from synth.settings.knobs import (
    Hear,
    Knobs,
    as_sent,
    coerced,
    knob_of,
    knobs_of,
    stepped,
    table,
    value_of,
)

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
    with pytest.raises(UserError, match=f"^neon.toml: {knob.name} is .*; use ") as refusal:
        knobs_of({group: {key: value}}, "neon.toml")
    assert f"{knob.low:g}" in str(refusal.value)


def test_the_sentence_is_the_promised_one() -> None:
    with pytest.raises(UserError) as refusal:
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
    with pytest.raises(UserError) as refusal:
        knobs_of(values, "a.toml")
    assert str(refusal.value).startswith("a.toml: ")
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_classes_are_known_by_name_and_number() -> None:
    knobs = knobs_of({"steer": {"classes": ["volcano", 1, "Goldfish", "985"]}}, "a.toml")
    assert knobs.steer.classes == (980, 1, 1, 985)


NESTED: list[object] = [1]
for _ in range(2000):
    NESTED = [NESTED]
TOO_MUCH = [10**5000, -(10**400), "é" * 60_000, b"\xff" * 9000, NESTED, [[10**5000] * 50] * 50]


@pytest.mark.parametrize("knob", table(), ids=lambda knob: knob.name)
@pytest.mark.parametrize("value", TOO_MUCH, ids=lambda value: type(value).__name__)
def test_no_bad_value_is_too_much_for_a_sentence(knob, value: object) -> None:  # type: ignore[no-untyped-def]
    group, key = knob.name.split(".")
    with pytest.raises(UserError) as refusal:
        knobs_of({group: {key: value}}, "a.toml")
    rest = f"a.toml: {knob.name} is ; {knob.cure}"
    assert len(str(refusal.value)) <= max(len(rest) + 80, 200)
    assert str(refusal.value).isprintable()
    try:
        taken = coerced(knob, value)
    except UserError as trouble:
        assert len(str(trouble)) <= len(rest) + 80
    else:
        if knob.low is not None:
            assert knob.low <= taken <= knob.high


def test_names_of_groups_and_knobs_are_cut_too() -> None:
    for values in ({"x" * 9000: {}}, {"steer": {"y" * 9000: 1}}, {"steer": NESTED}):
        with pytest.raises(UserError) as refusal:
            knobs_of(values, "a.toml")
        assert "x" * 81 not in str(refusal.value)
        assert "y" * 81 not in str(refusal.value)
        assert len(str(refusal.value)) < 1200


@pytest.mark.parametrize("bpm", [0.01, 1e-6, 5e-324, 19.999])
def test_a_tempo_is_at_least_twenty_or_none(bpm: float) -> None:
    with pytest.raises(UserError) as refusal:
        knobs_of({"hear": {"bpm": bpm}}, "a.toml")
    assert str(refusal.value) == f"a.toml: hear.bpm is {bpm}; use 0 or 20 to 300"
    assert coerced(knob_of("hear.bpm"), bpm) == 20
    assert coerced(knob_of("hear.bpm"), 0) == 0


def test_steps_pass_the_gap_under_the_slowest_tempo() -> None:
    knob = knob_of("hear.bpm")
    assert [stepped(knob, now, by) for now, by in ((0, 1), (20, -1), (21, -1), (0, -1))] == [
        20,
        0,
        20,
        0,
    ]
    assert stepped(knob_of("steer.depth"), 0.5, 0.75) == 1


def as_float32(number: float) -> float:
    return struct.unpack("f", struct.pack("f", number))[0]


@pytest.mark.parametrize("number", [0.37, 0.1, 0.02, 123.4, 1e-7, 299.99, -0.3])
def test_a_number_that_came_as_32_bits_is_told_as_it_was_meant(number: float) -> None:
    assert as_float32(number) != number
    assert as_sent(as_float32(number)) == number
    assert as_sent(number) == number


@given(st.floats(allow_nan=False))
def test_whoever_reads_a_number_sends_the_same_32_bits(number: float) -> None:
    told = as_sent(number)
    try:
        sent = as_float32(number)
    except OverflowError:
        assert told == number
        return
    assert as_float32(told) == sent
    assert told == number or (sent == number and len(repr(told)) <= len(repr(number)))


def test_knobs_that_are_given_directly_are_checked_as_well() -> None:
    with pytest.raises(ValueError, match="too slow"):
        Hear(bpm=3.0)
    assert value_of(Knobs(), "hear.bpm") == 0

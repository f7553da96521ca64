from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.knobs import table
from synth.preset import preset_of, shipped
from synth.trouble import Trouble


def test_at_least_twelve_looks_are_shipped_and_read() -> None:
    looks = [preset_of(name) for name in shipped()]
    assert len(looks) >= 12
    assert len({look.knobs.steer.classes for look in looks}) == len(looks)
    assert all(look.description.endswith(".") for look in looks)


def test_settings_are_laid_over_the_preset() -> None:
    look = preset_of("reef", ["steer.truncation=0.4", "look.fit=mirror", "steer.seed = 7"])
    assert look.knobs.steer.truncation == 0.4
    assert look.knobs.look.fit == "mirror"
    assert look.knobs.steer.seed == 7
    assert look.knobs.steer.classes == preset_of("reef").knobs.steer.classes


@pytest.mark.parametrize("classes", ["volcano,daisy", "[volcano, daisy]", '["volcano", "daisy"]'])
def test_classes_can_be_set_as_one_would_type_them(classes: str) -> None:
    assert preset_of("reef", [f"steer.classes={classes}"]).knobs.steer.classes == (980, 985)


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("steer.truncation=3", "--set steer.truncation=3: steer.truncation is 3; use 0.02 to 1"),
        ("truncation=0.4", "write it as group.knob=value"),
        ("steer.truncation", "write it as group.knob=value"),
        ("steer.warp=1", "steer.warp is no knob"),
        ("tempo.warp=1", "tempo is no knob"),
    ],
)
def test_bad_settings_are_refused(setting: str, says: str) -> None:
    with pytest.raises(Trouble) as refusal:
        preset_of("reef", [setting])
    assert says in str(refusal.value)


def test_a_file_is_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('description = "Mine."\n[steer]\nclasses = ["volcano"]\n')
    look = preset_of(str(path))
    assert look.name == "mine"
    assert look.knobs.steer.classes == (980,)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"[steer\n", "is not TOML"),
        (b"\xff\xfe", "cannot be read as UTF-8"),
        (b"description = 3\n", "description is 3"),
        (b"[steer]\ntruncation = 3.0\n", "steer.truncation is 3.0; use 0.02 to 1"),
        (b"[steer]\nzoom = 1\n", "steer.zoom is no knob"),
    ],
)
def test_a_broken_file_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(Trouble) as refusal:
        preset_of(str(path))
    assert str(refusal.value).startswith(f"{path}: ")
    assert says in str(refusal.value)


@pytest.mark.parametrize("name", ["reeef", "nothing-like-it", "absent.toml", "../reef"])
def test_an_unknown_preset_is_refused(name: str) -> None:
    with pytest.raises(Trouble):
        preset_of(name)


def test_a_slip_of_the_finger_is_guessed() -> None:
    with pytest.raises(Trouble, match="did you mean reef"):
        preset_of("reeef")


NUMBERS = {knob.name: knob for knob in table() if knob.low is not None}


@given(st.data())
def test_any_preset_within_the_ranges_is_kept_exactly(data: st.DataObject) -> None:
    settings, wanted = [], {}
    for name, knob in NUMBERS.items():
        assert knob.low is not None
        assert knob.high is not None
        value = data.draw(
            st.integers(int(knob.low), int(knob.high))
            if isinstance(knob.default, int)
            else st.floats(knob.low, knob.high)
        )
        settings.append(f"{name}={value!r}")
        wanted[name] = value
    knobs = preset_of("reef", settings).knobs
    for name, value in wanted.items():
        group, key = name.split(".")
        assert getattr(getattr(knobs, group), key) == value


@given(st.text(max_size=200))
def test_no_text_ever_escapes_as_another_error(text: str) -> None:
    try:
        preset_of("reef", [text])
    except Trouble as trouble:
        assert str(trouble)

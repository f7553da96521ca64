import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.errors import UserError
from synth.settings.knobs import table
from synth.settings.preset import preset_of, shipped


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
        ("steer.kick=" + "[" * 9000, "steer.kick is ''"),
        ("steer.kick=" + "9" * 9000, "steer.kick is '9999"),
    ],
)
def test_bad_settings_are_refused(setting: str, says: str) -> None:
    with pytest.raises(UserError) as refusal:
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
        (b"[hear]\nbpm = 3\n", "hear.bpm is 3; use 0 or 20 to 300"),
        (b"a = " + b"[" * 60_000, "is nested too deeply"),
        (b"a = " + b"[\n" * 30_000, "is nested too deeply"),
        (b"a = " + b"{b=" * 20_000, "is nested too deeply"),
        (b".".join([b"a"] * 30_000) + b" = 1", "line 1 is nested too deeply"),
        (b"[" + b".".join([b"'\xe2\x80\xa8'"] * 9_000) + b"]", "line 1 is nested too deeply"),
        (b"[steer]\nkick = " + b"9" * 5000, "is not TOML"),
        (b"[steer]\nkick = '" + b"9" * 60_000 + b"'", "steer.kick is '999999"),
        (b"description = '" + b"a" * 65_536 + b"'", "is larger than 64 kB"),
        (b"description = [[[[[1]]]]]", "description is [[[[[...]]]]]; use a sentence"),
    ],
)
def test_a_broken_file_is_named(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(UserError) as refusal:
        preset_of(str(path))
    assert str(refusal.value).startswith(f"{path}: ")
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < len(str(path)) + 250


def test_only_files_are_opened(tmp_path: Path) -> None:
    """A pipe would be waited for, and a device might be anything."""
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / "device.toml").symlink_to("/dev/zero")
    for name in ("pipe", "folder", "device"):
        with pytest.raises(UserError, match=f"{name}.toml: is no file; name a preset file"):
            preset_of(str(tmp_path / f"{name}.toml"))


LIMITLESS = "[look]\nflash_limit = false\n"


def test_only_the_command_line_turns_the_flash_limiter_off(tmp_path: Path) -> None:
    path = tmp_path / "wild.toml"
    path.write_text(LIMITLESS)
    off = "look.flash_limit=false"
    for settings in ([], [off]):
        with pytest.raises(UserError) as refusal:
            preset_of(str(path), settings)
        assert "look.flash_limit is false; no preset may say so" in str(refusal.value)
        assert "--set look.flash_limit=false" in str(refusal.value)
    path.write_text(LIMITLESS.replace("false", "true"))
    for name in (str(path), *shipped()):
        assert preset_of(name).knobs.look.flash_limit
        assert not preset_of(name, [off]).knobs.look.flash_limit


@pytest.mark.parametrize(
    "name",
    [
        "reeef",
        "nothing-like-it",
        "absent.toml",
        "../reef",
        "a\0.toml",
        "a" * 9000 + ".toml",
        "b" * 9000,
        "",
        "/",
    ],
)
def test_an_unknown_preset_is_refused(name: str) -> None:
    with pytest.raises(UserError):
        preset_of(name)


def test_a_slip_of_the_finger_is_guessed() -> None:
    with pytest.raises(UserError, match="did you mean reef"):
        preset_of("reeef")


NUMBERS = {knob.name: knob for knob in table() if knob.low is not None}


@given(st.data())
def test_any_preset_within_the_ranges_is_kept_exactly(data: st.DataObject) -> None:
    settings, wanted = [], {}
    for name, knob in NUMBERS.items():
        assert knob.low is not None
        assert knob.high is not None
        low = knob.low if knob.floor is None else knob.floor
        value = data.draw(
            st.integers(int(low), int(knob.high))
            if isinstance(knob.default, int)
            else st.floats(low, knob.high)
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
    except UserError as trouble:
        assert str(trouble)

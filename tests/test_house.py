"""The tree itself: names, tables and promises that prose makes about code."""

import importlib
import re
import tomllib
from pathlib import Path

import pytest

from live import keys
from synth.settings import knobs
from synth.settings.preset import preset_of, shipped

CLONE = Path(__file__).parents[1]
README = (CLONE / "README.md").read_text("utf-8")


@pytest.mark.parametrize("room", ["synth", "live", "render", "precompute", "presets", "lj"])
def test_rooms_come_from_this_tree(room: str) -> None:
    """`live` and `presets` are also names of unrelated packages."""
    file = importlib.import_module(room).__file__
    assert file is not None
    assert Path(file).parent == CLONE / room


def test_readme_shows_the_table_of_knobs() -> None:
    assert knobs.markdown() in README


def test_readme_shows_the_table_of_keys() -> None:
    assert keys.markdown() in README


def test_every_key_means_one_thing() -> None:
    named = [key for binding in keys.BINDINGS for key in binding.keys]
    assert len(named) == len(set(named))


def test_readme_names_every_preset() -> None:
    for name in shipped():
        assert f"`{name}`" in README
        assert preset_of(name).description in README


def test_readme_names_only_options_that_exist() -> None:
    from typer.main import get_command

    from lj.__main__ import app

    group = get_command(app)
    options = {
        name
        for command in [group, *group.commands.values()]  # type: ignore[attr-defined]
        for parameter in command.params
        for name in parameter.opts
    } | {"--help"}
    code = "\n".join(re.findall(r"^    .*\blj .*$|`lj [^`]*`", README, re.MULTILINE))
    assert set(re.findall(r"(?<!\S)--[a-z-]+", code)) <= options


def test_every_preset_has_its_thumbnail() -> None:
    """`python -m demo.looks docs/looks.jpg` makes them."""
    pictures = {path.stem for path in (CLONE / "presets").glob("*.jpg")}
    assert pictures == set(shipped())


def test_pictures_in_readme_exist() -> None:
    for place in re.findall(r"!\[[^]]*\]\(([^)]+)\)", README):
        assert (CLONE / place).is_file(), place


def test_every_pin_lies_in_its_range() -> None:
    from packaging.requirements import Requirement

    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    lines = (CLONE / "constraints.txt").read_text().splitlines()
    pins = dict(line.lower().split("==") for line in lines if not line.startswith("#"))
    extras = project["optional-dependencies"]
    installed = ("dev", "bench", "cluster", "live", "midi", "onnx", "sentences", "words")
    for text in [*project["dependencies"], *(text for name in installed for text in extras[name])]:
        wanted = Requirement(text)
        if wanted.name == project["name"]:
            assert wanted.extras <= set(installed)
            continue
        assert wanted.specifier.contains(pins[wanted.name.lower()]), text


@pytest.mark.parametrize(
    ("form", "name"),
    [
        ("markdown", "osc.md"),
        ("as_json", "osc.json"),
        ("open_stage_control", "open-stage-control.json"),
    ],
)
def test_the_osc_map_is_up_to_date(form: str, name: str) -> None:
    """`lj osc-map --format … -o docs/…` makes them."""
    from live.control import layouts

    assert getattr(layouts, form)("silk") == (CLONE / "docs" / name).read_text("utf-8")

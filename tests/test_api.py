"""What can be read off the source: short functions, few parameters, and a word on each."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

CLONE = Path(__file__).parents[1]
ROOMS = ("synth", "live", "render", "precompute", "lj", "presets")
_LONGEST = 60  # lines of a function
_MOST = 8  # parameters of a public function
_EXCUSED = {"synth/generators/__init__.py:generator_of"}  # its parameters are a dataclass's fields

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Named(NamedTuple):
    """A function or a class, and whether others may use it."""

    name: str
    node: Function | ast.ClassDef
    public: bool


def named(tree: ast.AST, within: str = "", *, public: bool = True) -> Iterator[Named]:
    """Everything that a module or a class defines, also in classes within."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, Function | ast.ClassDef):
            seen = public and (not node.name.startswith("_") or node.name == "__init__")
            yield Named(within + node.name, node, seen)
            if isinstance(node, ast.ClassDef):
                yield from named(node, f"{within}{node.name}.", public=seen)


def everything(*rooms: str) -> Iterator[Named]:
    for room in rooms:
        for path in sorted((CLONE / room).rglob("*.py")):
            place = path.relative_to(CLONE).as_posix()
            for one in named(ast.parse(path.read_text("utf-8"))):
                yield one._replace(name=f"{place}:{one.name}")


def parameters(function: Function) -> int:
    given = function.args
    taken = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    return len(taken) - bool(taken and taken[0].arg in ("self", "cls"))


def test_no_function_is_longer_than_a_screen() -> None:
    lines = {
        one.name: (one.node.end_lineno or 0) - one.node.lineno + 1
        for one in everything(*ROOMS)
        if isinstance(one.node, Function)
    }
    assert len(lines) > 1000
    assert {name: count for name, count in lines.items() if count > _LONGEST} == {}


def test_no_public_function_below_the_command_line_takes_more_than_eight_things() -> None:
    counts = {
        one.name: parameters(one.node)
        for one in everything(*(room for room in ROOMS if room != "lj"))
        if isinstance(one.node, Function) and one.public and one.name not in _EXCUSED
    }
    assert {name: count for name, count in counts.items() if count > _MOST} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_and_class_says_what_it_is(room: str) -> None:
    silent = [
        one.name
        for one in everything(room)
        if one.public and not one.name.endswith("__init__") and not ast.get_docstring(one.node)
    ]
    assert silent == []

"""The functions that draw: as they are, or built to machine code in the user's cache.

Built code is loaded in a blink and called without Python, so that nothing but its file appears or
not while a show runs. Each built function must agree with the plain one when it is first called.
"""

from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import torch
from torch import Tensor
from torch.utils._pytree import TreeSpec, tree_flatten, tree_unflatten

from synth.cache import check_own
from synth.errors import UserError

from ..compiling import Say

_DISAGREEMENT = 0.01  # mean difference from the plain form, by the mean of what it gives

Inputs = TypeVarTuple("Inputs")
Output = TypeVar("Output")


class Kernels:
    """Calls functions of tensors and tuples of tensors, built wherever that can be."""

    def __init__(self, folder: Path | None = None, say: Say = lambda _notice: None) -> None:
        """Built functions are looked for in `folder`, whenever one is called that was not there."""
        self._folder, self._say = folder, say
        if folder is not None:
            import_module("torch._inductor.package")  # takes a second: not in the middle of a show
        self._built: dict[str, _Built] = {}
        self._refused: set[str] = set()

    def __call__(self, function: Callable[[*Inputs], Output], *inputs: *Inputs) -> Output:
        if self._folder is None:
            return function(*inputs)
        name = name_of(function)
        if name in self._built:
            try:
                output: Output = self._built[name](inputs)
                return output
            except Exception as error:  # machine code that fails later than at its first call
                del self._built[name]
                self._refuse(name, _line(error))
        if name not in self._refused and (file := self._folder / f"{name}.pt2").exists():
            return self._first(name, file, function, inputs)
        return function(*inputs)

    @property
    def built(self) -> frozenset[str]:
        """Names of the functions whose built form is in use."""
        return frozenset(self._built)

    def _first(
        self, name: str, file: Path, function: Callable[..., Output], inputs: tuple[Any, ...]
    ) -> Output:
        """Call the plain form and, beside it, the built one, which is in use if they agree."""
        wanted = function(*inputs)
        leaves, shape = tree_flatten(wanted)
        try:
            check_own(file)  # loading it runs it
            built = _Built(_loaded(str(file), file.stat().st_mtime_ns), shape)
            made, _ = tree_flatten(built(inputs))
        except UserError as trouble:
            self._refuse(name, str(trouble))
            return wanted
        except Exception as error:  # of another machine, another torch, or damaged
            self._refuse(name, _line(error))
            return wanted
        if all(_agree(a, b) for a, b in zip(made, leaves, strict=True)):
            self._built[name] = built
        else:
            self._refuse(name, "it differs from the plain form")
        return wanted

    def _refuse(self, name: str, why: str) -> None:
        self._refused.add(name)
        self._say(f"procedural: {name} as built cannot be used ({why}); the plain form is")


@cache
def _loaded(file: str, _written: int) -> Callable[[list[Tensor]], list[Tensor]]:
    """The code in a file as it was `_written`, once for all generators: it cannot be unloaded."""
    code: Callable[[list[Tensor]], list[Tensor]] = torch._inductor.aoti_load_package(file)
    return code


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [repr(error)])[0][:160]


class _Built:
    """One function in machine code."""

    def __init__(self, run: Callable[[list[Tensor]], list[Tensor]], shape: TreeSpec) -> None:
        """`shape` is of what it gives, whose Nones the code leaves out."""
        self._run, self._shape = run, shape

    def __call__(self, inputs: tuple[Any, ...]) -> Any:
        return tree_unflatten(self._run(list(tensors_of(inputs))), self._shape)


def name_of(function: Callable[..., Any]) -> str:
    """A name for people and files."""
    return function.__name__.strip("_").replace("_", "-")


def tensors_of(inputs: tuple[Any, ...]) -> Iterator[Tensor]:
    """Every tensor in nested tuples, in order."""
    for value in inputs:
        if isinstance(value, Tensor):
            yield value
        else:
            yield from tensors_of(value)


def _agree(a: Tensor, b: Tensor) -> bool:
    a, b = a.double(), b.double()
    return a.shape == b.shape and bool(
        (a - b).abs().mean() <= _DISAGREEMENT * b.abs().mean() + 1e-6
    )

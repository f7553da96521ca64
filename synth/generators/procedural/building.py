"""Builds the functions that draw to machine code, once for a machine and a version of torch.

Needs a C++ compiler. A show has this done by another process of low priority while it plays; a
long film waits for it.
"""

import os
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from synth.cache import cache_place
from synth.errors import UserError
from synth.latents.latent import Latent

from ..compiling import machine_digest
from .drawn import NOISE_SIZE
from .generator import Procedural
from .kernels import Inputs, Kernels, Output, name_of
from .tables import CLASSES

_SIDE = 256  # of the pictures whose numbers the compiler sees; what it makes draws every size
_SAMPLES = 80  # random blends of two classes: every family and every geometry are among them
_DONE = "complete"  # a file that says that nothing is missing
_LEFT_BEHIND = 3600.0  # seconds after which a file that is not whole belongs to nobody any more

Call = tuple[Callable[..., Any], tuple[Any, ...]]


def folder() -> Path:
    """Where what is built for this machine, this torch and these sources is kept."""
    sources = sorted(Path(__file__).parent.rglob("*.py"))
    digest = machine_digest(*(source.read_bytes() for source in sources))
    return cache_place("kernels", digest[:24])


def is_complete(place: Path) -> bool:
    """Whether everything is built there."""
    return (place / _DONE).exists()


def build(place: Path, only: Sequence[str] = ()) -> None:
    """Build every function that `place` lacks, or only some of them.

    UserError where no compiler works.
    """
    _check_compiler()
    place.mkdir(0o700, parents=True, exist_ok=True)
    for left in place.glob("*.*.pt2"):
        if time.time() - left.stat().st_mtime > _LEFT_BEHIND:
            left.unlink(missing_ok=True)
    for name, call in calls().items():
        if (not only or name in only) and not (place / f"{name}.pt2").exists():
            _build(*call, place / f"{name}.pt2")
    if not only:
        (place / _DONE).touch()


def _check_compiler() -> None:
    from torch._inductor.cpp_builder import get_cpp_compiler

    try:
        get_cpp_compiler()
    except RuntimeError as error:
        raise UserError("no C++ compiler works here; install g++, or name one with CXX") from error


def calls() -> dict[str, Call]:
    """Every function that draws, with inputs as it is called with."""
    drawing, recorder = Procedural(_SIDE), _Recorder()
    drawing.kernels = recorder
    stream = np.random.RandomState(0)
    for _ in range(_SAMPLES):
        classes = np.zeros((1, CLASSES), np.float32)
        classes[0, stream.choice(CLASSES, 2, replace=False)] = 1.0, 0.8
        noise = 0.5 * stream.standard_normal(NOISE_SIZE).astype(np.float32)
        drawing.frames([Latent(noise, drawing.embed(classes)[0], 0.5)])
    return recorder.calls


class _Recorder(Kernels):
    def __init__(self) -> None:
        super().__init__()
        self.calls: dict[str, Call] = {}

    def __call__(self, function: Callable[[*Inputs], Output], *inputs: *Inputs) -> Output:
        self.calls.setdefault(name_of(function), (function, tuple(inputs)))
        return function(*inputs)


class _Flat(nn.Module):
    """A function as one of a tuple of tensors that gives a tuple of tensors."""

    def __init__(self, function: Callable[..., Any], inputs: tuple[Any, ...]) -> None:
        super().__init__()
        self._function = function
        _, self._shape = tree_flatten(inputs)

    def forward(self, tensors: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return tuple(tree_leaves(self._function(*tree_unflatten(tensors, self._shape))))


@torch.no_grad()
def _build(function: Callable[..., Any], inputs: tuple[Any, ...], file: Path) -> None:
    """Write the function's machine code, for pictures of every size, in one step."""
    from torch.export import Dim, export  # takes a second, for builders alone

    tensors = tuple(tree_leaves(inputs))
    sizes = (tuple([Dim.AUTO] * tensor.dim() for tensor in tensors),)
    partial = file.with_name(f"{file.stem}.{os.getpid()}.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the compiler's own, about its own future
        program = export(_Flat(function, inputs), (tensors,), dynamic_shapes=sizes)
        torch._inductor.aoti_compile_and_package(program, package_path=str(partial))
    partial.chmod(0o600)  # whoever may write it could run what they like here
    partial.replace(file)

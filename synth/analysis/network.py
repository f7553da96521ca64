"""The network that hears, run hop by hop in numpy: a layer, two gated recurrent ones, six heads.

Kyunghyun Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical
machine translation", 2014, is where the gated recurrent unit comes from. `bench/training` makes the
weights from music whose truth is exact.
"""

from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from ..errors import UserError

Array = NDArray[np.float32]

WEIGHTS = Path(__file__).with_name("ears.safetensors")
_WIDTH, _UNITS = 64, 96  # of the first layer, and of both recurrent ones
LATE = 1.5  # hops by which an activation trails its event, in the mean


@dataclass(frozen=True, slots=True)
class Activations:
    """How likely each began lately, 0..1."""

    onset: float
    beat: float
    downbeat: float
    kick: float
    snare: float
    hat: float


class _Recurrent:
    """A gated recurrent layer; its weights as torch has them: reset, update and new, stacked."""

    def __init__(self, weights: dict[str, Array], name: str) -> None:
        self._into = np.ascontiguousarray(weights[f"{name}.weight_ih_l0"])
        self._around = np.ascontiguousarray(weights[f"{name}.weight_hh_l0"])
        self._bias_into = weights[f"{name}.bias_ih_l0"]
        self._bias_around = weights[f"{name}.bias_hh_l0"]
        self._units = self._around.shape[1]
        self.state: Array = np.zeros(self._units, np.float32)

    def step(self, given: Array) -> Array:
        units = self._units
        into = self._into @ given + self._bias_into
        around = self._around @ self.state + self._bias_around
        gates = _sigmoid(into[: 2 * units] + around[: 2 * units])
        new = np.tanh(into[2 * units :] + gates[:units] * around[2 * units :])
        self.state = new + gates[units:] * (self.state - new)
        return self.state


class Network:
    """Follows what is heard, hop by hop."""

    def __init__(self, path: Path = WEIGHTS) -> None:
        """UserError where the weights cannot be read."""
        weights = _read(path)
        self._first, self._bias = weights["first.weight"], weights["first.bias"]
        self._lower, self._upper = _Recurrent(weights, "lower"), _Recurrent(weights, "upper")
        self._told, self._told_bias = weights["told.weight"], weights["told.bias"]

    def step(self, heard: Array) -> Activations:
        """Activations after another hop of `Spectra` (n,)."""
        lower = self._lower.step(np.maximum(self._first @ heard + self._bias, 0))
        upper = self._upper.step(lower)
        told = _sigmoid(self._told @ np.concatenate([lower, upper]) + self._told_bias)
        return Activations(*told.tolist())


@cache
def _read(path: Path) -> dict[str, Array]:
    """Checked weights; a show that has read them once does not need the file any more."""
    try:
        weights = {name: value.astype(np.float32) for name, value in load_file(path).items()}
        _check(weights)
    except (OSError, SafetensorError, ValueError) as error:
        raise UserError(
            f"{path}: cannot be read ({error}); install lj anew, or hear the classic way"
        ) from error
    return weights


def _check(weights: dict[str, Array]) -> None:
    """ValueError unless all are there, fit each other and are numbers."""
    units, width, heads = _UNITS, _WIDTH, len(fields(Activations))
    wanted = {"first.weight": (width, -1), "first.bias": (width,)}
    for name, inputs in (("lower", width), ("upper", units)):
        wanted |= {f"{name}.weight_ih_l0": (3 * units, inputs)}
        wanted |= {f"{name}.weight_hh_l0": (3 * units, units)}
        wanted |= {f"{name}.bias_{way}_l0": (3 * units,) for way in ("ih", "hh")}
    wanted |= {"told.weight": (heads, 2 * units), "told.bias": (heads,)}
    for name, shape in wanted.items():
        found = weights[name].shape if name in weights else ()
        if len(found) != len(shape) or any(
            b not in (a, -1) for a, b in zip(found, shape, strict=True)
        ):
            raise ValueError(f"{name} has shape {found}, not {shape}")
        if not np.isfinite(weights[name]).all():
            raise ValueError(f"{name} holds what is no number")


def _sigmoid(x: Array) -> Array:
    value: Array = 0.5 + 0.5 * np.tanh(0.5 * x)
    return value

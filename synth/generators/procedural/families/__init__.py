"""The texture families. Each returns fields, never colours, so that any two can be blended."""

from .cells import cells
from .cppn import Cppn, cppn
from .fibre import fibre
from .flame import Flame
from .julia import julia
from .liquid import liquid
from .mandala import mandala
from .nebula import nebula
from .silk import silk

__all__ = [
    "Cppn",
    "Flame",
    "cells",
    "cppn",
    "fibre",
    "julia",
    "liquid",
    "mandala",
    "nebula",
    "silk",
]

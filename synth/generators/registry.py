"""Every family of generators, a row each."""

from .biggan.family import BIGGAN
from .family import Family
from .procedural.family import PROCEDURAL

EMBEDDED = PROCEDURAL  # needs nothing that is not here
FAMILIES: list[Family] = [EMBEDDED, BIGGAN]

"""The embedded generator, `procedural`: see `generator` for the way through."""

from .choice import procedural_of
from .generator import Procedural

__all__ = ["Procedural", "procedural_of"]

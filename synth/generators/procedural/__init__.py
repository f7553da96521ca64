"""The embedded generator, `procedural`: see `generator` for the way through."""

from .choice import end_building, procedural_of
from .generator import Procedural

__all__ = ["Procedural", "end_building", "procedural_of"]

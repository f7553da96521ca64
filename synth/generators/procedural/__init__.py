"""The embedded generator, `procedural`: see `generator` for the way through."""

from .generator import Procedural

__all__ = ["Procedural"]

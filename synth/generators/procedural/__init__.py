"""The embedded generator, `procedural`: see `generator` for the way through."""

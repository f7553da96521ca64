"""Knobs, presets and the names of classes."""

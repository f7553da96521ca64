"""Hands on the instrument: knobs and presets, OSC, the page, MIDI."""

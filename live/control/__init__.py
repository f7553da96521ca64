"""Controllers: the address space, OSC, the page, MIDI."""

"""Sound in and out: a capture that comes back by itself, a song from a file, an output."""

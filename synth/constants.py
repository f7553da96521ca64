"""The unit in which sound travels through the instrument."""

RATE = 44100  # samples a second
HOP = 512  # samples a hop: 11.6 ms

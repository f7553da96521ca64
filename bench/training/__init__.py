"""The network that hears: composed music with exact truth, and how it learns from it."""

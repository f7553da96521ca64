"""Offline: a song to a film."""

"""Measurements; each prints a table and writes it to its own .md beside it."""

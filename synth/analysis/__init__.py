"""Hops to features: what is heard."""

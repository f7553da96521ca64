"""A whole night on stage: a real show, and a fault each minute."""

"""BigGAN-deep (Brock, Donahue, Simonyan, 2018) from published weights, at stage speed."""

from .generator import BigGan

__all__ = ["BigGan"]

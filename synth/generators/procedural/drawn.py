"""What the embedded generator draws once from its seed, and all generators of that seed share.

It never changes, so one that is made anew in the middle of a show costs neither the time nor the
memory again.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from . import families
from .tables import class_matrix
from .texture import Texture

NOISE_SIZE = 128
_GESTURE_GAIN = 1.3  # how far a unit of noise moves the picture


@dataclass(frozen=True)
class Drawn:
    """Matrices, textures and clouds of one seed on one device."""

    classes: np.ndarray  # (128, 1000), float32: the class embeddings
    mixing: np.ndarray  # (128, 128), float32: from noise to gesture
    texture: Texture
    cppn: families.Cppn
    flame: families.Flame
    cell_drift: Tensor  # (64, 2)
    _rest: dict[str, Any]  # of the stream

    def rest(self) -> np.random.RandomState:
        """The stream as it stands after all this."""
        stream = np.random.RandomState()
        stream.set_state(self._rest)
        return stream


@lru_cache(maxsize=2)
def drawn(seed: int, device: torch.device) -> Drawn:
    """All that a seed gives, in the order that never changes."""
    stream = np.random.RandomState(seed)
    classes = class_matrix(stream)
    mixing = stream.standard_normal((NOISE_SIZE, NOISE_SIZE)) / np.sqrt(NOISE_SIZE)
    texture = Texture.drawn(stream, device)
    cppn = families.Cppn.drawn(stream, device)
    flame = families.Flame(stream, device)
    cell_drift = stream.standard_normal((64, 2)).astype(np.float32)
    return Drawn(
        classes,
        (mixing * _GESTURE_GAIN).astype(np.float32),
        texture,
        cppn,
        flame,
        torch.from_numpy(cell_drift).to(device),
        stream.get_state(legacy=False),
    )

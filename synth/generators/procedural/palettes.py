"""Twenty-four palettes of six stops, dark to light, mixed and rotated in OKLab.

OKLab after Björn Ottosson, "A perceptual color space for image processing" (2020).
"""

import functools

import numpy as np
import torch
from torch import Tensor

PALETTES = {
    "ember": "05010a 3b0a1e a3161f ff5a1f ffc857 fff3d6",
    "abyss": "01030a 04254a 0a5f8a 12b5c9 8ff0e0 f4fffb",
    "ultraviolet": "05010f 240a5e 6a11cb c724ff ff7ad9 fff0fb",
    "aurora": "010806 053b3f 0b8f6a 4af2a1 b8ff6a f6ffe0",
    "gold": "080502 3a2408 8a5a12 d9a441 ffe29a fffaf0",
    "miami": "0a0118 3d0f6b d4147a ff5f6d ffc371 fff1d0",
    "ice": "02040a 0c1f4a 2b5fb8 7fb5ff d6ecff ffffff",
    "acid": "020500 123a06 3f9b0b a6ff00 f3ff5a ffffff",
    "magcyan": "03020c 1b1464 0652dd 12cbc4 fda7df ffffff",
    "blood": "060101 33060a 7a0d14 d4342c ff9a76 ffe8dc",
    "peacock": "01060a 06323f 0b7a75 19c5a5 d4af37 fff4c2",
    "orchid": "07020a 38124d 8a2a8c e05297 ffa3b1 fff0ec",
    "copper": "020708 08363a 17777a c96f3b f2b280 fff2e0",
    "noir": "020204 0b0b2b 2d00f7 f20089 ff8fd0 ffffff",
    "sunset": "08020f 2b1055 7b2d8b e8505b f9a03f fdf3c0",
    "forest": "020402 10261a 2f5d3a 7fa650 d7d08a fbf7df",
    "platinum": "040404 1c1c22 55555f a7a7ad e6dcc8 fffdf6",
    "lava": "0a0010 5a0057 d1006c ff4d00 ffb700 fff6c9",
    "electric": "00010a 001a5c 0047ff 00b3ff 7dfcff ffffff",
    "rose": "08040a 3b1f45 8d4a7d d987a8 f7c9cf fff7f3",
    "toxic": "05010a 2e0854 6c1ea8 22d36b c6ff5e ffffff",
    "redcyan": "040406 4a0410 e0103a ff8f7a 1fc8e0 e8ffff",
    "dusk": "03040a 14213d 3a5a8c c77d8f fca311 fff0c8",
    "spectrum": "0a0420 3a0ca3 b5179e f7455b f9c74f 90f1c0",
}
NAMES = tuple(PALETTES)
RAMP_SIZE = 1024

_LINEAR_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LMS_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LAB_TO_LMS = np.linalg.inv(_LMS_TO_LAB)
_LMS_TO_LINEAR = np.linalg.inv(_LINEAR_TO_LMS)


def oklab_of_hex(colour: str) -> np.ndarray:
    """OKLab (3,) of an sRGB colour written `rrggbb`."""
    srgb = np.array([int(colour[i : i + 2], 16) for i in (0, 2, 4)]) / 255
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    lab: np.ndarray = _LMS_TO_LAB @ np.cbrt(np.maximum(_LINEAR_TO_LMS @ linear, 1e-9))
    return lab


@functools.cache
def _stops() -> np.ndarray:
    return np.stack([[oklab_of_hex(c) for c in row.split()] for row in PALETTES.values()])


@functools.cache
def _ramp_positions() -> tuple[np.ndarray, np.ndarray]:
    """Left stop (n,) and weight of the right one (n,1), half linear and half smoothstep."""
    along = np.linspace(0, 5, RAMP_SIZE)
    left = np.minimum(np.floor(along), 4).astype(int)
    part = along - left
    return left, (0.5 * part * part * (3 - 2 * part) + 0.5 * part)[:, None]


def _mixed(weights: np.ndarray) -> np.ndarray:
    """Weighted mean of the palettes' stops (6,3), as colourful as they are on average.

    A plain mean of hues that differ is grey; its chroma is raised again, at most to double.
    """
    stops = _stops()
    mean = np.tensordot(weights, stops, 1)
    colourful = weights @ np.hypot(stops[..., 1], stops[..., 2])
    left_over = np.hypot(mean[:, 1], mean[:, 2])
    mean[:, 1:] *= np.minimum(colourful / (left_over + 1e-6), 2.0)[:, None]
    return mean


def ramp(weights: np.ndarray, hue: float) -> Tensor:
    """Mix palettes into one table of linear RGB (3, RAMP_SIZE), dark to light.

    `weights` (24,) sums to one; `hue` turns every colour by that many radians in OKLab.
    """
    stops = _mixed(weights)
    cos, sin = np.cos(hue), np.sin(hue)
    lightness, a, b = stops.T
    turned = np.stack([lightness, a * cos - b * sin, a * sin + b * cos], 1)
    left, part = _ramp_positions()
    lab = turned[left] * (1 - part) + turned[left + 1] * part
    linear = (lab @ _LAB_TO_LMS.T) ** 3 @ _LMS_TO_LINEAR.T
    return torch.from_numpy(np.maximum(linear, 0).T.astype(np.float32).copy())

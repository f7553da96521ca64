"""Fibre: warped strands, combed by stretched noise."""

import torch

from ..fields import Fields
from ..geometry import View
from ..scene import Scene
from ..texture import Texture
from .warp import warped


def fibre(view: View, scene: Scene, texture: Texture) -> Fields:
    g = scene.gesture
    x, y = warped(
        view,
        scene,
        rounds=4,
        scale=1.3 * 2 ** (0.5 * scene.swing(10)),
        strength=(0.8 + 0.25 * scene.swing(11)) * scene.relief,
        pitch=1.1,
        sway=1.9,
    )
    along = x * 0.03 + (0.05 * float(g[22]) + 0.25 * float(scene.character[19]))
    strand, ridge, shadow = texture.sample(along, y * 0.42 + 0.10 * float(g[23]), 0, 3)
    tone = 0.5 + 0.5 * torch.sin(1.1 * x + 0.9 * strand + 1.2 * float(g[24]))
    return Fields(
        0.10 * ridge + 0.22 * torch.sin(1.7 * x + 0.3 * strand),
        (0.70 * tone + 0.03) * (0.75 + 0.25 * torch.tanh(shadow)),
        torch.exp(-7 * (ridge - 0.2).abs()) * tone * 0.30,
        0.45 + 0.4 * tone,
    )

"""The embedded generator: pictures from a latent, with no weights to download.

Same latent as BigGAN's: noise (128,), class embedding (128,), truncation. Deterministic from a
seed; the tables come from numpy's legacy stream, which never changes.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synth.latents import Latent

from . import families, geometry
from .fields import Fields, blended
from .finish import Finish
from .geometry import Canvas, View
from .light import lit
from .scene import GESTURE_LEVELS, Scene, scene_of
from .tables import EMBEDDING_SIZE, class_matrix
from .texture import Texture

NOISE_SIZE = 128
_GESTURE_GAIN = 1.3  # how far a unit of noise moves the picture
_SMALLEST = 256  # smaller pictures are this one, shrunk: fine lines survive
_EMBEDDED_SEED = 20240
_TONE_SPREAD = 0.19  # standard deviation that bland pictures are stretched towards


class Procedural:
    """Textures, geometry, light and film, in that order."""

    name = "procedural"
    noise_size = NOISE_SIZE
    embedding_size = EMBEDDING_SIZE

    def __init__(
        self, resolution: int = 512, *, device: str = "cpu", seed: int = _EMBEDDED_SEED
    ) -> None:
        self.resolution = self.width = resolution
        self.device = torch.device(device)
        self._side = resolution if resolution >= _SMALLEST else _drawn_side(resolution)
        stream = np.random.RandomState(seed)
        self._classes = class_matrix(stream)
        mixing = stream.standard_normal((NOISE_SIZE, NOISE_SIZE)) / np.sqrt(NOISE_SIZE)
        self._mixing = (mixing * _GESTURE_GAIN).astype(np.float32)
        self._texture = Texture(stream, self.device)
        self._cppn = families.Cppn(stream, self.device)
        self._flame = families.Flame(stream, self.device)
        cell_drift = stream.standard_normal((64, 2)).astype(np.float32)
        self._cell_drift = torch.from_numpy(cell_drift).to(self.device)
        self._whole = Canvas(self._side, self.device)
        self._half = Canvas(self._side, self.device, half=True)
        self._finish = Finish(self._whole, stream)

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n,128) of class vectors (n,1000)."""
        embedded: np.ndarray = classes.astype(np.float32) @ self._classes.T
        return embedded

    @torch.inference_mode()
    def frames(self, latents: Sequence[Latent]) -> Tensor:
        """uint8 (B, side, side, 3) on this generator's device."""
        return self._shrunk(torch.stack([self._frame(latent) for latent in latents]))

    def _frame(self, latent: Latent) -> Tensor:
        gesture = self.gesture(latent)
        scene = scene_of(gesture, latent.embedding, latent.truncation)
        fields = _levelled(self._fields(scene))
        return self._finish(lit(fields, scene, self._side, scene.families.get("flame", 0.0)))

    def gesture(self, latent: Latent) -> np.ndarray:
        """(128,): each number from the noise of its own size, coarse, middle or fine."""
        if latent.levels is None:
            mixed: np.ndarray = latent.noise.astype(np.float32) @ self._mixing
            return mixed
        gestures: np.ndarray = latent.levels.astype(np.float32) @ self._mixing
        return gestures[GESTURE_LEVELS, np.arange(NOISE_SIZE)]

    def _fields(self, scene: Scene) -> Fields:
        """Blend of every family that takes part."""
        return blended((w, self._family(name, scene)) for name, w in scene.families.items())

    def _family(self, name: str, scene: Scene) -> Fields:
        """One family over every geometry that takes part; two bring a space of their own."""
        if name == "flame":
            return self._flame(scene, self._side)
        if name == "mandala":
            return self._half.unfold(families.mandala(self._half, scene, self._side))
        return blended((w, self._placed(name, at, scene)) for at, w in scene.geometries.items())

    def _placed(self, name: str, place: str, scene: Scene) -> Fields:
        canvas = self._half if place in geometry.SYMMETRIC else self._whole
        view = geometry.view(place, canvas, scene)
        return canvas.unfold(view.lit(self._texture_family(name, view, scene)))

    def _texture_family(self, name: str, view: View, scene: Scene) -> Fields:
        match name:
            case "silk":
                return families.silk(view, scene)
            case "fibre":
                return families.fibre(view, scene, self._texture)
            case "cells":
                return families.cells(view, scene, self._cell_drift)
            case "julia":
                return families.julia(view, scene)
            case "liquid":
                return families.liquid(view, scene)
            case "nebula":
                return families.nebula(view, scene, self._texture)
            case _:
                return self._cppn(view, scene)

    def _shrunk(self, frames: Tensor) -> Tensor:
        if self._side == self.resolution:
            return frames
        planes = frames.permute(0, 3, 1, 2).float()
        small = torch.nn.functional.interpolate(
            planes, size=(self.resolution, self.resolution), mode="area"
        )
        return small.round().to(torch.uint8).permute(0, 2, 3, 1).contiguous()


def _drawn_side(resolution: int) -> int:
    """The smallest whole multiple of `resolution` that is drawn well."""
    return resolution * -(-_SMALLEST // resolution)


def _levelled(fields: Fields) -> Fields:
    """Stretch a bland picture's tones around their mean."""
    mean = fields.tone.mean()
    gain = (_TONE_SPREAD / (fields.tone.std() + 0.02)).clamp(1.0, 2.2)
    return fields._replace(tone=mean + (fields.tone - mean) * gain)

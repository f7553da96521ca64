"""The embedded generator: pictures from a latent, with no weights to download.

Same latent as BigGAN's: noise (128,), class embedding (128,), truncation. Deterministic from a
seed; the tables come from numpy's legacy stream, which never changes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from synth.latents.latent import Latent
from synth.memory import keep_large_blocks

from ..compiling import Say
from . import families
from .drawn import NOISE_SIZE, drawn
from .fields import Fields, added, levelled, weighed
from .finish import Finish
from .geometry import SYMMETRIC, VIEWS, Canvas, Orb, View, fogged, on_orb
from .kernels import Kernels
from .light import Inks, framed, lit
from .palettes import ramp
from .scene import GESTURE_LEVELS, Scene, Traits, scene_of
from .tables import EMBEDDING_SIZE

_SMALLEST = 256  # smaller pictures are this one, shrunk: fine lines survive
_EMBEDDED_SEED = 20240
_OWN_SPACE = {"flame", "mandala"}  # families that no geometry places


class Procedural:
    """Textures, geometry, light and film, in that order."""

    name = "procedural"
    noise_size = NOISE_SIZE
    embedding_size = EMBEDDING_SIZE

    def __init__(
        self,
        resolution: int = 512,
        *,
        device: str = "cpu",
        seed: int = _EMBEDDED_SEED,
        built: Path | None = None,
        say: Say = lambda _notice: None,
    ) -> None:
        keep_large_blocks()
        self.resolution = self.width = resolution
        self.device = torch.device(device)
        self.kernels = Kernels(built if self.device.type == "cpu" else None, say)
        self._side = resolution if resolution >= _SMALLEST else _drawn_side(resolution)
        self._drawn = drawn(seed, self.device)
        self._whole = Canvas(self._side, self.device)
        self._half = Canvas(self._side, self.device, half=True)
        self._finish = Finish(self._whole, self._drawn.rest())

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n,128) of class vectors (n,1000)."""
        embedded: np.ndarray = classes.astype(np.float32) @ self._drawn.classes.T
        return embedded

    @torch.no_grad()
    def frames(self, latents: Sequence[Latent]) -> Tensor:
        """uint8 (B, side, side, 3) on this generator's device."""
        return self._shrunk(torch.stack([self._frame(latent) for latent in latents]))

    def _frame(self, latent: Latent) -> Tensor:
        scene = scene_of(self.gesture(latent), latent.embedding, latent.truncation, self.device)
        fields = self.kernels(levelled, self._fields(scene))
        smoke = self._number(scene.families.get("flame", 0.0))
        inks, vignette = self._inks(scene), self._finish.vignette
        relief = framed(fields.height, self._side)
        light = self.kernels(lit, fields, relief, scene.traits, inks, smoke, vignette)
        return self._finish(light, self.kernels)

    def _inks(self, scene: Scene) -> Inks:
        body = ramp(scene.body_palette, scene.hue)
        glow = ramp(scene.glow_palette, 0.5 * scene.hue)
        return Inks(body.to(self.device), glow.to(self.device))

    def _number(self, value: float) -> Tensor:
        return torch.tensor(value, device=self.device)

    def gesture(self, latent: Latent) -> np.ndarray:
        """(128,): each number from the noise of its own size, coarse, middle or fine."""
        if latent.levels is None:
            mixed: np.ndarray = latent.noise.astype(np.float32) @ self._drawn.mixing
            return mixed
        gestures: np.ndarray = latent.levels.astype(np.float32) @ self._drawn.mixing
        return gestures[GESTURE_LEVELS, np.arange(NOISE_SIZE)]

    def _fields(self, scene: Scene) -> Fields:
        """Blend of every family that takes part, over every geometry that does."""
        places = scene.geometries
        views = {
            place: self.kernels(VIEWS[place], self._canvas(place).grid, scene.traits)
            for place in places
            if scene.families.keys() - _OWN_SPACE
        }
        whole, half = _Blend(self.kernels), _Blend(self.kernels)
        for name, weight in scene.families.items():
            if name == "flame":
                whole.add(self._number(weight), self._drawn.flame(scene, self._side, self.kernels))
            elif name == "mandala":
                grid, finest = self._half.grid, self._number(max(0.0105, 2.6 / self._side))
                petals = self.kernels(families.mandala, grid, scene.traits, finest)
                half.add(self._number(weight), petals)
            else:
                for place, share in places.items():
                    blend = half if place in SYMMETRIC else whole
                    part = self._on(views[place], self._textured(name, views[place], scene.traits))
                    blend.add(self._number(weight * share), part)
        if half.fields is not None:
            whole.add(self._number(1.0), self._half.unfold(half.fields))
        assert whole.fields is not None
        return whole.fields

    def _canvas(self, place: str) -> Canvas:
        return self._half if place in SYMMETRIC else self._whole

    def _on(self, view: View, fields: Fields) -> Fields:
        """What the geometry does to light."""
        if view.fog:
            return self.kernels(fogged, fields, view.fog[0])
        return self.kernels(on_orb, fields, view.orb) if isinstance(view.orb, Orb) else fields

    def _textured(self, name: str, view: View, traits: Traits) -> Fields:
        x, y, _, _ = view
        match name:
            case "silk":
                return self.kernels(families.silk, x, y, traits)
            case "fibre":
                return self.kernels(families.fibre, x, y, traits, self._drawn.texture)
            case "cells":
                return self.kernels(families.cells, x, y, traits, self._drawn.cell_drift)
            case "julia":
                return self.kernels(families.julia, x, y, traits)
            case "liquid":
                return self.kernels(families.liquid, x, y, traits)
            case "nebula":
                return self.kernels(families.nebula, x, y, traits, self._drawn.texture)
            case _:
                return self.kernels(families.cppn, x, y, traits, self._drawn.cppn)

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


class _Blend:
    """A weighted sum of fields over the same pixels."""

    def __init__(self, kernels: Kernels) -> None:
        self.fields: Fields | None = None
        self._kernels = kernels

    def add(self, weight: Tensor, part: Fields) -> None:
        if self.fields is None:
            self.fields = self._kernels(weighed, weight, part)
        else:
            self.fields = self._kernels(added, self.fields, weight, part)

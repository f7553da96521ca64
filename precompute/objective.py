"""What a picture should look like, as a score: AugCLIP.

A picture's score is the mean cosine of CLIP's vectors of many changed copies with the vector of
the words, after FuseDream (Xingchao Liu and others, 2021): copies that differ in light, colour,
place and size, with a hole cut out, keep the search from noise that only CLIP takes for the words.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from synth.errors import UserError

from .clip import Clip

TEMPLATES = ("{}", "a picture of {}", "a painting of {}", "an artistic photo of {}")
_STYLE = 0.35  # of a vibe beside the words
_BRIGHTNESS, _SATURATION, _CONTRAST = 0.5, 1.0, 0.5
_SHIFT, _RESIZE = 0.125, 0.2  # of the side
_HOLE = 0.5  # of the side


@dataclass(frozen=True, slots=True)
class Vibe:
    """A style as weighted prompts."""

    prompts: Mapping[str, float]


def vibes_of(path: Path | None = None) -> dict[str, Vibe]:
    """The vibes that come with the program, and those of a TOML file of one's own laid over them.

    A table for each vibe: `"neon signs at night" = 1.0`.
    """
    texts = [
        (resources.files("precompute").joinpath("vibes.toml").read_text("utf-8"), "vibes.toml")
    ]
    if path is not None:
        try:
            texts.append((path.read_text("utf-8"), str(path)))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path}: cannot be read ({error})") from error
    found: dict[str, Vibe] = {}
    for text, place in texts:
        try:
            tables = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise UserError(f"{place}: is not TOML: {error}") from error
        for name, table in tables.items():
            if not isinstance(table, dict) or not all(
                isinstance(w, (int, float)) and not isinstance(w, bool) for w in table.values()
            ):
                raise UserError(f"{place}: {name} must be a table of prompts with a number each")
            found[name] = Vibe({str(prompt): float(weight) for prompt, weight in table.items()})
    return found


class Objective:
    """Scores pictures against words, and against the vibes that colour them."""

    def __init__(self, clip: Clip, vibes: Sequence[Vibe] = (), *, copies: int = 24) -> None:
        self.clip, self.copies = clip, copies
        self._style = [
            (clip.of_texts([prompt])[0], weight)
            for vibe in vibes
            for prompt, weight in vibe.prompts.items()
        ]

    def target(self, meaning: Mapping[str, float]) -> Tensor:
        """The unit vector (d,) that pictures are held against, of weighted texts."""
        aim = torch.stack([weight * self._words(text) for text, weight in meaning.items()]).sum(0)
        for vector, weight in self._style:
            aim = aim + _STYLE * weight * vector
        unit: Tensor = F.normalize(aim, dim=0)
        return unit

    def _words(self, text: str) -> Tensor:
        return self.clip.of_texts([template.format(text) for template in TEMPLATES]).mean(0)

    def score(self, pictures: Tensor, target: Tensor, stream: torch.Generator) -> Tensor:
        """(n,) cosines of pictures (n, 3, h, w) in 0..1, with gradients.

        All are seen through the same changes, on CLIP's device.
        """
        copies = changed(pictures.to(self.clip.device), self.copies, self.clip.side, stream)
        vectors = self.clip.of_pictures(copies.flatten(0, 1))
        cosines: Tensor = (vectors * target).sum(1).unflatten(0, (len(pictures), self.copies))
        return cosines.mean(1)


def changed(pictures: Tensor, copies: int, side: int, stream: torch.Generator) -> Tensor:
    """(n, copies, 3, side, side): each picture in the same many lights and places, and holes."""
    count = len(pictures) * copies

    def alike(numbers: Tensor) -> Tensor:
        """What was drawn for the copies of one picture, for those of every picture."""
        return torch.cat([numbers] * len(pictures)).to(pictures.device)

    def spread(*shape: int) -> Tensor:
        """Uniform numbers in -1..1."""
        return alike(2 * torch.rand(copies, *shape, generator=stream) - 1)

    copied = pictures.repeat_interleave(copies, 0)
    scale = 1 / (1 + _RESIZE * spread())
    move = 2 * _SHIFT * spread(2)
    matrix = torch.zeros(count, 2, 3, device=pictures.device)
    matrix[:, 0, 0] = matrix[:, 1, 1] = scale
    matrix[:, :, 2] = move
    grid = F.affine_grid(matrix, [count, 3, side, side], align_corners=False)
    small = F.interpolate(copied, (side, side), mode="area") if copied.shape[-1] > side else copied
    seen = F.grid_sample(small, grid, padding_mode="reflection", align_corners=False)
    light = _BRIGHTNESS * spread(1, 1, 1)
    grey = seen.mean(1, keepdim=True)
    seen = grey + (seen - grey) * (1 + _SATURATION * spread(1, 1, 1))
    middle = seen.mean((1, 2, 3), keepdim=True)
    seen = middle + (seen - middle) * (1 + _CONTRAST * spread(1, 1, 1)) + light
    holed: Tensor = seen * alike(_holes(copies, side, stream))
    grouped: Tensor = holed.unflatten(0, (len(pictures), copies))
    return grouped


def _holes(count: int, side: int, stream: torch.Generator) -> Tensor:
    """(count, 1, side, side): 0 in a square of half the side somewhere, 1 elsewhere."""
    reach = int(side * _HOLE)
    corner = torch.randint(-reach // 2, side - reach // 2, (count, 2), generator=stream)
    place = torch.arange(side)
    inside = [(place >= c[:, None]) & (place < c[:, None] + reach) for c in corner.T]
    outside: Tensor = 1 - (inside[0][:, :, None] & inside[1][:, None, :]).float()[:, None]
    return outside

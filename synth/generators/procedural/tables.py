"""What each ImageNet class looks like: its character, family, geometry, palettes and symmetry.

A class is one column of a 128 x 1000 matrix, so that classes mix linearly, as BigGAN's do. The
columns are drawn once from a frozen random stream; groups of kindred classes lean to families,
geometries and palettes that suit them.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .palettes import NAMES as PALETTES

CLASSES = 1000
FAMILIES = ("silk", "fibre", "cells", "julia", "liquid", "nebula", "cppn", "mandala", "flame")
GEOMETRIES = ("plane", "mirror", "kaleidoscope", "tunnel", "orb")
SYMMETRIES = (3, 4, 5, 6, 6, 7, 8, 10)
_COMMON_GEOMETRIES = "plane plane mirror kaleidoscope kaleidoscope kaleidoscope tunnel orb"


class EmbeddingLayout(NamedTuple):
    """The parts of a class embedding, in order; sizes below."""

    character: np.ndarray
    families: np.ndarray
    geometries: np.ndarray
    body_palette: np.ndarray
    glow_palette: np.ndarray
    symmetry: np.ndarray
    mass: np.ndarray

    @staticmethod
    def split(embedding: np.ndarray) -> "EmbeddingLayout":
        """View an embedding (128,) as its parts."""
        parts = np.split(embedding, _BOUNDS)
        character, families, geometries, body, glow, symmetry, mass = parts
        return EmbeddingLayout(character, families, geometries, body, glow, symmetry[0], mass[0])


_SIZES = (64, len(FAMILIES), len(GEOMETRIES), len(PALETTES), len(PALETTES), 1, 1)
_BOUNDS = np.cumsum(_SIZES)[:-1]
EMBEDDING_SIZE = sum(_SIZES)


@dataclass(frozen=True)
class Leaning:
    """What a group of classes may look like; an empty string leaves it to chance."""

    classes: tuple[int, ...]
    families: str = ""
    palettes: str = ""
    geometries: str = ""


def _span(first: int, last: int) -> tuple[int, ...]:
    return tuple(range(first, last + 1))


# Later rows win, so that a theme can pick single classes out of a zoological group.
LEANINGS = (
    Leaning(_span(0, 6) + _span(389, 397), "liquid silk", "abyss ice electric peacock magcyan"),
    Leaning(_span(7, 24), "fibre flame silk"),
    Leaning(_span(25, 51), "cells cppn", "forest toxic acid copper aurora"),
    Leaning(_span(52, 68), "cells fibre cppn", "toxic forest acid copper gold", "plane mirror"),
    Leaning(_span(69, 79), "mandala cells", "platinum", "kaleidoscope mirror"),
    Leaning(_span(80, 100) + _span(127, 146), "fibre silk", "peacock miami spectrum rose ice"),
    Leaning(_span(107, 126), "liquid cells cppn", "abyss ultraviolet magcyan aurora peacock"),
    Leaning(_span(147, 150), "liquid", "abyss dusk ice"),
    Leaning(_span(151, 268), "fibre silk cppn"),
    Leaning(_span(269, 299), "fibre nebula cppn"),
    Leaning(_span(300, 318), "julia cppn mandala"),
    Leaning(_span(319, 326), "julia", "spectrum electric miami toxic orchid", "mirror plane"),
    Leaning(_span(327, 329), "mandala cells", "redcyan sunset ultraviolet"),
    Leaning(_span(924, 969), "cells liquid cppn silk", "gold miami forest sunset blood"),
    Leaning((949, 951, 954, 950, 953, 957, 599, 410, 309), "cells", "gold ember"),
    Leaning(_span(970, 980), "nebula liquid", "sunset dusk forest ice", "plane mirror orb"),
    Leaning(_span(987, 998), "julia cells cppn", "forest copper gold ember", "plane orb"),
    Leaning(
        (984, 985, 986, 944, 946, 723, 879, 738, 883, 580, 716, 417),
        "mandala",
        "rose orchid miami gold sunset",
        "kaleidoscope",
    ),
    Leaning(
        (980, 470, 644, 827, 556, 818, 619, 846, 626, 862, 657, 607),
        "flame nebula",
        "ember lava blood gold",
        "plane mirror",
    ),
    Leaning(
        (513, 566, 776, 875, 593, 479, 475, 581, 817, 632, 754, 683),
        "silk",
        "gold platinum gold ember",
        "plane orb tunnel",
    ),
    Leaning(
        (782, 664, 851, 508, 527, 620, 498, 688, 800, 920, 613, 745),
        "cppn liquid",
        "electric magcyan toxic miami noir acid",
        "tunnel tunnel mirror",
    ),
    Leaning(
        (497, 668, 538, 884, 406, 663, 698, 832, 682, 873, 858, 825),
        "cells mandala cells",
        "peacock redcyan gold electric ember forest",
        "kaleidoscope",
    ),
    Leaning(
        (885, 578, 614, 689, 601, 775, 887, 911, 501, 400, 834, 655),
        "silk fibre",
        "rose orchid blood noir gold ultraviolet",
        "plane",
    ),
    Leaning(
        (812, 755, 727, 971, 974, 405, 701, 895, 404, 562, 833, 628),
        "nebula julia nebula",
        "ultraviolet dusk aurora magcyan sunset orchid",
        "plane orb",
    ),
    Leaning(
        (970, 279, 296, 145, 537, 795, 802, 803, 928, 929, 250, 258),
        "nebula fibre",
        "ice platinum electric dusk",
        "plane mirror",
    ),
    Leaning(
        (973, 107, 108, 109, 110, 393, 396, 115, 1, 392, 327, 328),
        "liquid cells",
        "abyss peacock aurora magcyan redcyan",
        "plane orb",
    ),
    Leaning(
        (978, 975, 977, 976, 460, 525, 536, 718, 449, 484, 914, 780),
        "liquid silk",
        "sunset dusk miami copper peacock",
        "plane mirror",
    ),
)

# Single classes whose colour everybody knows.
KNOWN_PALETTES = {
    "ember": (1, 292, 387),
    "peacock": (84,),
    "ultraviolet": (107,),
    "rose": (130,),
    "sunset": (323, 978),
    "platinum": (340, 388),
    "gold": (951, 985),
    "blood": (949, 992),
    "lava": (963, 980),
    "ice": (971,),
    "dusk": (972,),
    "abyss": (973,),
    "forest": (979,),
}


class _Draft:
    """Index tables (1000,) under construction."""

    def __init__(self, stream: np.random.RandomState) -> None:
        self.dice = stream.randint(0, 10**6, (CLASSES, 4))
        self.families = self.dice[:, 0] % len(FAMILIES)
        common = _COMMON_GEOMETRIES.split()
        self.geometries = np.array([GEOMETRIES.index(common[d % 8]) for d in self.dice[:, 1]])
        self.body = self.dice[:, 2] % len(PALETTES)
        self.glow = (self.body + 1 + self.dice[:, 3] % (len(PALETTES) - 1)) % len(PALETTES)

    def lean(self, leaning: Leaning) -> None:
        for index in leaning.classes:
            dice = self.dice[index]
            _choose(self.families, index, FAMILIES, leaning.families, dice[0])
            _choose(self.geometries, index, GEOMETRIES, leaning.geometries, dice[1])
            _choose(self.body, index, PALETTES, leaning.palettes, dice[2])
            _choose(self.glow, index, PALETTES, leaning.palettes, dice[2] + 1 + dice[3] % 3)


def _choose(table: np.ndarray, index: int, names: tuple[str, ...], options: str, dice: int) -> None:
    if options:
        words = options.split()
        table[index] = names.index(words[dice % len(words)])


def _one_hot(indices: np.ndarray, size: int) -> np.ndarray:
    return np.eye(size, dtype=np.float32)[:, indices]


def class_matrix(stream: np.random.RandomState) -> np.ndarray:
    """The class embeddings (128, 1000), float32: one column a class."""
    character = stream.standard_normal((64, CLASSES)).astype(np.float32)
    draft = _Draft(stream)
    symmetry = np.array(SYMMETRIES, np.float32)[stream.randint(0, len(SYMMETRIES), CLASSES)]
    for leaning in LEANINGS:
        draft.lean(leaning)
    for palette, classes in KNOWN_PALETTES.items():
        draft.body[list(classes)] = PALETTES.index(palette)
    return np.concatenate(
        [
            character,
            _one_hot(draft.families, len(FAMILIES)),
            _one_hot(draft.geometries, len(GEOMETRIES)),
            _one_hot(draft.body, len(PALETTES)),
            _one_hot(draft.glow, len(PALETTES)),
            symmetry[None],
            np.ones((1, CLASSES), np.float32),
        ]
    )

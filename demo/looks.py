"""Draw the sheet of all presets that README shows.

    python -m demo.looks OUT.jpg

Each row is one look playing the demo song; the columns are the same seconds for all. One picture of
each becomes the thumbnail beside its preset.
"""

import sys
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
from PIL import Image

from demo.compose import compose, write
from render.sheet import Picture, pictures_of_song
from synth.generators.procedural.generator import Procedural
from synth.settings.preset import preset_of, shipped

PICTURES = 6
THUMBNAIL = 96  # pixels
_CHOSEN = 3  # of the pictures, from 0
SIDE = 128  # pixels
PRESETS = Path(__file__).parents[1] / "presets"


def looks(song: Path) -> dict[str, list[Picture]]:
    """PICTURES frames of the song in every look."""
    renderer = Procedural(SIDE)
    return {
        name: pictures_of_song(song, renderer, preset_of(name).knobs, PICTURES)
        for name in shipped()
    }


def draw(sheet: dict[str, list[Picture]], output: Path) -> None:
    """Two looks a row, their names above."""
    rows = -(-len(sheet) // 2)
    size = (2 * PICTURES * SIDE / 100, rows * (SIDE + 18) / 100)
    figure, axes = plt.subplots(rows, 2 * PICTURES, figsize=size, dpi=100, facecolor="#101014")
    figure.subplots_adjust(0, 0, 1, 1 - 16 / (100 * size[1]), wspace=0.02, hspace=18 / SIDE)
    for place in axes.flat:
        place.axis("off")
    for number, (name, pictures) in enumerate(sheet.items()):
        row, first = number // 2, number % 2 * PICTURES
        for k, picture in enumerate(pictures):
            axes[row, first + k].imshow(picture.pixels)
        axes[row, first].set_title(name, fontsize=8, color="w", pad=3, loc="left")
    figure.savefig(output, facecolor=figure.get_facecolor(), pil_kwargs={"quality": 88})


def write_thumbnails(sheet: dict[str, list[Picture]]) -> None:
    """One small JPEG a preset, beside its TOML."""
    for name, pictures in sheet.items():
        small = Image.fromarray(pictures[_CHOSEN].pixels).resize((THUMBNAIL, THUMBNAIL))
        small.save(PRESETS / f"{name}.jpg", quality=80)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write(song, compose())
        sheet = looks(song)
        draw(sheet, Path(sys.argv[1]))
        write_thumbnails(sheet)

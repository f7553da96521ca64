from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from render.sheet import draw, pictures_of_film, pictures_of_song
from render.song import Job, render
from synth.errors import UserError
from synth.generators.procedural.generator import Procedural
from synth.settings.knobs import Knobs
from tests import sounds


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sheet") / "song.wav"
    return sounds.write_wav(path, sounds.chord((60, 64, 67), 4))


def test_a_songs_sheet_shows_what_its_film_shows(song: Path, tmp_path: Path) -> None:
    renderer = Procedural(128)
    job = Job(song, tmp_path / "a.mp4", (160, 160), Fraction(40), quality="best")
    render(job, renderer, Knobs(), lambda done, total: None)
    of_film = pictures_of_film(job.film, 4)
    of_song = pictures_of_song(song, renderer, Knobs(), 4)
    for film, still in zip(of_film, of_song, strict=True):
        assert film.time == pytest.approx(still.time, abs=0.03)
        shown = np.array(Image.fromarray(still.pixels).resize((160, 160)))
        assert np.abs(film.pixels.astype(int) - shown).mean() < 12


def test_a_sheet_is_a_picture_with_curves_under_it(song: Path, tmp_path: Path) -> None:
    pictures = pictures_of_song(song, Procedural(128), Knobs(), 6)
    draw(song, pictures, 3, tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as picture:
        sheet = np.array(picture.convert("RGB")).astype(float)
    assert sheet.shape[1] == 480
    pixels, curves = sheet[:-260], sheet[-260:]
    assert pixels.std() > 30
    assert curves.max() > 200


def test_a_sheet_must_be_png_and_writable(song: Path, tmp_path: Path) -> None:
    pictures = pictures_of_song(song, Procedural(128), Knobs(), 1)
    with pytest.raises(UserError, match="ends in .png"):
        draw(song, pictures, 1, tmp_path / "sheet.jpg")
    with pytest.raises(UserError, match="cannot be written"):
        draw(song, pictures, 1, tmp_path / "nowhere" / "sheet.png")

"""An output in a few lines is opened, fed, told of and closed like the others."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from live.output.kinds import KINDS, Kind
from synth.errors import UserError
from synth.sink import Sink, Size, Takes, Wants, shaded
from tests import sounds
from tests.lj.terminal import Terminal


class Still:
    """The newest picture as a portable pixmap."""

    wants = Wants(Takes.NEWEST, (32, 32))

    def __init__(self, path: Path) -> None:
        self._path, self._newest = path, b""

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        height, width = picture.shape[:2]
        self._newest = b"P6 %d %d 255\n" % (width, height) + shaded(picture, shade).tobytes()

    def close(self) -> None:
        self._path.write_bytes(self._newest)


def opened(target: str, _size: Size) -> Sink:
    return Still(Path(target))


def checked(target: str) -> None:
    if not target.endswith(".ppm"):
        raise UserError(f"{target}: a still's name ends in .ppm")


@pytest.fixture(autouse=True)
def still() -> Iterator[None]:
    kind = Kind("still", "FILE.ppm", "the last picture", Takes.NEWEST, opened, checked)
    KINDS.append(kind)
    yield
    KINDS.remove(kind)


def live(terminal: Terminal, *words: str) -> tuple[int, str, str]:
    sounds.write_wav(terminal.folder / "song.wav", sounds.chord((57, 60, 64), 2))
    play = ("live", "--file", "song.wav", "--mute", "--no-window", "--size", "64", "--midi", "off")
    return terminal.here(*play, "--osc", "off", "--oscquery", "off", *words)


def test_it_is_fed_beside_a_film(terminal: Terminal) -> None:
    code, _, err = live(terminal, "--out", "still:a.ppm", "--out", "film:a.mp4")
    assert code == 0, err
    picture = (terminal.folder / "a.ppm").read_bytes()
    assert picture.startswith(b"P6 32 32 255\n")
    assert (terminal.folder / "a.mp4").stat().st_size > 1000


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--out", "still:a.png"), "a.png: a still's name ends in .ppm"),
        (("--out", "still"), "--out is still; write still:FILE.ppm"),
        (("--out", "tape:a"), "--out is tape:a; use film:FILE.mp4 or still:FILE.ppm"),
        (("--out", "film:a.mp4", "--record", "a.mp4"), "the same output twice"),
        (("--out", "film:no/a.mp4"), "no/a.mp4: the folder no does not exist"),
    ],
)
def test_one_that_cannot_be_had_is_said(
    words: tuple[str, ...], says: str, terminal: Terminal
) -> None:
    code, _, err = live(terminal, *words)
    assert (code, says in err) == (1, True), err


def test_doctor_tells_of_it(terminal: Terminal) -> None:
    _, out, _ = terminal.here("doctor")
    assert "--out still:FILE.ppm: the last picture" in out

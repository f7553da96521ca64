"""A bank's keyframes as a list and as a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synth.errors import UserError

from .console import print_json

if TYPE_CHECKING:
    import numpy as np

_COLUMNS, _CELL, _TEXT, _GAP = 5, 240, 56, 8  # of the storyboard; pixels


def listed(path: Path, *, as_json: bool) -> None:
    """Print every keyframe."""
    from dataclasses import asdict

    from synth.latents.bank import Bank

    bank = Bank(path)
    if as_json:
        frames = [{"number": k, **asdict(entry)} for k, entry in enumerate(bank.entries)]
        print_json({"bank": str(path), **bank.about, "keyframes": frames})
        return
    for number, e in enumerate(bank.entries):
        print(f"{number:3}  {e.time:7.2f} s  {e.duration:5.2f} s  {e.score:6.3f}  {e.text}")


@dataclass(frozen=True, slots=True)
class Cell:
    """A line on the storyboard."""

    text: str
    time: float  # seconds
    start: float  # score of the best start
    score: float
    picture: "np.ndarray"  # (h, w, 3) uint8


def check(sheet: Path) -> None:
    """UserError when a storyboard cannot have this name."""
    if sheet.suffix.lower() != ".png":
        raise UserError(f"{sheet}: a storyboard's name ends in .png")


def of_bank(path: Path) -> list[Cell]:
    """A bank's keyframes."""
    from synth.latents.bank import Bank

    bank = Bank(path)
    return [
        Cell(e.text, e.time, e.start, e.score, bank.thumbnail(k))
        for k, e in enumerate(bank.entries)
    ]


def draw(cells: Sequence[Cell], sheet: Path) -> None:
    """A storyboard: every line with its time, picture and score; whole at any moment."""
    from PIL import Image, ImageDraw, ImageFont

    check(sheet)
    rows = -(-len(cells) // _COLUMNS)
    size = (_COLUMNS * (_CELL + _GAP) + _GAP, rows * (_CELL + _TEXT + _GAP) + _GAP)
    board = Image.new("RGB", size, (16, 16, 20))
    pen, font = ImageDraw.Draw(board), ImageFont.load_default(14)
    for number, cell in enumerate(cells):
        row, column = divmod(number, _COLUMNS)
        x, y = _GAP + column * (_CELL + _GAP), _GAP + row * (_CELL + _TEXT + _GAP)
        picture = Image.fromarray(cell.picture).resize((_CELL, _CELL))
        board.paste(picture, (x, y))
        minutes, seconds = divmod(cell.time, 60)
        facts = f"{minutes:02.0f}:{seconds:05.2f}   {cell.start:.3f} > {cell.score:.3f}"
        pen.text((x, y + _CELL + 2), facts, fill=(150, 150, 160), font=font)
        for k, line in enumerate(_wrapped(cell.text, 32)[:2]):
            pen.text((x, y + _CELL + 19 + 17 * k), line, fill=(235, 235, 240), font=font)
    working = sheet.with_name(f".{sheet.name}.writing")
    try:
        board.save(working, "PNG")
        working.replace(sheet)
    except OSError as error:
        raise UserError(f"{sheet}: cannot be written ({error.strerror or error})") from error
    finally:
        working.unlink(missing_ok=True)


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width) or [""]

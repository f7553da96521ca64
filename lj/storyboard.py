"""A bank's keyframes as a list and as a picture."""

from pathlib import Path

from synth.trouble import Trouble

from .console import print_json

_COLUMNS, _CELL, _TEXT, _GAP = 5, 240, 56, 8  # of the storyboard; pixels


def listed(path: Path, *, as_json: bool) -> None:
    """Print every keyframe."""
    from dataclasses import asdict

    from synth.bank import Bank

    bank = Bank(path)
    if as_json:
        frames = [{"number": k, **asdict(entry)} for k, entry in enumerate(bank.entries)]
        print_json({"bank": str(path), **bank.about, "keyframes": frames})
        return
    for number, e in enumerate(bank.entries):
        print(f"{number:3}  {e.time:7.2f} s  {e.duration:5.2f} s  {e.score:6.3f}  {e.text}")


def draw(path: Path, sheet: Path) -> None:
    """A storyboard: every line with its time, picture and score."""
    from PIL import Image, ImageDraw, ImageFont

    from synth.bank import Bank

    if sheet.suffix.lower() != ".png":
        raise Trouble(f"{sheet}: a storyboard's name ends in .png")
    bank = Bank(path)
    rows = -(-len(bank) // _COLUMNS)
    size = (_COLUMNS * (_CELL + _GAP) + _GAP, rows * (_CELL + _TEXT + _GAP) + _GAP)
    board = Image.new("RGB", size, (16, 16, 20))
    pen, font = ImageDraw.Draw(board), ImageFont.load_default(14)
    for number, entry in enumerate(bank.entries):
        row, column = divmod(number, _COLUMNS)
        x, y = _GAP + column * (_CELL + _GAP), _GAP + row * (_CELL + _TEXT + _GAP)
        picture = Image.fromarray(bank.thumbnail(number)).resize((_CELL, _CELL))
        board.paste(picture, (x, y))
        minutes, seconds = divmod(entry.time, 60)
        facts = f"{minutes:02.0f}:{seconds:05.2f}   {entry.start:.3f} > {entry.score:.3f}"
        pen.text((x, y + _CELL + 2), facts, fill=(150, 150, 160), font=font)
        for k, line in enumerate(_wrapped(entry.text, 32)[:2]):
            pen.text((x, y + _CELL + 19 + 17 * k), line, fill=(235, 235, 240), font=font)
    try:
        board.save(sheet)
    except OSError as error:
        raise Trouble(f"{sheet}: cannot be written ({error.strerror or error})") from None


def _wrapped(text: str, width: int) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width) or [""]

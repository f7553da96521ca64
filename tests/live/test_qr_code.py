"""QR codes as the terminal and the overlay show them."""

import numpy as np

from live.output.qr_code import lines, modules, picture

TEXT = "http://192.168.1.5:9001/page?token=abcdefghijklmnop"


def test_there_is_white_around_three_corners() -> None:
    dark = modules(TEXT)
    side = len(dark)
    assert dark.shape == (side, side)
    assert not dark[:4].any()
    assert not dark[:, -4:].any()
    finder = np.zeros((7, 7), bool)
    finder[[0, 6]] = finder[:, [0, 6]] = finder[2:5, 2:5] = True
    for y, x in ((4, 4), (4, side - 11), (side - 11, 4)):
        assert (dark[y : y + 7, x : x + 7] == finder).all()
    assert not (dark[side - 11 : side - 4, side - 11 : side - 4] == finder).all()


def test_the_terminal_shows_two_rows_a_line_in_black_and_white() -> None:
    dark = modules(TEXT)
    shown = []
    for line in lines(dark):
        assert line.startswith("\x1b[38;5;231m\x1b[48;5;16m")
        assert line.endswith("\x1b[0m")
        blocks = line.removesuffix("\x1b[0m").split("m")[-1]
        shown.append([block in " ▄" for block in blocks])  # white is lit
        shown.append([block in " ▀" for block in blocks])
    assert (np.array(shown)[: len(dark)] == dark).all()
    assert not np.array(shown)[len(dark) :].any()


def test_the_overlay_shows_whole_pixels() -> None:
    dark = modules(TEXT)
    shown = picture(dark, 200)
    scale = 200 // len(dark)
    assert shown.shape == (scale * len(dark), scale * len(dark), 4)
    assert (shown[..., 3] == 255).all()
    assert ((shown[::scale, ::scale, 0] == 0) == dark).all()
    assert ((shown[scale - 1 :: scale, scale - 1 :: scale, 1] == 0) == dark).all()
    assert len(picture(dark, 10)) == len(dark), "never less than a pixel a module"

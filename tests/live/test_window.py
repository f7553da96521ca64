"""A real window on a virtual screen, with real key presses."""

import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from live.window import Place, Window, monitors
from synth.trouble import Trouble
from tests.stage import until

SIZE = (320, 180)


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    pressed: list[str] = []
    window = Window(Place(windowed=SIZE), title="lj test", on_key=pressed.append)
    window.pressed = pressed  # type: ignore[attr-defined]
    yield window
    window.close()


def shown(window: Window, picture: np.ndarray, fit: str = "crop", shade: float = 1.0) -> np.ndarray:
    window.frame(picture, 0.0)
    window.draw(fit, shade)
    return window.screenshot()


def quarters(side: int = 128) -> np.ndarray:
    """Red, green, blue and white quarters."""
    picture = np.zeros((side, side, 3), np.uint8)
    half = side // 2
    picture[:half, :half, 0] = picture[:half, half:, 1] = picture[half:, :half, 2] = 255
    picture[half:, half:] = 255
    return picture


def test_a_picture_stands_upright_and_in_its_colours(window: Window) -> None:
    screen = shown(window, quarters())
    assert screen.shape == (SIZE[1], SIZE[0], 3)
    assert screen[20, 20].tolist() == [255, 0, 0]
    assert screen[20, -20].tolist() == [0, 255, 0]
    assert screen[-20, 20].tolist() == [0, 0, 255]
    assert screen[-20, -20].tolist() == [255, 255, 255]


def test_every_grey_comes_out_as_it_went_in(window: Window) -> None:
    for level in (0, 1, 17, 128, 254, 255):
        screen = shown(window, np.full((64, 64, 3), level, np.uint8))
        assert np.abs(screen.astype(int) - level).max() <= 1


def test_the_fade_between_frames_is_linear_in_light(window: Window) -> None:
    """Halfway between black and white is half the light, sRGB 188, not sRGB 128."""
    shown(window, np.zeros((64, 64, 3), np.uint8))
    window.frame(np.full((64, 64, 3), 255, np.uint8), 0.4)
    seen = []
    begun = time.monotonic()
    while (now := time.monotonic() - begun) < 0.6:
        window.draw("crop", 1.0)
        seen.append((now, int(window.screenshot()[90, 160, 0])))
    greys = [grey for _, grey in seen]
    assert greys == sorted(greys)
    assert greys[-1] == 255
    middle = min(seen, key=lambda pair: abs(pair[0] - 0.2))
    assert 188 - 25 < middle[1] < 188 + 25


@pytest.mark.parametrize("fit", ["crop", "pad", "mirror", "kaleidoscope", "blur"])
def test_every_fit_fills_a_wide_screen_as_the_film_does(fit: str, window: Window) -> None:
    from render.fit import fitted

    picture = np.zeros((128, 128, 3), np.uint8)
    picture[..., 0] = np.linspace(20, 230, 128).astype(np.uint8)
    picture[..., 1] = np.linspace(230, 20, 128).astype(np.uint8)[:, None]
    screen = shown(window, picture, fit).astype(int)
    film = fitted(picture, SIZE, fit).astype(int)
    assert np.abs(screen - film).mean() < 3


def test_shade_darkens_all(window: Window) -> None:
    white = np.full((64, 64, 3), 255, np.uint8)
    assert shown(window, white, shade=0.0).max() == 0
    assert 100 < shown(window, white, shade=0.5).mean() < 160


def test_nothing_is_black_before_the_first_frame(window: Window) -> None:
    window.draw("crop", 1.0)
    assert window.screenshot().max() > 0


def test_pictures_may_change_their_size(window: Window) -> None:
    for side in (64, 256, 96):
        assert shown(window, quarters(side))[20, 20].tolist() == [255, 0, 0]


def test_an_overlay_lies_over_the_picture(window: Window) -> None:
    panel = np.zeros((40, 60, 4), np.uint8)
    panel[..., 1] = panel[..., 3] = 255
    window.panel(panel)
    screen = shown(window, np.full((64, 64, 3), 255, np.uint8))
    assert screen[20, 20].tolist() == [0, 255, 0]
    assert screen[100, 200].tolist() == [255, 255, 255]
    window.panel(None)
    assert shown(window, np.full((64, 64, 3), 255, np.uint8)).min() == 255


def test_a_lost_context_is_replaced_and_told(window: Window) -> None:
    shown(window, quarters())
    window.reopen()
    window.draw("crop", 1.0)
    assert window.screenshot()[20, 20].tolist() == [255, 0, 0]
    assert "lost its context" in window.faults[0]


def test_full_screen_and_back(window: Window) -> None:
    window.toggle_full()
    until(lambda: shown(window, quarters()).shape[1] == 1280, "the full screen", 5)
    window.toggle_full()
    until(lambda: shown(window, quarters()).shape[1] == SIZE[0], "the window", 5)


def test_minimised_is_survived(window: Window) -> None:
    glfw, handle = window._glfw, window._handle
    shown(window, quarters())
    for size in ((1, 1), (700, 2), SIZE):
        glfw.set_window_size(handle, *size)
        for _ in range(5):
            window.draw("crop", 1.0)
    glfw.get_framebuffer_size, before = (lambda _: (0, 0)), glfw.get_framebuffer_size
    try:
        assert not window.draw("crop", 1.0)
    finally:
        glfw.get_framebuffer_size = before
    assert window.draw("crop", 1.0)


def test_keys_are_heard_by_name(window: Window) -> None:
    assert shutil.which("xdotool"), "xdotool is missing; apt-get install xdotool"
    shown(window, quarters())
    names = ["space", "b", "F", "3", "Left", "Right", "t", "g", "h", "l", "Escape"]
    found = subprocess.run(
        ["xdotool", "search", "--name", "lj test"], capture_output=True, text=True, check=True
    )
    handle = found.stdout.split()[0]
    subprocess.run(["xdotool", "windowfocus", handle], check=True)
    time.sleep(0.2)
    for name in names:
        subprocess.run(["xdotool", "key", name], check=True)
    pressed: list[str] = window.pressed  # type: ignore[attr-defined]
    expected = [" ", "b", "f", "3", "left", "right", "t", "g", "h", "l", "escape"]

    def arrived() -> bool:
        window.draw("crop", 1.0)
        return len(pressed) >= len(expected)

    until(arrived, "keys", 5)
    assert pressed == expected


def test_a_sharp_upscale_is_sharper_than_bilinear_and_does_not_ring(window: Window) -> None:
    edge = np.zeros((45, 80, 3), np.uint8)
    edge[:, 40:] = 200
    canvas = window._canvas
    widths = []
    for sharp in (False, True):
        canvas.sharp = sharp
        row = shown(window, edge)[90, :, 0].astype(int)
        assert row.max() <= 201
        widths.append(int(((row > 20) & (row < 180)).sum()))
    assert widths[1] < widths[0]


def test_a_monitor_that_is_not_there_is_named(display: str) -> None:
    assert monitors()
    with pytest.raises(Trouble, match="--monitor 7: there is no such one; use 0 screen"):
        Window(Place(monitor=7), title="", on_key=lambda _: None)


def test_without_a_display_there_is_one_sentence(tmp_path: Path) -> None:
    import os
    import sys

    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    code = "from live.window import Place, Window; Window(Place(), title='', on_key=print)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "there is no display here; use --no-window" in ran.stderr

"""A real window on a virtual screen, with real key presses."""

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from live.output import window as window_module
from live.output.window import Place, Window, monitors
from synth.errors import UserError
from tests.stage import until


class Told(Window):
    """A window that keeps what it tells."""

    def __init__(self, place: Place, *, title: str, on_key: Callable[[str], None]) -> None:
        self.faults: list[str] = []
        super().__init__(place, title=title, on_key=on_key, tell=self.faults.append)


SIZE = (320, 180)


@pytest.fixture
def window(display: str) -> Iterator[Window]:
    pressed: list[str] = []
    window = Told(Place(windowed=SIZE), title="lj test", on_key=pressed.append)
    window.pressed = pressed  # type: ignore[attr-defined]
    yield window
    window.close()


def shown(window: Window, picture: np.ndarray, fit: str = "crop", shade: float = 1.0) -> np.ndarray:
    window.frame(picture, 1.0, 0.0)
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
    window.frame(np.full((64, 64, 3), 255, np.uint8), 1.0, 0.4)
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


def named(words: str, window: Window) -> int:
    return sum(words in fault for fault in window.faults)


def fills(window: Window) -> bool:
    return shown(window, quarters()).shape == (720, 1280, 3)


def is_framed(window: Window) -> bool:
    """Whether it is a window that can be seen."""
    x, y = window._glfw.get_window_pos(window._handle)
    inside = 0 <= x < 1280 - SIZE[0] and 0 <= y < 720 - SIZE[1]
    return inside and shown(window, quarters()).shape == (SIZE[1], SIZE[0], 3)


@pytest.fixture
def unplugged(display: str) -> Iterator[Callable[[], None]]:
    """Switches the only monitor off; it is on again behind the test."""
    assert shutil.which("xrandr"), "xrandr is missing; apt-get install x11-xserver-utils"
    yield lambda: switch("--off")
    switch("--auto")


def switch(how: str) -> None:
    """`xrandr` calls a screen of no size an error, behind the monitor's end."""
    subprocess.run(["xrandr", "--output", "screen", how], check=False, stderr=subprocess.DEVNULL)


def test_a_monitor_unplugged_in_full_screen_leaves_a_window_and_fills_again(
    window: Window, unplugged: Callable[[], None]
) -> None:
    window.toggle_full()
    until(lambda: fills(window), "the full screen", 5)
    unplugged()
    until(lambda: is_framed(window), "a window", 5)
    for _ in range(20):
        assert window.draw("crop", 1.0)
    assert window.faults == [window.trouble]
    assert "monitor 0 (screen) is gone" in window.trouble
    window.reopen()
    until(lambda: is_framed(window), "a window", 5)
    switch("--auto")
    until(lambda: fills(window), "the full screen", 5)
    assert window.trouble == ""
    assert named("is gone", window) == 1


def test_back_from_the_full_screen_when_the_monitor_has_just_gone(
    window: Window, unplugged: Callable[[], None]
) -> None:
    window.toggle_full()
    until(lambda: fills(window), "the full screen", 5)
    unplugged()
    until(lambda: window._glfw.poll_events() or not monitors(), "the end of the monitor", 5)
    window.toggle_full()
    until(lambda: is_framed(window), "the window", 5)
    assert window.trouble == ""
    assert window.faults == []


def test_keys_for_the_full_screen_without_a_monitor_are_told_once(
    window: Window, unplugged: Callable[[], None]
) -> None:
    unplugged()
    for _ in range(6):
        window.toggle_full()
        until(lambda: is_framed(window), "a window", 5)
    window.toggle_full()
    assert "no other is there; the picture is in a window" in window.trouble
    window.toggle_full()
    assert window.trouble == ""
    assert len(window.faults) == 1


def test_the_primary_monitor_stands_in_for_the_chosen_one(
    display: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import glfw

    with monkeypatch.context() as plugged:
        plugged.setattr(glfw, "get_monitor_name", lambda _: b"beamer")
        window = Told(Place(windowed=SIZE), title="lj test", on_key=lambda _: None)
    try:
        for _ in range(3):
            window.toggle_full()
            until(lambda: fills(window), "the full screen", 5)
            assert window.trouble.endswith("(beamer) is gone; the picture fills the primary one")
            window.toggle_full()
            until(lambda: is_framed(window), "the window", 5)
        assert len(window.faults) == 1
        monkeypatch.setattr(glfw, "get_monitor_name", lambda _: b"beamer")
        window.toggle_full()
        until(lambda: fills(window), "the full screen", 5)
        assert window.trouble == ""
    finally:
        window.close()


@pytest.mark.parametrize("answer", ["none", "null"])
def test_a_monitor_without_a_mode_is_survived(
    answer: str, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mode(_monitor: object) -> None:
        if answer == "null":
            raise ValueError("NULL pointer access")

    monkeypatch.setattr(window._glfw, "get_video_mode", mode)
    assert monitors() == ["0 screen"]
    for _ in range(3):
        window.toggle_full()
        until(lambda: is_framed(window), "a window", 5)
    window.reopen()
    until(lambda: is_framed(window), "a window", 5)
    assert named("is gone", window) == 1


def test_monitors_that_go_and_come_by_a_double_are_followed(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.toggle_full()
    until(lambda: fills(window), "the full screen", 5)
    for count in (1, 2):
        with monkeypatch.context() as gone:
            gone.setattr(window._glfw, "get_monitors", list)
            gone.setattr(window._glfw, "get_primary_monitor", lambda: None)
            until(lambda: is_framed(window), "a window", 5)
        until(lambda: fills(window), "the full screen", 5)
        assert named("is gone", window) == count


def test_a_window_that_cannot_be_opened_anew_is_tried_again(
    window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = []
    panel = np.zeros((40, 60, 4), np.uint8)
    panel[..., 1] = panel[..., 3] = 255
    shown(window, np.zeros((64, 64, 3), np.uint8))
    with monkeypatch.context() as resetting:
        resetting.setattr(window._glfw, "create_window", lambda *_: tries.append(1))
        window.reopen()
        end = time.monotonic() + 1.2
        while time.monotonic() < end:
            window.frame(quarters(), 1.0, 0.0)
            window.panel(panel)
            assert not window.draw("crop", 1.0)
            assert window.is_open
            window.toggle_full()
        with pytest.raises(UserError, match="no picture of the window"):
            window.screenshot()
        assert 2 <= len(tries) <= 5  # a driver that comes back is not to be pestered
        assert "no window can be opened now (no window)" in window.trouble
        if window._full:
            window.toggle_full()
    until(lambda: window.draw("crop", 1.0), "the window", 5)
    screen = window.screenshot()
    assert screen.shape == (SIZE[1], SIZE[0], 3)
    assert screen[20, 20].tolist() == [0, 255, 0]
    assert screen[-20, -20].tolist() == [255, 255, 255]
    assert window.trouble == ""
    assert named("lost its context", window) == named("no window can be opened", window) == 1


@pytest.mark.parametrize("failing", ["take", "panel", "draw"])
def test_a_driver_that_fails_gets_another_window(
    failing: str, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    import moderngl

    def fails(*_: object) -> None:
        raise moderngl.Error("cannot create texture")

    shown(window, quarters())
    with monkeypatch.context() as broken:
        broken.setattr(window_module._Canvas, failing, fails)
        window.frame(quarters(), 1.0, 0.0)
        window.panel(None)
        for _ in range(30):
            assert not window.draw("crop", 1.0)
    assert "cannot create texture" in window.trouble
    until(lambda: window.draw("crop", 1.0), "the window", 5)
    assert window.screenshot()[20, 20].tolist() == [255, 0, 0]
    assert window.trouble == ""
    assert len(window.faults) == 1


def test_a_context_that_the_driver_reports_as_lost_is_replaced(window: Window) -> None:
    shown(window, quarters())
    before = window._canvas
    window._reset_status = lambda: 0x8253  # GL_GUILTY_CONTEXT_RESET
    assert not window.draw("crop", 1.0)
    assert window.draw("crop", 1.0)
    assert window._canvas is not before
    assert window.screenshot()[20, 20].tolist() == [255, 0, 0]
    assert len(window.faults) == 1


@pytest.mark.parametrize("size", [(1, 1), (16384, 1), (1, 9000), (40, 26)])
def test_windows_of_any_size_show_picture_and_panel(size: tuple[int, int], window: Window) -> None:
    window._glfw.set_window_size(window._handle, *size)
    window.panel(np.full((700, 420, 4), 255, np.uint8))
    until(lambda: shown(window, quarters()).shape[1::-1] == size, "the size", 5)
    assert window.faults == []


def test_a_panel_that_is_larger_than_the_window_is_shown_smaller(window: Window) -> None:
    panel = np.zeros((600, 600, 4), np.uint8)
    panel[..., 3], panel[300:, 300:, 1] = 255, 255
    window.panel(panel)
    screen = shown(window, np.full((64, 64, 3), 255, np.uint8))
    side = SIZE[1] - 24
    assert screen[20, 20].tolist() == [0, 0, 0]
    assert screen[12 + side - 8, 12 + side - 8].tolist() == [0, 255, 0]
    assert screen[12 + side + 6, 12 + side + 6].tolist() == [255, 255, 255]


def test_a_key_that_fails_is_told_and_drawing_goes_on(display: str) -> None:
    def on_key(key: str) -> None:
        raise ValueError(f"nobody knows {key!r}")

    window = Told(Place(windowed=SIZE), title="lj keys", on_key=on_key)
    try:
        shown(window, quarters())
        found = ["xdotool", "search", "--name", "lj keys", "windowfocus"]
        subprocess.run(found, check=True, stdout=subprocess.DEVNULL)
        time.sleep(0.2)
        subprocess.run(["xdotool", "key", "x", "space"], check=True)
        until(lambda: window.draw("crop", 1.0) and len(window.faults) == 2, "two faults", 5)
        assert window.faults == [
            "key x: ValueError: nobody knows 'x'",
            "key space: ValueError: nobody knows ' '",
        ]
        assert window.is_open
        assert window.trouble == ""
    finally:
        window.close()


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
    for windowed in (None, SIZE):
        with pytest.raises(UserError, match="--monitor 7: there is no such one; use 0 screen"):
            Told(Place(7, windowed), title="", on_key=lambda _: None)


def test_without_a_monitor_a_show_begins_in_a_window_only(
    display: str, unplugged: Callable[[], None]
) -> None:
    unplugged()
    with pytest.raises(UserError, match="no monitor is there; use --windowed"):
        Told(Place(), title="", on_key=lambda _: None)
    window = Told(Place(windowed=SIZE), title="", on_key=lambda _: None)
    assert window.draw("crop", 1.0)
    assert window.faults == []
    window.close()


def test_without_a_display_there_is_one_sentence(tmp_path: Path) -> None:
    import os
    import sys

    environment = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    code = "from live.output.window import Place, Window; Window(Place(), title='', on_key=print)"
    ran = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert "there is no display here; use --no-window" in ran.stderr

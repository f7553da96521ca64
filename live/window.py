"""The screen: a GLFW window drawn by OpenGL 3.3. The only user of glfw and moderngl.

It draws at the display's rate and never waits for a frame: between the last two frames it fades,
in linear light, over the time that frames have been taking. All of it belongs to the main thread.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import resources
from typing import Any

import numpy as np

from synth.trouble import Trouble

FITS = {"crop": 0, "pad": 0, "mirror": 1, "kaleidoscope": 2, "blur": 3}
_SRGB = 0x8C43  # GL_SRGB8_ALPHA8
_SLOWEST_FADE = 0.5  # seconds
_KEYS = {"SPACE": " ", "LEFT": "left", "RIGHT": "right", "ESCAPE": "escape"}

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the window opens: full screen on a monitor, or windowed."""

    monitor: int = 0
    windowed: Size | None = None


def monitors() -> list[str]:
    """Every monitor as `number name WxH at R Hz`."""
    glfw = _glfw()
    found = []
    for number, monitor in enumerate(glfw.get_monitors()):
        mode = glfw.get_video_mode(monitor)
        name = glfw.get_monitor_name(monitor).decode("utf-8", "replace")
        size = f"{mode.size.width}x{mode.size.height}"
        found.append(f"{number} {name} {size} at {mode.refresh_rate} Hz")
    return found


def _glfw() -> Any:
    """GLFW, ready; Trouble where there is none or no display."""
    try:
        import glfw
    except ImportError:
        raise Trouble("glfw is not installed; pip install 'latent-jockey[live]'") from None
    glfw.ERROR_REPORTING = "ignore"
    if not glfw.init():
        raise Trouble("no window can be opened: there is no display here; use --no-window")
    return glfw


class Window:
    """Shows frames; `on_key` hears of keys as `a`, `1`, `left`, `escape` and so on."""

    def __init__(
        self, place: Place, *, title: str, on_key: Callable[[str], None], vsync: bool = True
    ) -> None:
        self._glfw = _glfw()
        self._place, self._title, self._vsync = place, title, vsync
        self._on_key = on_key
        self.faults: list[str] = []
        self._handle = self._opened(title, vsync)
        self._canvas = _Canvas()
        self._reset_status = self._found_reset_status()
        self._frame: np.ndarray | None = None
        self._full = place.windowed is None
        self._framed = place.windowed or (1280, 720)
        self.renderer = self._canvas.renderer
        self.version = self._canvas.version
        self.refresh = self._refresh()

    def _opened(self, title: str, vsync: bool) -> Any:
        glfw = self._glfw
        for hint, value in (
            (glfw.CONTEXT_VERSION_MAJOR, 3),
            (glfw.CONTEXT_VERSION_MINOR, 3),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
            (glfw.OPENGL_FORWARD_COMPAT, True),
            (glfw.AUTO_ICONIFY, False),
            (glfw.CONTEXT_ROBUSTNESS, glfw.LOSE_CONTEXT_ON_RESET),
        ):
            glfw.window_hint(hint, value)
        monitor, size = None, self._place.windowed
        if size is None:
            monitor, size = self._monitor()
        handle = glfw.create_window(*size, title, monitor, None)
        if not handle:
            raise Trouble(
                "OpenGL 3.3 is not to be had here; install a graphics driver, or use --no-window"
            )
        glfw.make_context_current(handle)
        glfw.swap_interval(1 if vsync else 0)
        glfw.set_input_mode(handle, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        glfw.set_key_callback(handle, self._key)
        return handle

    def _monitor(self) -> tuple[Any, Size]:
        there = self._glfw.get_monitors()
        if not 0 <= self._place.monitor < len(there):
            listed = "; ".join(monitors()) or "none"
            raise Trouble(f"--monitor {self._place.monitor}: there is no such one; use {listed}")
        mode = self._glfw.get_video_mode(there[self._place.monitor])
        return there[self._place.monitor], (mode.size.width, mode.size.height)

    def _key(self, _window: object, key: int, _code: int, action: int, _mods: int) -> None:
        if action != self._glfw.PRESS:
            return
        for name, word in _KEYS.items():
            if key == getattr(self._glfw, f"KEY_{name}"):
                self._on_key(word)
                return
        if 32 < key < 127:
            self._on_key(chr(key).lower())

    @property
    def is_open(self) -> bool:
        return not self._glfw.window_should_close(self._handle)

    def _refresh(self) -> float:
        """Hz of the monitor; 60 where it does not say."""
        there = self._glfw.get_primary_monitor()
        return float(self._glfw.get_video_mode(there).refresh_rate or 60) if there else 60.0

    @property
    def trouble(self) -> str:
        return self.faults[-1] if self.faults else ""

    def toggle_full(self) -> None:
        """Full screen on the chosen monitor, or back into the window it was."""
        if self._full:
            self._glfw.set_window_monitor(self._handle, None, 60, 60, *self._framed, 0)
        else:
            monitor, size = self._monitor()
            self._framed = self._glfw.get_window_size(self._handle)
            self._glfw.set_window_monitor(self._handle, monitor, 0, 0, *size, 0)
        self._full = not self._full

    def frame(self, picture: np.ndarray, interval: float) -> None:
        """A new frame (h, w, 3) uint8, to be faded to over `interval` seconds."""
        self._frame = picture
        self._canvas.take(picture, min(interval, _SLOWEST_FADE))

    def panel(self, panel: np.ndarray | None) -> None:
        """An overlay (h, w, 4) uint8 with straight alpha for the top left corner, or none."""
        self._canvas.panel(panel)

    def draw(self, fit: str, shade: float) -> bool:
        """Draw once and answer events; False while there is nothing to draw on."""
        self._glfw.poll_events()
        width, height = self._glfw.get_framebuffer_size(self._handle)
        if not width or not height:
            time.sleep(0.02)  # minimised: there is no display rate to wait for
            return False
        begun = time.monotonic()
        self._canvas.draw((width, height), fit, shade)
        self._glfw.swap_buffers(self._handle)
        self._canvas.finish()  # frames that queue up in the driver are late frames
        if self._reset_status():
            self.reopen()
        time.sleep(max(0.0, 0.9 / self.refresh - (time.monotonic() - begun)))
        return True

    def _found_reset_status(self) -> Callable[[], int]:
        """The driver's word on whether the context was lost; 0 where it cannot be asked."""
        for name in ("glGetGraphicsResetStatus", "glGetGraphicsResetStatusARB"):
            if address := self._glfw.get_proc_address(name):
                return ctypes.CFUNCTYPE(ctypes.c_uint)(address)
        return lambda: 0

    def reopen(self) -> None:
        """A new window and context in place of those that the driver lost; the picture stays."""
        self.faults.append("the graphics driver lost its context; the window was opened anew")
        self._framed = self._framed if self._full else self._glfw.get_window_size(self._handle)
        if not self._full:
            self._place = replace(self._place, windowed=self._framed)
        self._glfw.destroy_window(self._handle)
        self._handle = self._opened(self._title, self._vsync)
        self._canvas = _Canvas()
        self._reset_status = self._found_reset_status()
        if self._frame is not None:
            self._canvas.take(self._frame, 0.0)

    def screenshot(self) -> np.ndarray:
        """What was drawn last, uint8 (h, w, 3)."""
        return self._canvas.screenshot()

    def close(self) -> None:
        self._glfw.destroy_window(self._handle)
        self._glfw.terminate()


class NoWindow:
    """Shows nothing, at sixty frames a second: for machines without a display."""

    renderer, version, refresh, is_open = "none", 0, 60.0, True

    def __init__(self) -> None:
        self.faults: list[str] = []
        self._due = time.monotonic()

    @property
    def trouble(self) -> str:
        """Nothing can be wrong with it."""
        return ""

    def toggle_full(self) -> None:
        """There is no screen to fill."""

    def frame(self, picture: np.ndarray, interval: float) -> None:
        """Nobody looks."""

    def panel(self, panel: np.ndarray | None) -> None:
        """Nobody looks."""

    def draw(self, fit: str, shade: float) -> bool:  # noqa: ARG002
        self._due = max(self._due + 1 / 60, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))
        return True

    def screenshot(self) -> np.ndarray:
        raise Trouble("--snapshot: there is no window to take a picture of")

    def close(self) -> None:
        """Nothing was opened."""


class _Canvas:
    """The two frames, their mixture in linear light, and the programs that show it."""

    def __init__(self) -> None:
        import moderngl

        self._gl = moderngl.create_context()
        self.renderer = str(self._gl.info["GL_RENDERER"])
        self.version = int(self._gl.version_code)
        self.sharp = "llvmpipe" not in self.renderer  # a processor has better things to do
        self._mix, self._over = self._pass("mix.frag"), self._pass("overlay.frag")
        self._shows: dict[tuple[int, bool], _Pass] = {}
        self._before: Any = None
        self._after: Any = None
        self._mixture: Any = None
        self._panel: Any = None
        self._since, self._interval = 0.0, 0.0
        self._size: Size = (1, 1)

    def _pass(self, name: str, **defined: int) -> "_Pass":
        return _Pass(self._gl, _shader("screen.vert"), _shader(name), defined)

    def take(self, picture: np.ndarray, interval: float) -> None:
        height, width = picture.shape[:2]
        if self._after is None or self._after.size != (width, height):
            self._allocate((width, height), picture)
        self._before, self._after = self._after, self._before
        self._after.write(np.ascontiguousarray(_rgba(picture)))
        self._since, self._interval = time.monotonic(), interval

    def _allocate(self, size: Size, picture: np.ndarray) -> None:
        """Both frames at a new size; what was shown is not faded from, the sizes differ."""
        for texture in (self._before, self._after, self._mixture):
            if texture is not None:
                texture.release()
        pixels = np.ascontiguousarray(_rgba(picture))
        self._before, self._after = (
            self._gl.texture(size, 4, pixels, internal_format=_SRGB) for _ in range(2)
        )
        self._mixture = self._gl.framebuffer([self._gl.texture(size, 4, dtype="f2")])

    def panel(self, panel: np.ndarray | None) -> None:
        if self._panel is not None and (panel is None or self._panel.size != panel.shape[1::-1]):
            self._panel.release()
            self._panel = None
        if panel is not None:
            if self._panel is None:
                self._panel = self._gl.texture(panel.shape[1::-1], 4)
            self._panel.write(np.ascontiguousarray(panel))

    def draw(self, size: Size, fit: str, shade: float) -> None:
        self._size = size
        self._gl.screen.use()
        self._gl.viewport = (0, 0, *size)
        if self._after is None:
            self._gl.clear(0.02, 0.02, 0.03)
            return
        age = time.monotonic() - self._since
        part = min(1.0, age / self._interval) if self._interval else 1.0
        self._before.use(0)
        self._after.use(1)
        self._mixture.use()
        self._mix.draw(before=0, after=1, part=part)
        self._gl.screen.use()
        self._gl.viewport = (0, 0, *size)
        scale = _scale(size, self._after.size, fit)
        enlarged = self._after.size[0] < size[0] / scale[0]
        self._mixture.color_attachments[0].use(0)
        self._show(fit, self.sharp and enlarged).draw(picture=0, scale=scale, shade=shade**2.2)
        if self._panel is not None:
            self._draw_panel()

    def _show(self, fit: str, sharp: bool) -> "_Pass":
        key = (FITS[fit], sharp)
        if key not in self._shows:
            self._shows[key] = self._pass("show.frag", FIT=key[0], SHARP=int(sharp))
        return self._shows[key]

    def _draw_panel(self) -> None:
        width, height = self._panel.size
        self._gl.viewport = (12, self._size[1] - 12 - height, width, height)
        self._gl.enable(self._gl.BLEND)
        self._gl.blend_func = self._gl.SRC_ALPHA, self._gl.ONE_MINUS_SRC_ALPHA
        self._panel.use(0)
        self._over.draw(panel=0)
        self._gl.disable(self._gl.BLEND)

    def finish(self) -> None:
        self._gl.finish()

    def screenshot(self) -> np.ndarray:
        pixels = self._gl.screen.read(viewport=(0, 0, *self._size), components=3, alignment=1)
        return np.frombuffer(pixels, np.uint8).reshape(self._size[1], self._size[0], 3)[::-1]


class _Pass:
    """One program over the whole viewport."""

    def __init__(self, gl: Any, vertex: str, fragment: str, defined: dict[str, int]) -> None:
        version, _, body = fragment.partition("\n")
        lines = [f"#define {name} {value}" for name, value in defined.items()]
        self._program = gl.program(
            vertex_shader=vertex, fragment_shader="\n".join([version, *lines, body])
        )
        self._corners = gl.vertex_array(self._program, [])

    def draw(self, **uniforms: float | tuple[float, float]) -> None:
        for name, value in uniforms.items():
            self._program[name] = value
        self._corners.render(vertices=3)


def _scale(screen: Size, picture: Size, fit: str) -> tuple[float, float]:
    """The screen's size in pictures, each axis."""
    ratios = (screen[0] / picture[0], screen[1] / picture[1])
    ratio = max(ratios) if fit in ("crop", "kaleidoscope") else min(ratios)
    return ratios[0] / ratio, ratios[1] / ratio


def _shader(name: str) -> str:
    return resources.files("live").joinpath("shaders", name).read_text("utf-8")


def _rgba(picture: np.ndarray) -> np.ndarray:
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return np.concatenate([picture, opaque], 2)

"""The screen: a GLFW window drawn by OpenGL 3.3. The only user of glfw and moderngl.

It draws at the display's rate and never waits for a frame: between the last two frames it fades,
in linear light, over the time that frames have been taking. All of it belongs to the main thread.
"""

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np

from synth.errors import UserError
from synth.sink import Takes, Wants

from .monitors import Monitors, Size, address

FITS = {"crop": 0, "pad": 0, "mirror": 1, "kaleidoscope": 2, "blur": 3}
_SRGB = 0x8C43  # GL_SRGB8_ALPHA8
_SLOWEST_FADE = 0.5  # seconds
_NEW = 0.2  # of each new frame in the mean time between frames
_KEYS = {"SPACE": " ", "LEFT": "left", "RIGHT": "right", "ESCAPE": "escape"}
_IDLE = 0.02  # seconds of a round in which nothing can be drawn
_PAUSES = (0.0, 0.25, 0.5, 1.0, 2.0, 4.0)  # seconds before each attempt to open the window anew


@dataclass(frozen=True, slots=True)
class Place:
    """Where the window opens: full screen on a monitor, or windowed."""

    monitor: int = 0
    windowed: Size | None = None


def monitors() -> list[str]:
    """Every monitor as `number name WxH at R Hz`."""
    there = Monitors(_glfw())
    return [there.described(number) for number in range(len(there.present()))]


def _glfw() -> Any:
    """GLFW, ready; UserError where there is none or no display."""
    try:
        import glfw
        import moderngl  # noqa: F401
    except ImportError as error:
        raise UserError(
            f"{error.name} is not installed; pip install 'latent-jockey[live]'"
        ) from error
    glfw.ERROR_REPORTING = "ignore"
    if not glfw.init():
        raise UserError("no window can be opened: there is no display here; use --no-window")
    return glfw


class Window:
    """Shows frames; `on_key` hears of keys as `a`, `1`, `left`, `escape` and so on.

    Once it is open, nothing that happens to monitors or to the driver raises: the picture goes to
    another monitor or into a window, a lost window is opened anew, and `tell` hears of it.
    """

    wants = Wants(Takes.NEWEST)

    def __init__(
        self,
        place: Place,
        *,
        title: str,
        on_key: Callable[[str], None],
        vsync: bool = True,
        tell: Callable[[str], None] = lambda _fault: None,
    ) -> None:
        self._glfw = _glfw()
        self._title, self._vsync, self._on_key = title, vsync, on_key
        self._tell = tell
        self._monitors = Monitors(self._glfw, place.monitor)
        self._full = place.windowed is None  # as it is wanted
        self._framed = place.windowed or (1280, 720)
        self._elsewhere = ""  # where the picture is instead of the chosen monitor
        self._missed: dict[str, str] = {}  # what keeps the picture from the screen, by its kind
        self._tries, self._due = 0, 0.0  # to open the window anew
        self._frame: tuple[np.ndarray, float] | None = None
        self._frames, self._seconds, self._interval = 0, 0.0, 0.0  # from frame to frame, the mean
        self._panel: np.ndarray | None = None
        self._frame_waits = self._panel_waits = False
        self._handle: Any = None
        self._closed = False
        self._canvas: _Canvas | None = None
        try:
            if self._full or place.monitor:
                self._monitors.check()
            if lacking := self._open():
                raise UserError(
                    f"OpenGL 3.3 is not to be had here ({lacking}); "
                    "install a graphics driver, or use --no-window"
                )
        except UserError:
            self._glfw.terminate()
            raise

    # ---- the window and its context

    def _open(self) -> str:
        """Open where the picture shall be; returns what was lacking, nothing when it is open."""
        glfw = self._glfw
        monitor = self._wanted()
        size, rate = self._monitors.mode(monitor) or (self._framed, glfw.DONT_CARE)
        glfw.get_error()  # what failed before is not the reason
        for hint, value in (
            (glfw.CONTEXT_VERSION_MAJOR, 3),
            (glfw.CONTEXT_VERSION_MINOR, 3),
            (glfw.OPENGL_PROFILE, glfw.OPENGL_CORE_PROFILE),
            (glfw.OPENGL_FORWARD_COMPAT, True),
            (glfw.AUTO_ICONIFY, False),
            (glfw.CONTEXT_ROBUSTNESS, glfw.LOSE_CONTEXT_ON_RESET),
            (glfw.REFRESH_RATE, rate),  # a monitor keeps the mode that it has
        ):
            glfw.window_hint(hint, value)
        self._handle = glfw.create_window(*size, self._title, monitor, None) or None
        if self._handle is None:
            return str((glfw.get_error()[1] or b"no window").decode("utf-8", "replace"))
        glfw.make_context_current(self._handle)
        glfw.swap_interval(1 if self._vsync else 0)
        glfw.set_input_mode(self._handle, glfw.CURSOR, glfw.CURSOR_HIDDEN)
        glfw.set_key_callback(self._handle, self._key)
        try:
            self._canvas = _Canvas()
        except Exception as error:  # whatever a driver dies of
            self._close_window()
            return str(error)
        self.renderer, self.version = self._canvas.renderer, self._canvas.version
        self._find_in_driver(self._canvas)
        self._frame_waits = self._panel_waits = True
        self.refresh = self._monitors.rate(monitor)
        return ""

    def _close_window(self) -> None:
        if self._handle is not None:
            self._glfw.destroy_window(self._handle)
        self._handle = self._canvas = None

    def _find_in_driver(self, canvas: "_Canvas") -> None:
        """What is asked of the driver without moderngl.

        That is whether the context was lost, and to finish what it was given. moderngl keeps
        Python's lock meanwhile: a driver that hangs, where it hangs first, would stop every thread.
        """
        address = self._glfw.get_proc_address
        lost = address("glGetGraphicsResetStatus") or address("glGetGraphicsResetStatusARB")
        finish = address("glFinish")
        self._reset_status = ctypes.CFUNCTYPE(ctypes.c_uint)(lost) if lost else _not_lost
        self._finish = ctypes.CFUNCTYPE(None)(finish) if finish else canvas.finish

    def reopen(self) -> None:
        """A new window and context in place of those that the driver lost; the picture stays."""
        self._lose("the graphics driver lost its context")
        self._reopened()

    def _lose(self, why: str) -> None:
        """Give up the window; `draw` opens another as soon as there is one to be had."""
        self._miss("drawing", f"{why}; the window is opened anew")
        self._remember_size()
        self._close_window()
        self._wait()

    def _reopened(self) -> bool:
        if time.monotonic() < self._due:
            return False
        if lacking := self._open():
            self._miss("opening", f"no window can be opened now ({lacking}); trying again")
            self._wait()
        return self._canvas is not None

    def _wait(self) -> None:
        self._due = time.monotonic() + _PAUSES[min(self._tries, len(_PAUSES) - 1)]
        self._tries += 1

    def _miss(self, kind: str, why: str) -> None:
        """There is no picture; a kind of reason is told once until there is one."""
        if kind not in self._missed:
            self._tell(why)
        self._missed[kind] = why

    @property
    def trouble(self) -> str:
        """What is wrong with the screen at this moment, in words."""
        elsewhere = self._elsewhere if self._full else ""
        return "; ".join(part for part in (*self._missed.values(), elsewhere) if part)

    @property
    def is_open(self) -> bool:
        """Until it is closed by hand; a window that was lost comes back."""
        return self._handle is None or not self._glfw.window_should_close(self._handle)

    # ---- keys

    def _key(self, _window: object, key: int, _code: int, action: int, _mods: int) -> None:
        if action != self._glfw.PRESS:
            return
        named = {getattr(self._glfw, f"KEY_{name}"): word for name, word in _KEYS.items()}
        word = named.get(key, chr(key).lower() if 32 < key < 127 else "")
        try:
            if word:
                self._on_key(word)
        except Exception as error:  # GLFW would raise it from whatever is called next
            reason = f"{type(error).__name__}: {error}"[:200]
            self._tell(f"key {word.replace(' ', 'space')}: {reason}")

    # ---- monitors

    def _wanted(self) -> Any:
        """The monitor to fill, or None for a window."""
        monitor, instead = self._monitors.to_fill()
        if self._full and instead and instead != self._elsewhere:
            self._tell(instead)
        if self._full or not instead:
            self._elsewhere = instead
        return monitor if self._full else None

    def _settle(self) -> None:
        """Bring the window to where the picture shall be."""
        monitor = self._wanted()
        mode = self._monitors.mode(monitor)
        if mode is None:
            at = self._monitors.corner()
            self._glfw.set_window_monitor(self._handle, None, *at, *self._framed, 0)
        elif address(monitor) != address(self._glfw.get_window_monitor(self._handle)):
            size, rate = mode
            self._glfw.set_window_monitor(self._handle, monitor, 0, 0, *size, rate)
        self.refresh = self._monitors.rate(monitor)

    def _follow_monitors(self) -> None:
        if self._full:
            self._settle()
        else:
            self._wanted()  # a window stays where hands have put it

    def toggle_full(self) -> None:
        """Full screen on the chosen monitor, or back into the window it was."""
        self._remember_size()
        self._full = not self._full
        if self._handle is not None:
            self._settle()

    def _remember_size(self) -> None:
        if self._handle is None or self._full:
            return
        size = self._glfw.get_window_size(self._handle)
        self._framed = size if all(size) else self._framed

    # ---- pictures

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:  # noqa: ARG002
        """A new frame (h, w, 3) uint8, to be faded to over the time that frames are taking.

        How bright it is, `draw` says each time.
        """
        since = min(max(0.0, seconds - self._seconds), _SLOWEST_FADE)
        self._interval += (_NEW if self._frames > 1 else self._frames) * (since - self._interval)
        self._seconds = seconds
        self._frames += 1
        self._frame, self._frame_waits = (picture, self._interval), True

    def panel(self, panel: np.ndarray | None) -> None:
        """An overlay (h, w, 4) uint8 with straight alpha for the top left corner, or none."""
        self._panel, self._panel_waits = panel, True

    def draw(self, fit: str, shade: float) -> bool:
        """Draw once and answer events; False while there is nothing to draw on."""
        self._glfw.poll_events()
        if self._canvas is None and not self._reopened():
            time.sleep(_IDLE)
            return False
        if self._monitors.changed():
            self._follow_monitors()
        size = self._glfw.get_framebuffer_size(self._handle)
        if not all(size):
            time.sleep(_IDLE)  # minimised: there is no display rate to wait for
            return False
        begun = time.monotonic()
        if not self._drawn(size, fit, shade):
            return False
        time.sleep(max(0.0, 0.9 / self.refresh - (time.monotonic() - begun)))
        return True

    def _drawn(self, size: Size, fit: str, shade: float) -> bool:
        """Whether the driver took it all."""
        assert self._canvas is not None
        try:
            self._hand_over(self._canvas)
            self._canvas.draw(size, fit, shade)
            self._glfw.swap_buffers(self._handle)
            self._finish()  # frames that queue up in the driver are late frames
        except _gl_error() as error:
            self._lose(f"drawing failed ({error})")
            return False
        if self._reset_status():
            self.reopen()
            return False
        self._missed.clear()
        self._tries = 0
        return True

    def _hand_over(self, canvas: "_Canvas") -> None:
        """What is new since the canvas was drawn; all of it when the canvas is."""
        if self._frame_waits and self._frame is not None:
            canvas.take(*self._frame)
        if self._panel_waits:
            canvas.panel(self._panel)
        self._frame_waits = self._panel_waits = False

    def screenshot(self) -> np.ndarray:
        """What was drawn last, uint8 (h, w, 3)."""
        try:
            if self._canvas is not None:
                return self._canvas.screenshot()
        except _gl_error() as error:
            self._lose(f"reading the picture failed ({error})")
        raise UserError(f"there is no picture of the window: {self.trouble}")

    def close(self) -> None:
        """Close it, and let go of the screen; a second time is nothing."""
        if not self._closed:
            self._closed = True
            self._close_window()
            self._glfw.terminate()


def _gl_error() -> type[Exception]:
    import moderngl

    return moderngl.Error


class NoWindow:
    """Shows nothing, at sixty frames a second: for machines without a display."""

    renderer, version, refresh, is_open, trouble = "none", 0, 60.0, True, ""
    wants = Wants(Takes.NEWEST)

    def __init__(self) -> None:
        self._due = time.monotonic()

    def toggle_full(self) -> None:
        """There is no screen to fill."""

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """Nobody looks."""

    def panel(self, panel: np.ndarray | None) -> None:
        """Nobody looks."""

    def draw(self, fit: str, shade: float) -> bool:  # noqa: ARG002
        """Wait for a sixtieth of a second, as a display would."""
        self._due = max(self._due + 1 / 60, time.monotonic())
        time.sleep(max(0.0, self._due - time.monotonic()))
        return True

    def screenshot(self) -> np.ndarray:
        """There is none: UserError."""
        raise UserError("--snapshot: there is no window to take a picture of")

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
        if self._mixture is not None:
            held = (self._before, self._after, *self._mixture.color_attachments, self._mixture)
            for texture in held:
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
        part = min(1.0, *((s - 24) / p for s, p in zip(self._size, self._panel.size, strict=True)))
        width, height = (int(edge * part) for edge in self._panel.size)
        if width < 1 or height < 1:
            return
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


def _not_lost() -> int:
    """A context whose driver cannot be asked."""
    return 0


def _scale(screen: Size, picture: Size, fit: str) -> tuple[float, float]:
    """The screen's size in pictures, each axis."""
    ratios = (screen[0] / picture[0], screen[1] / picture[1])
    ratio = max(ratios) if fit in ("crop", "kaleidoscope") else min(ratios)
    return ratios[0] / ratio, ratios[1] / ratio


def _shader(name: str) -> str:
    return resources.files("live.output").joinpath("shaders", name).read_text("utf-8")


def _rgba(picture: np.ndarray) -> np.ndarray:
    opaque = np.full((*picture.shape[:2], 1), 255, np.uint8)
    return np.concatenate([picture, opaque], 2)

"""A film on disk: H.264 and the song's sound in mp4, under its name only when whole."""

import math
import os
import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from synth.errors import UserError, cut
from synth.sink import Takes, Wants, shaded

from . import disk
from .disk import unwritable
from .fit import Size, fitted
from .soundtrack import Soundtrack

_CRF = {"draft": 28, "good": 20, "best": 14}
_SPEED = {"draft": "veryfast", "good": "medium", "best": "slow"}
QUALITIES = tuple(_CRF)


class Film:
    """Takes square frames one by one; use as a context manager.

    Leaving it whole renames the temporary file to `path`. Leaving it by Ctrl-C closes what there
    is as `NAME.partial.mp4`; any other exception removes it. An existing film is replaced only by
    a whole one.
    """

    wants = Wants(Takes.ALL)

    def __init__(
        self,
        path: Path,
        *,
        size: Size,
        fps: Fraction,
        song: Path,
        start: float = 0.0,
        fit: str = "crop",
        quality: str = "good",
    ) -> None:
        check_film(path, size, song)
        self.path, self.size, self.fps, self.fit = path, size, fps, fit
        self.frames, self._closed = 0, False
        self.sound_copied = False
        self.damaged = 0  # packets of sound that could not be taken
        self.partial = path.with_name(f"{path.stem}.partial.mp4")
        self._working = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
        self._song, self._start, self._quality = song, start, quality

    def __enter__(self) -> Self:
        try:
            self._file = av.open(self._working, "w", options={"movflags": "+faststart"})
            self._picture = picture_stream(self._file, self.size, self.fps, self._quality)
            self._sound = Soundtrack(self._file, self._song, self._start)
            self.sound_copied = self._sound.copied
        except (OSError, av.FFmpegError) as error:
            self._working.unlink(missing_ok=True)
            raise unwritable(self.path, error) from error
        return self

    @property
    def seconds(self) -> float:
        """How long it is: when the next frame is shown."""
        return float(self.frames / self.fps)

    def frame(self, picture: np.ndarray, shade: float = 1.0, seconds: float | None = None) -> None:
        """Append one frame; ValueError where it is not the one that `seconds` are due for."""
        if seconds is not None and abs(seconds - self.seconds) > 0.5 / self.fps:
            raise ValueError(f"a frame for {seconds:.3f} s came; {self.seconds:.3f} s is due")
        shown = fitted(shaded(picture, shade), self.size, self.fit)
        frame = video_frame(shown, self.frames, self.fps)
        try:
            for packet in self._picture.encode(frame):
                self._file.mux(packet)
            self.frames += 1
            self._sound.advance(self.seconds)
        except (OSError, av.FFmpegError) as error:
            raise unwritable(self.path, error) from error

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._closed:
            return
        self._closed, whole = True, kind is None
        try:
            if whole or (kind is KeyboardInterrupt and self.frames):
                self._finish()
                disk.replace(self._working, self.path if whole else self.partial)
            else:
                self._abandon()
        except (OSError, av.FFmpegError) as failure:
            raise unwritable(self.path, failure) from failure
        finally:
            self._working.unlink(missing_ok=True)

    def close(self) -> None:
        """Leave it whole."""
        self.__exit__(None, None, None)

    def _finish(self) -> None:
        for packet in self._picture.encode(None):
            self._file.mux(packet)
        self._sound.finish(self.seconds)
        self.damaged = self._sound.damaged
        self._file.close()

    def _abandon(self) -> None:
        with suppress(OSError, ValueError):  # thrown away; its trouble is on its way already
            self._file.close()


def picture_stream(
    file: OutputContainer, size: Size, fps: Fraction, quality: str, *, threads: int = 0
) -> av.VideoStream:
    """An H.264 stream in BT.709; `threads` change its bytes, 0 takes as many as there are."""
    stream = file.add_stream("libx264", rate=fps)
    stream.width, stream.height = size
    stream.pix_fmt = "yuv420p"
    stream.time_base = 1 / fps
    stream.options = {"crf": str(_CRF[quality]), "preset": _SPEED[quality]}
    stream.codec_context.thread_count = threads
    stream.codec_context.color_primaries = ColorPrimaries.BT709
    stream.codec_context.color_trc = ColorTrc.BT709
    stream.codec_context.colorspace = Colorspace.ITU709
    stream.codec_context.color_range = ColorRange.MPEG
    return stream


def video_frame(picture: np.ndarray, number: int, fps: Fraction) -> av.VideoFrame:
    """A frame of the stream from uint8 (h, w, 3) sRGB, shown at `number` / `fps` seconds."""
    rgb = av.VideoFrame.from_ndarray(picture, format="rgb24")
    frame = rgb.reformat(
        format="yuv420p",
        dst_colorspace=Colorspace.ITU709,
        src_color_range=ColorRange.JPEG,
        dst_color_range=ColorRange.MPEG,
    )
    frame.pts, frame.time_base = number, 1 / fps
    frame.color_primaries, frame.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    return frame


def check_film(path: Path, size: Size, song: Path) -> None:
    """UserError where a film cannot be written under this name, at this size."""
    if path.suffix.lower() != ".mp4":
        raise UserError(f"{path}: a film's name ends in .mp4")
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name a film in it")
    if not path.parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} does not exist; make it first")
    if path.exists() and song.exists() and path.samefile(song):
        raise UserError(f"{path}: is the song itself; name another film")
    if any(edge % 2 or not 16 <= edge <= 8192 for edge in size):
        raise UserError(f"size is {size[0]}x{size[1]}; use even numbers from 16 to 8192")


def rate_of(text: str) -> Fraction:
    """Frames a second from `30`, `29.97` or `30000/1001`; NTSC decimals become exact."""
    if not re.fullmatch(r"\d{1,9}(\.\d{0,9}|/0*[1-9]\d{0,8})?", text, re.ASCII):
        raise UserError(f"fps is {cut(text)}; use a number such as 30 or 30000/1001")
    rate = Fraction(text)
    ntsc = Fraction(math.ceil(rate) * 1000, 1001)
    if rate.denominator != 1 and abs(float(rate - ntsc)) < 0.005:
        rate = ntsc
    if not 1 <= rate <= 240:
        raise UserError(f"fps is {text}; use 1 to 240")
    return rate


def size_of(text: str) -> Size:
    """Width and height from `1280x720`, or a square from `512`."""
    edges = text.lower().split("x")
    if len(edges) > 2 or not all(re.fullmatch(r"[1-9]\d{0,4}", e, re.ASCII) for e in edges):
        raise UserError(f"size is {cut(text)}; write it as 1280x720 or 512")
    return int(edges[0]), int(edges[-1])

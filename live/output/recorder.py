"""The show as a film while it plays: what was shown, with the sound that was heard."""

from collections import deque
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation

from synth.analysis.analyzer import SHORT_WINDOW
from synth.constants import RATE
from synth.errors import UserError
from synth.files import OwnFile
from synth.session import Event, unwritable
from synth.sink import Size, Takes, Wants, shaded

_FPS = 30
_LAG = 0.5  # seconds of sound after which no picture of that moment is waited for
_DELAY = SHORT_WINDOW / 2 / RATE  # seconds by which latents trail the sound
_LOUDEST = 100.0  # of a sample; full scale is 1
_SMALLEST = 16  # pixels; a codec's block

# Fragments close at each keyframe and after half a second, whichever comes first, and go to the
# disk at once: what a crash takes is one fragment and _LAG.
_MP4 = {
    "movflags": "frag_keyframe+delay_moov+default_base_moof",
    "frag_duration": "500000",
    "flush_packets": "1",
}
_H264 = {"preset": "ultrafast", "tune": "zerolatency", "crf": "20", "g": str(_FPS)}


class Recorder:
    """H.264 and AAC in mp4, of which all but the last second or so plays also after a crash.

    A picture stands where a render of the same session has it: at the time of the sound that
    it shows. One of another size is scaled into the film's, its shape kept.
    """

    wants = Wants(Takes.QUEUED)

    def __init__(self, path: Path, size: Size = (512, 512)) -> None:
        """UserError where the film cannot be written; then nothing of it is left."""
        check_film(path)
        self.path = path
        self._size = _encodable(size)
        self._coming: deque[tuple[float, np.ndarray]] = deque()
        self._shown = np.zeros((2, 2, 3), np.uint8)
        self._frame: av.VideoFrame | None = None  # of what is shown, as the encoder takes it
        self._frames, self._samples, self._closed = 0, 0, False
        try:
            self._disk = OwnFile(path)
        except OSError as error:
            raise unwritable(path, error) from error
        self._file = av.open(self._disk, "w", format="mp4", options=_MP4)
        try:
            self._sound = self._file.add_stream("aac", rate=RATE, layout="mono")
            self._picture = self._stream()
            self._file.start_encoding()
        except BaseException as error:
            self._remove()
            if isinstance(error, OSError | av.FFmpegError):
                raise unwritable(path, error) from error
            raise

    def hop(self, samples: np.ndarray) -> None:
        """The next hop (n,) of sound."""
        sound = np.nan_to_num(samples.clip(-_LOUDEST, _LOUDEST))  # AAC refuses what is no number
        frame = av.AudioFrame.from_ndarray(sound[None], "flt", "mono")
        frame.rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
        self._samples += len(samples)
        self._file.mux(self._sound.encode(frame))
        self._show_until(self._samples / RATE - _LAG)

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """What is shown after so many seconds of sound; it stands until the next one."""
        picture = shaded(picture, shade)
        if not self._frames and not self._coming:
            self._show(picture)  # the first, if it is not late, stands from the beginning
        at = seconds - _DELAY
        if self._coming and self._coming[-1][0] == at:
            self._coming.pop()
        self._coming.append((at, picture))

    def event(self, event: Event) -> None:
        """A film shows what hands do; it need not be told."""

    def close(self) -> None:
        """Finish the film; one in which nothing was heard is none, and goes."""
        if self._closed:
            return
        self._closed = True
        if not self._samples:
            self.discard()
            return
        try:
            self._show_until(self._samples / RATE)
            for stream in (self._picture, self._sound):
                self._file.mux(stream.encode(None))
        finally:  # or a full disk would never have its room back
            self._close_files()

    def _close_files(self) -> None:
        try:
            self._file.close()
        finally:
            self._disk.close()

    def discard(self) -> None:
        """Take back what was created, unless sound was heard."""
        if not self._samples:
            self._remove()

    def _remove(self) -> None:
        with suppress(OSError, av.FFmpegError):  # what cannot be finished is thrown away
            self._close_files()
        self.path.unlink(missing_ok=True)

    def _stream(self) -> av.VideoStream:
        stream = self._file.add_stream("libx264", rate=_FPS)
        stream.width, stream.height = self._size
        stream.pix_fmt = "yuv420p"
        stream.options = dict(_H264)
        stream.codec_context.thread_count = 1  # the generator needs the others
        return stream

    def _show(self, picture: np.ndarray) -> None:
        self._shown, self._frame = picture, None

    def _show_until(self, seconds: float) -> None:
        while self._frames / _FPS <= seconds:
            while self._coming and self._coming[0][0] <= self._frames / _FPS:
                self._show(self._coming.popleft()[1])
            if self._frame is None:
                self._frame = _fitted(self._shown, self._size).reformat(format="yuv420p")
            self._frame.pts, self._frame.time_base = self._frames, Fraction(1, _FPS)
            self._file.mux(self._picture.encode(self._frame))
            self._frames += 1


def _encodable(size: Size) -> Size:
    """The nearest size that 4:2:0 can hold."""
    width, height = (max(_SMALLEST, edge - edge % 2) for edge in size)
    return width, height


def _fitted(picture: np.ndarray, size: Size) -> av.VideoFrame:
    """A picture (h, w, 3) as large as it fits, with black beside it."""
    height, width = picture.shape[:2]
    part = min(size[0] / width, size[1] / height)
    inner = max(1, round(width * part)), max(1, round(height * part))
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    frame = frame.reformat(*inner, interpolation=Interpolation.BILINEAR)
    if inner == size:
        return frame
    left, top = ((edge - filled) // 2 for edge, filled in zip(size, inner, strict=True))
    whole = np.zeros((size[1], size[0], 3), np.uint8)
    whole[top : top + inner[1], left : left + inner[0]] = frame.to_ndarray(format="rgb24")
    return av.VideoFrame.from_ndarray(whole, format="rgb24")


def check_film(path: Path) -> None:
    """UserError where a film cannot be recorded."""
    if path.suffix.lower() != ".mp4":
        raise UserError(f"{path}: a film's name ends in .mp4")
    if path.exists():
        raise UserError(f"{path}: is there already; name another, so that nothing is lost")
    if not path.parent.is_dir():
        raise UserError(f"{path}: the folder {path.parent} does not exist; make it first")

"""The show as a film while it plays: what was shown, with the sound that was heard."""

from collections import deque
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Interpolation

from synth.hop import HOP, RATE
from synth.performance import Event
from synth.trouble import Trouble

_FPS = 30
_LAG = 0.5  # seconds of sound after which no picture of that moment is waited for


class Recorder:
    """H.264 and AAC in mp4, in fragments, so that a film that was cut short still plays.

    A picture stands at the time of the sound that it shows; its size is that of the first.
    """

    def __init__(self, path: Path) -> None:
        check_film(path)
        self.path = path
        options = {"movflags": "frag_keyframe+delay_moov+default_base_moof"}
        self._file = av.open(path, "w", options=options)
        self._sound = self._file.add_stream("aac", rate=RATE, layout="mono")
        self._picture: av.VideoStream | None = None
        self._coming: deque[tuple[float, np.ndarray]] = deque()
        self._shown: np.ndarray | None = None
        self._frames, self._samples = 0, 0
        self._early: list[np.ndarray] = []  # sound before the first picture tells the size

    def hop(self, samples: np.ndarray) -> None:
        """The next hop (n,) of sound."""
        if self._picture is None:
            self._early.append(samples)
            return
        self._hear(samples)
        self._show_until(self._samples / RATE - _LAG)

    def picture(self, picture: np.ndarray, hop: int) -> None:
        """What was shown (h, w, 3) uint8, with the number of the hop in it."""
        if self._picture is None:
            self._picture = self._stream(picture)
            self._shown = picture
            for samples in self._early:
                self._hear(samples)
            self._early.clear()
        self._coming.append(((hop + 1) * HOP / RATE, picture))

    def event(self, event: Event) -> None:
        """A film shows what hands do; it need not be told."""

    def close(self) -> None:
        if self._picture is not None:
            self._show_until(self._samples / RATE)
            for stream in (self._picture, self._sound):
                self._file.mux(stream.encode(None))
        self._file.close()

    def discard(self) -> None:
        """Remove the file: the show did not begin."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _stream(self, picture: np.ndarray) -> av.VideoStream:
        stream = self._file.add_stream("libx264", rate=_FPS)
        stream.height, stream.width = (edge - edge % 2 for edge in picture.shape[:2])
        stream.pix_fmt = "yuv420p"
        stream.options = {"preset": "ultrafast", "crf": "20", "g": str(2 * _FPS)}
        stream.codec_context.thread_count = 1  # the generator needs the others
        return stream

    def _hear(self, samples: np.ndarray) -> None:
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], "flt", "mono")
        frame.rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
        self._samples += len(samples)
        self._file.mux(self._sound.encode(frame))

    def _show_until(self, seconds: float) -> None:
        assert self._picture is not None
        while self._frames / _FPS <= seconds:
            while self._coming and self._coming[0][0] <= self._frames / _FPS:
                self._shown = self._coming.popleft()[1]
            assert self._shown is not None
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(self._shown), format="rgb24")
            frame = frame.reformat(
                self._picture.width,
                self._picture.height,
                format="yuv420p",
                interpolation=Interpolation.BILINEAR,
            )
            frame.pts, frame.time_base = self._frames, Fraction(1, _FPS)
            self._file.mux(self._picture.encode(frame))
            self._frames += 1


def check_film(path: Path) -> None:
    """Trouble where a film cannot be recorded."""
    if path.suffix.lower() != ".mp4":
        raise Trouble(f"{path}: a film's name ends in .mp4")
    if path.exists():
        raise Trouble(f"{path}: is there already; name another, so that nothing is lost")
    if not path.parent.is_dir():
        raise Trouble(f"{path}: the folder {path.parent} does not exist; make it first")

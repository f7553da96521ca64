"""Sound files as a stream of mono hops. Any container and codec that FFmpeg reads (PyAV)."""

import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer

from .constants import HOP, RATE
from .errors import UserError


@dataclass(frozen=True, slots=True)
class Song:
    """What a file says of itself before it is decoded."""

    path: Path
    codec: str
    seconds: float | None  # as the container claims; a truncated file may hold less


def _open(path: Path) -> InputContainer:
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UserError(f"{path}: is a folder; name a sound file in it")
        if not stat.S_ISREG(found.st_mode):
            raise UserError(f"{path}: is no file but a pipe or a device; name a sound file")
        if found.st_size == 0:
            raise UserError(f"{path}: is empty (0 bytes)")
        return av.open(path, metadata_errors="replace")
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except PermissionError as error:
        raise UserError(f"{path}: may not be read; check its permissions") from error
    except (av.FFmpegError, OSError) as error:
        raise UserError(
            f"{path}: cannot be read as sound ({_reason(error)}); "
            "is it complete, and wav, flac, mp3, ogg, opus, m4a or a video?"
        ) from error


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)


def song_of(path: Path) -> Song:
    """Look at a file without decoding it; UserError when it has no sound."""
    with _open(path) as container:
        if not container.streams.audio:
            has = "only a picture" if container.streams.video else "no sound track"
            raise UserError(f"{path}: has {has}; name a file with sound")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise UserError(
                f"{path}: its sound is of no codec known here; make it FLAC or Ogg Vorbis"
            )
        seconds = None
        if stream.duration is not None and stream.time_base is not None:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration is not None:
            seconds = container.duration / av.time_base
        return Song(path, stream.codec.canonical_name, seconds)


def has_moving_picture(path: Path) -> bool:
    """Whether a file is a film rather than a song; a cover picture does not count."""
    with _open(path) as container:
        cover = av.stream.Disposition.attached_pic
        return any(not stream.disposition & cover for stream in container.streams.video)


class Hopper:
    """Cuts blocks of any length, rate and channel count into hops at RATE.

    What a device delivers goes in; what the analyzer eats comes out. Resampling is FFmpeg's, and
    its delay is a fraction of a hop.
    """

    def __init__(self, rate: int, hop: int = HOP) -> None:
        self._rate, self._hop = rate, hop
        self._resampler = av.AudioResampler(format="flt", layout="mono", rate=RATE)
        self._rest = np.zeros(0, np.float32)

    def push(self, block: np.ndarray) -> list[np.ndarray]:
        """Whole hops (hop,) that are ready after `block` (n,) or (n, channels) of float32."""
        mono = block if block.ndim == 1 else block.mean(axis=1)
        frame = av.AudioFrame.from_ndarray(mono.astype(np.float32)[None], "flt", "mono")
        frame.rate = self._rate
        ready = [part.to_ndarray()[0] for part in self._resampler.resample(frame)]
        self._rest = np.concatenate([self._rest, *ready])
        whole = len(self._rest) // self._hop * self._hop
        hops, self._rest = self._rest[:whole], self._rest[whole:]
        return list(hops.reshape(-1, self._hop))


_NOTHING = ("", "", 0)  # the form of no frame


class Resampler:
    """FFmpeg's, for files whose rate or channels change on the way, as joined ones' do."""

    def __init__(self, form: str, layout: str, rate: int) -> None:
        self._into = (form, layout, rate)
        self._resampler, self._from = self._anew(), _NOTHING

    def resample(self, frame: av.AudioFrame) -> list[av.AudioFrame]:
        """What is ready after a frame."""
        coming = (frame.format.name, frame.layout.name, frame.sample_rate)
        before = [] if self._from in (_NOTHING, coming) else self.rest()
        self._from = coming
        return before + self._resampler.resample(frame)

    def rest(self) -> list[av.AudioFrame]:
        """What is left at the end; another file, or form, may follow."""
        left = [] if self._from == _NOTHING else self._resampler.resample(None)
        self._resampler, self._from = self._anew(), _NOTHING
        return left

    def _anew(self) -> av.AudioResampler:
        form, layout, rate = self._into
        return av.AudioResampler(format=form, layout=layout, rate=rate)


def _samples_of(path: Path) -> Iterator[np.ndarray]:
    """Mono float32 blocks (n,) at RATE, of whatever lengths the decoder gives."""
    resampler = Resampler("flt", "mono", RATE)
    with _open(path) as container:
        for packet in _packets_of(container, path):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue  # a damaged packet is skipped, as players do
            for frame in frames:
                for block in resampler.resample(frame):
                    yield block.to_ndarray()[0]
        for block in resampler.rest():
            yield block.to_ndarray()[0]


def _packets_of(container: av.container.InputContainer, path: Path) -> Iterator[Any]:
    """Every packet of sound; UserError where the disk gives no more."""
    try:
        yield from container.demux(container.streams.audio[0])
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"{path}: cannot be read on ({error.strerror or error})") from error


def hops_of(path: Path, hop: int = HOP) -> Iterator[np.ndarray]:
    """Decode a file into mono float32 hops (hop,) at 44.1 kHz; the last one may be shorter.

    Memory does not grow with the file. UserError when the file cannot be read or holds no sound;
    a truncated file ends where it was cut.
    """
    song_of(path)
    buffer = np.zeros(0, np.float32)
    heard = False
    for block in _samples_of(path):
        heard = heard or len(block) > 0
        buffer = np.concatenate([buffer, block])
        whole = len(buffer) // hop * hop
        for begin in range(0, whole, hop):
            yield buffer[begin : begin + hop]
        buffer = buffer[whole:]
    if not heard:
        raise UserError(f"{path}: holds no sound (0 samples could be decoded)")
    if len(buffer):
        yield buffer

"""Segments: a chunk's pictures as closed H.264, and their joining without encoding again."""

import os
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from . import disk
from .disk import unwritable
from .film import picture_stream, video_frame
from .fit import Size
from .soundtrack import Soundtrack

THREADS = 4  # of the encoder, everywhere the same: their number changes its bytes


def write_segment(
    path: Path, pictures: Iterable[np.ndarray], *, size: Size, fps: Fraction, quality: str
) -> int:
    """Encode fitted pictures (h, w, 3) into a segment that appears when whole; returns how many.

    Ctrl-C keeps what there is as `NAME.partial.mp4` and goes on its way.
    """
    working = path.with_name(f".{path.stem}.{os.getpid()}.mp4")
    count, whole = 0, False
    file = av.open(working, "w")
    try:
        stream = picture_stream(file, size, fps, quality, threads=THREADS)
        try:
            for picture in pictures:
                file.mux(stream.encode(video_frame(picture, count, fps)))
                count += 1
            whole = True
        finally:
            if count:
                file.mux(stream.encode(None))
            file.close()
            if whole:
                disk.replace(working, path)
            elif count:
                working.replace(path.with_suffix(".partial.mp4"))
    finally:
        working.unlink(missing_ok=True)
    return count


def join(
    film: Path,
    segments: Iterable[tuple[Path, int]],
    *,
    song: Path,
    start: float,
    fps: Fraction,
) -> tuple[bool, int]:
    """Copy segments (with their numbers of frames) into one film with the song's sound.

    Returns whether the sound was copied, and how many of its packets were damaged. The film
    appears under its name when it is whole.
    """
    working = film.with_name(f".{film.stem}.{os.getpid()}.mp4")
    try:
        with av.open(working, "w", options={"movflags": "+faststart"}) as file:
            picture: av.VideoStream | None = None
            sound: Soundtrack | None = None
            first = 0
            for path, frames in segments:
                with av.open(path) as segment:
                    source = segment.streams.video[0]
                    if picture is None:
                        picture = file.add_stream_from_template(source)
                        picture.time_base = 1 / fps
                        sound = Soundtrack(file, song, start)
                    _copy(file, segment, source, picture, first, fps)
                first += frames
                if sound is not None:
                    sound.advance(float(first / fps))
            if sound is not None:
                sound.finish(float(first / fps))
        disk.replace(working, film)
    except (OSError, av.FFmpegError) as error:
        raise unwritable(film, error) from error
    finally:
        working.unlink(missing_ok=True)
    return (sound.copied, sound.damaged) if sound is not None else (False, 0)


def _copy(
    file: av.container.OutputContainer,
    segment: av.container.InputContainer,
    source: av.VideoStream,
    picture: av.VideoStream,
    first: int,
    fps: Fraction,
) -> None:
    """Every packet of a segment, moved to its place in the film."""
    for packet in segment.demux(source):
        if packet.dts is None or packet.pts is None:
            continue
        ticks = packet.time_base * fps  # frames a tick of the segment's clock
        packet.pts = first + round(packet.pts * ticks)
        packet.dts = first + round(packet.dts * ticks)
        packet.duration = 1
        packet.time_base = 1 / fps
        packet.stream = picture
        file.mux(packet)

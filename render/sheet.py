"""A contact sheet: pictures in order of time, and what was heard under them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from matplotlib.figure import Figure

from synth.audio_file import hops_of, song_of
from synth.constants import RATE
from synth.engine import Engine
from synth.errors import UserError
from synth.generators import Generator
from synth.settings.knobs import Hear, Knobs

from .hearing import GROUND, check_name, draw_chroma, draw_events, listen, save
from .timeline import latents_of

_THUMBNAIL = 160  # pixels wide
_FEATURE_HEIGHT = 2.6  # inches for the curves
_DPI = 100
_AS_HEARD = Hear()


@dataclass(frozen=True, slots=True)
class Picture:
    """One frame and its second."""

    time: float
    pixels: np.ndarray  # uint8 (h, w, 3)


def _moments(seconds: float, count: int) -> np.ndarray:
    """`count` equally spaced seconds, each in the middle of its share."""
    return (np.arange(count) + 0.5) * seconds / count


def pictures_of_film(film: Path, count: int) -> list[Picture]:
    """`count` frames of a film at equal distances."""
    with av.open(film) as container:
        stream = container.streams.video[0]
        seconds = (container.duration or 0) / av.time_base
        pictures = []
        for moment in _moments(seconds, count):
            with suppress(av.FFmpegError):  # a damaged part has no picture
                container.seek(int(moment * av.time_base))
                pictures += _first_from(container.decode(stream), float(moment))
    if not pictures:
        raise UserError(f"{film}: holds no picture that can be decoded")
    return pictures


def _first_from(frames: Iterable[av.VideoFrame], moment: float) -> list[Picture]:
    """The first frame at or after a second, as a list of one; of none past the end."""
    for frame in frames:
        if frame.time is not None and frame.time >= moment:
            height = round(frame.height * _THUMBNAIL / frame.width)
            small = frame.reformat(_THUMBNAIL, height, format="rgb24")
            return [Picture(frame.time, small.to_ndarray())]
    return []


def pictures_of_song(song: Path, generator: Generator, knobs: Knobs, count: int) -> list[Picture]:
    """`count` frames that a film of this song would show, without rendering the others."""
    seconds = song_of(song).seconds or sum(len(hop) for hop in hops_of(song)) / RATE
    fps = Fraction(count) / max(Fraction(1, RATE), Fraction(seconds).limit_denominator(RATE))
    engine = Engine(knobs, generator.embed)
    latents = latents_of(hops_of(song), engine, fps, start=seconds / count / 2)
    return [
        Picture(float(moment), generator.frames([latent])[0].cpu().numpy())
        for moment, latent in zip(_moments(seconds, count), latents, strict=False)
    ]


def draw(
    sound: Path, pictures: Sequence[Picture], columns: int, output: Path, knobs: Hear = _AS_HEARD
) -> None:
    """Write the sheet as PNG: pictures above, chroma, flux, onsets and beats below."""
    check_name(output, sound)
    if not pictures:
        raise UserError(f"{sound}: is too short for a picture")
    rows = -(-len(pictures) // columns)
    height, width = pictures[0].pixels.shape[:2]
    inches = columns * _THUMBNAIL / _DPI
    picture_height = rows * (_THUMBNAIL * height / width + 16) / _DPI
    figure = Figure((inches, picture_height + _FEATURE_HEIGHT), dpi=_DPI, facecolor=GROUND)
    parts = figure.subfigures(2, height_ratios=[picture_height, _FEATURE_HEIGHT], facecolor=GROUND)
    top, bottom = np.asarray(parts)
    top.subplots_adjust(
        0,
        0,
        1,
        1 - 14 / _DPI / picture_height,
        wspace=0.02,
        hspace=16 / _THUMBNAIL * width / height,
    )
    for place, axes in enumerate(top.subplots(rows, columns, squeeze=False).flat):
        axes.axis("off")
        if place < len(pictures):
            axes.imshow(pictures[place].pixels, aspect="auto")
            axes.set_title(f"{pictures[place].time:.1f} s", fontsize=7, color="w", pad=2)
    heard, _ = listen(sound, knobs=knobs)
    chroma, events = bottom.subplots(2, 1, sharex=True)
    draw_chroma(chroma, heard)
    draw_events(events, heard)
    bottom.subplots_adjust(0.035, 0.14, 0.995, 0.97, hspace=0.08)
    save(figure, output)

"""Pictures of what is heard: waveform, chroma, flux, onsets, beats and levels on one time axis."""

from collections.abc import Sequence
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from synth.analysis.analyzer import PITCH_CLASSES, Analyzer, Features
from synth.audio_file import hops_of
from synth.errors import UserError
from synth.settings.knobs import Hear

from . import disk

GROUND = "#101014"
_PANEL = "#18181e"
_AS_HEARD = Hear()
_DRUMS = {"kick": "#ff5577", "snare": "#ffcc66", "hat": "#66ddff"}
_LEVELS = {"bass": "#ff5577", "mid": "#ffcc66", "treble": "#66ddff"}


def listen(
    sound: Path, duration: float | None = None, knobs: Hear = _AS_HEARD
) -> tuple[list[Features], np.ndarray]:
    """Features of every hop up to `duration` seconds, and the loudest sample of each hop."""
    analyzer, heard, peaks = Analyzer(), [], []
    for hop in hops_of(sound):
        heard.append(analyzer.hear(hop, knobs))
        peaks.append(float(np.abs(hop).max(initial=0)))
        if duration is not None and heard[-1].time >= duration:
            break
    return heard, np.array(peaks)


def draw_hearing(heard: Sequence[Features], peaks: np.ndarray, output: Path) -> None:
    """Write a PNG of everything that was heard."""
    check_name(output)
    figure = Figure((14, 9.5), dpi=100, facecolor=GROUND)
    wave, chroma, events, drums, levels = figure.subplots(
        5, 1, sharex=True, height_ratios=[1, 2.2, 1.6, 1.2, 1.2]
    )
    figure.subplots_adjust(0.04, 0.06, 0.995, 0.985, hspace=0.06)
    times = [f.time for f in heard]
    wave.fill_between(times, -peaks, peaks, color="#8899aa", lw=0)
    wave.set_ylim(-1, 1)
    draw_chroma(chroma, heard)
    draw_events(events, heard)
    _draw_drums(drums, heard)
    for name, colour in _LEVELS.items():
        levels.plot(times, [getattr(f, name) for f in heard], color=colour, lw=0.7, label=name)
    _dress(levels, heard)
    _dress(wave, heard, legend=False)
    save(figure, output)


def draw_chroma(axes: Axes, heard: Sequence[Features]) -> None:
    """Pitch classes over time, C at the bottom."""
    pitches = np.stack([f.chroma for f in heard], 1)
    extent = (0, heard[-1].time, -0.5, 11.5)
    axes.imshow(pitches, aspect="auto", origin="lower", extent=extent, cmap="magma")
    axes.set_yticks(range(12), PITCH_CLASSES)
    axes.tick_params(colors="w", labelsize=6)


def draw_events(axes: Axes, heard: Sequence[Features]) -> None:
    """Loudness and flux, with onsets, predicted beats and sections as strokes."""
    times = [f.time for f in heard]
    axes.plot(times, [f.loudness for f in heard], color="#667788", lw=0.8, label="loudness")
    axes.plot(times, [f.flux for f in heard], color="#ffb347", lw=0.6, label="flux")
    onsets = [f.onset_time for f in heard if f.onset]
    beats = [before.next_beat for before, f in pairwise(heard) if f.beat]
    first = [f.beat and f.beat_in_bar == 1 for f in heard]
    firsts = [before.next_beat for before, one in zip(heard, first[1:], strict=False) if one]
    axes.vlines(onsets, 1.02, 1.12, color="#66ddff", lw=0.8, label="onsets")
    sections = [f.time for before, f in pairwise(heard) if f.section != before.section]
    axes.vlines(sections, 0, 1.36, color="#ffffff", lw=1.2, label="sections")
    axes.vlines(beats, 1.14, 1.26, color="#ff5577", lw=0.8, label="beats")
    axes.vlines(firsts, 1.14, 1.34, color="#ffffff", lw=1.0, label="first of a bar")
    axes.plot(
        times, [f.beat_confidence for f in heard], color="#77dd77", lw=0.8, label="confidence"
    )
    _dress(axes, heard)
    axes.set_ylim(0, 1.36)
    axes.set_yticks([0, 1])


def _draw_drums(axes: Axes, heard: Sequence[Features]) -> None:
    """How sure it is at each hop that a drum was struck: hat above snare above kick."""
    times = [f.time for f in heard]
    for height, (name, colour) in enumerate(_DRUMS.items()):
        sure = np.array([getattr(f, name) for f in heard])
        axes.fill_between(times, height, height + 0.95 * sure, color=colour, lw=0, label=name)
    _dress(axes, heard)
    axes.set_ylim(0, len(_DRUMS))
    axes.set_yticks([])


def _dress(axes: Axes, heard: Sequence[Features], *, legend: bool = True) -> None:
    axes.set_facecolor(_PANEL)
    axes.set_xlim(0, heard[-1].time)
    axes.set_xlabel("seconds", fontsize=7, color="w")
    axes.tick_params(colors="w", labelsize=6)
    if legend:
        axes.legend(fontsize=6, loc="lower right", ncols=5, facecolor=GROUND, labelcolor="w")


def check_name(output: Path, source: Path | None = None) -> None:
    """UserError unless the name says PNG and is not the source's, before any work is done."""
    if output.suffix.lower() != ".png":
        raise UserError(f"{output}: a picture's name ends in .png")
    if source is not None and output.exists() and source.exists() and output.samefile(source):
        raise UserError(f"{output}: is what shall be drawn itself; name another picture")


def save(figure: Figure, output: Path) -> None:
    """Write a figure as PNG; UserError when the place cannot be written."""
    picture = BytesIO()
    figure.savefig(picture, format="png", facecolor=figure.get_facecolor())
    disk.write(output, picture.getvalue())

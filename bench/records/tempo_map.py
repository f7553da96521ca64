"""Beats that a person laid under a song: the tempo map of Frets on Fire's `notes.mid`.

Every quarter note of the map is a beat. The game shows what the map has at time t when the sound is
at t + `delay` (song.ini, milliseconds; Song.getPosition of the game's Song.py), so beats sound so
much later.
"""

import configparser
from itertools import pairwise
from pathlib import Path

import mido
import numpy as np

from synth.analysis.agreement import matched

_DEFAULT = 500_000  # microseconds a quarter note until a MIDI file says otherwise
_OFFSETS = np.arange(-12, 13) * 0.005  # seconds by which a map may lie beside its sound
_ON = 0.025  # seconds from a beat in which an onset belongs to it


def beats_of(folder: Path, start: float, long: float) -> np.ndarray:
    """Beats (n,) of a song's folder in an excerpt, in seconds from the excerpt's begin."""
    beats = beats_until(mido.MidiFile(folder / "notes.mid", clip=True), start + long + 1)
    beats = beats + delay_of(folder / "song.ini") - start
    kept: np.ndarray = beats[(beats >= 0) & (beats < long)]
    return kept


def beats_until(midi: mido.MidiFile, end: float) -> np.ndarray:
    """Seconds (n,) of every quarter note before `end`; the last tempo goes on for ever."""
    changes = [*_changes(midi), (None, 0)]
    beats, begin, tick = [], 0.0, 0  # seconds and ticks of the tempo's change
    for (_, tempo), (until, _) in pairwise(changes):
        second = tempo * 1e-6 / midi.ticks_per_beat  # of a tick
        last = tick + (end - begin) / second if until is None else until
        first = -(-tick // midi.ticks_per_beat) * midi.ticks_per_beat
        ticks = np.arange(first, last, midi.ticks_per_beat)
        beats += list(begin + (ticks - tick) * second)
        if until is not None:
            begin, tick = begin + (until - tick) * second, until
    return np.array([beat for beat in beats if beat < end])


def _changes(midi: mido.MidiFile) -> list[tuple[int, int]]:
    """Tick and microseconds a quarter note of each tempo, the first at tick 0."""
    changes = {0: _DEFAULT}
    for track in midi.tracks:
        tick = 0
        for message in track:
            tick += message.time
            if message.type == "set_tempo":
                changes[tick] = message.tempo
    return sorted(changes.items())


def delay_of(ini: Path) -> float:
    """Seconds by which a song sounds later than its map says; 0 where nothing is said."""
    told = configparser.ConfigParser(interpolation=None, strict=False)
    told.read(ini, "utf-8")
    return told.getfloat("song", "delay", fallback=0.0) / 1000


def laid(beats: np.ndarray, onsets: np.ndarray) -> tuple[float, float]:
    """The constant (seconds) that lays a map's beats on onsets best, and the share of beats that
    then have one.

    Of constants that are about as good the smallest is taken, and moved by the median of what is
    left; an eighth note is out of reach. No constant and no share where a map has no beats.
    """
    if not len(beats):
        return 0.0, 0.0
    late = [_lateness(beats + offset, onsets) for offset in _OFFSETS]
    most = max(map(len, late))
    good = [k for k, found in enumerate(late) if len(found) >= most - 0.03 * len(beats)]
    best = min(good, key=lambda k: abs(_OFFSETS[k]))
    offset = float(_OFFSETS[best] + np.median(late[best])) if most else 0.0
    return offset, len(_lateness(beats + offset, onsets)) / len(beats)


def _lateness(beats: np.ndarray, onsets: np.ndarray) -> np.ndarray:
    """Seconds from each beat that has an onset to that onset."""
    pairs = matched(beats, onsets, _ON)
    late: np.ndarray = onsets[pairs[:, 1]] - beats[pairs[:, 0]]
    return late

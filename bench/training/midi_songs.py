"""Music that others wrote down as MIDI: in excerpts, at other tempi and in other keys."""

from collections import defaultdict
from functools import cache
from pathlib import Path

import mido
import numpy as np

from .songs import Part, Song
from .soundfonts import Note

FOLDERS = (  # of Debian's openttd-openmsx and planetblupi-music-midi
    Path("/usr/share/games/openttd/baseset/openmsx"),
    Path("/usr/share/planetblupi/music"),
)
_DRUM_CHANNEL = 9
_DRUMS = {
    **dict.fromkeys((35, 36), "kick"),
    37: "stick",
    **dict.fromkeys((38, 40), "snare"),
    39: "clap",
    42: "hat",
    44: "pedal hat",
    46: "open hat",
    **dict.fromkeys((49, 52, 55, 57), "crash"),
    **dict.fromkeys((51, 53, 59), "ride"),
    **dict.fromkeys((41, 43, 45, 47, 48, 50), "tom"),
}
_SLOWEST, _FASTEST = 54.0, 216.0  # beats a minute that are kept as written


@cache
def _read(
    path: Path,
) -> tuple[list[tuple[float, float, int, int, int, int]], np.ndarray, np.ndarray]:
    """Notes (begin, length, channel, pitch, velocity, program), beats, their places in the bar."""
    file = mido.MidiFile(path, clip=True)
    ticks = file.ticks_per_beat
    moments, signatures, tempi = [], [(0, 4, 4)], [(0, 500_000)]
    at = 0
    for message in mido.merge_tracks(file.tracks):
        at += message.time
        if message.type == "set_tempo":
            tempi.append((at, message.tempo))
        elif message.type == "time_signature":
            signatures.append((at, message.numerator, message.denominator))
        elif message.type in ("note_on", "note_off", "program_change"):
            moments.append((at, message))
    clock = _Clock(tempi, ticks)
    beats, places = _grid(signatures, at, ticks)
    return _notes(moments, clock), clock(np.array(beats)), np.array(places)


class _Clock:
    """Seconds of ticks."""

    def __init__(self, tempi: list[tuple[int, int]], ticks: int) -> None:
        changes = dict(sorted(tempi, key=lambda change: change[0]))
        self._at = np.array(list(changes), float)
        self._slope = np.array(list(changes.values())) / 1e6 / ticks
        steps = np.diff(self._at) * self._slope[:-1]
        self._begin = np.concatenate([[0.0], np.cumsum(steps)])

    def __call__(self, ticks: np.ndarray) -> np.ndarray:
        place = np.searchsorted(self._at, ticks, "right") - 1
        seconds: np.ndarray = self._begin[place] + (ticks - self._at[place]) * self._slope[place]
        return seconds


def _grid(
    signatures: list[tuple[int, int, int]], end: int, ticks: int
) -> tuple[list[float], list[int]]:
    """Ticks of every beat and its place in the bar: 0 where bars have neither 3 nor 4 beats."""
    beats: list[float] = []
    places: list[int] = []
    for (begin, upper, lower), (until, _, _) in zip(
        signatures, [*signatures[1:], (end, 0, 0)], strict=True
    ):
        compound = lower >= 8 and upper % 3 == 0
        length = ticks * 4 / lower * (3 if compound else 1)
        count = upper // 3 if compound else upper
        for number, at in enumerate(np.arange(begin, until, length)):
            beats.append(float(at))
            places.append(number % count + 1 if count in (3, 4) else 0)
    return beats, places


def _notes(
    moments: list[tuple[int, mido.Message]], clock: _Clock
) -> list[tuple[float, float, int, int, int, int]]:
    programs: dict[int, int] = defaultdict(int)
    sounding: dict[tuple[int, int], tuple[float, int, int]] = {}
    notes = []
    for at, message in moments:
        now = float(clock(np.array([at]))[0])
        if message.type == "program_change":
            programs[message.channel] = message.program
            continue
        key = message.channel, message.note
        if key in sounding:
            begin, velocity, program = sounding.pop(key)
            notes.append((begin, max(0.03, now - begin), *key, velocity, program))
        if message.type == "note_on" and message.velocity:
            sounding[key] = now, message.velocity, programs[message.channel]
    return sorted(notes)


def files() -> list[Path]:
    """Every piece that is installed here."""
    return sorted(path for folder in FOLDERS for path in folder.glob("*.mid"))


def excerpt(path: Path, seconds: float, random: np.random.Generator) -> Song | None:
    """A part of a piece, faster or slower and in another key; None where it has too little."""
    notes, beats, places = _read(path)
    bpm = 60 / float(np.median(np.diff(beats)))
    slowest, fastest = max(0.85, _SLOWEST / bpm), min(1.18, _FASTEST / bpm)
    if slowest >= fastest or len(notes) < 50:
        return None
    speed = float(np.exp(random.uniform(np.log(slowest), np.log(fastest))))
    last = notes[-1][0] / speed
    start = random.uniform(0, max(0.0, last - seconds))
    shift = int(random.integers(-4, 5))
    parts: dict[tuple[int, int], Part] = {}
    hits = []
    for begin, length, channel, pitch, velocity, program in notes:
        at = begin / speed - start
        if not 0 <= at < seconds:
            continue
        if channel == _DRUM_CHANNEL:
            hits.append((at, _DRUMS.get(pitch, "perc"), velocity / 127))
            continue
        part = parts.setdefault((channel, program), Part(_role(program), program))
        part.notes.append(
            Note(
                at,
                min(length / speed, seconds - at),
                int(np.clip(pitch + shift, 12, 115)),
                velocity,
            )
        )
    if sum(len(part.notes) for part in parts.values()) + len(hits) < 30:
        return None
    told = beats / speed - start
    inside = (told >= 0) & (told < min(seconds, last - start))
    return Song(path.stem, seconds, list(parts.values()), hits, told[inside], places[inside])


def _role(program: int) -> str:
    if 32 <= program < 40:
        return "bass"
    if 48 <= program < 52 or 88 <= program < 96:
        return "pad"
    return "lead" if program >= 56 else "comping"

"""Examples to learn from: what the network would hear of a piece, and what it should tell.

The same seed makes the same piece.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from scipy import signal

from synth.analysis.envelope import RunningPeak
from synth.analysis.spectra import spectra_of
from synth.constants import HOP, RATE

from . import midi_songs
from .kits import Kit, hydrogen_kits, mixed_kit, single_sounds, strike
from .mixing import mastered, mixed
from .songs import SLOW, Song, composed
from .soundfonts import Note, SoundFont

HEADS = ("onset", "beat", "downbeat", "kick", "snare", "hat")
SECONDS = 40.0
LATE = 1  # hops after the one that an event falls into, in which it is told
FONTS = tuple(
    Path("/usr/share/sounds/sf2") / name
    for name in ("FluidR3_GM.sf2", "FluidR3_GM.sf2", "OPL-3_FM_128M.sf2", "TimGM6mb.sf2")
)
DRUM_FONTS = tuple(
    Path("/usr/share/sounds/sf2") / name
    for name in ("FluidR3_GM.sf2", "Black_Pearl_4_LV2.sf2", "OPL-3_FM_128M.sf2", "TimGM6mb.sf2")
)
_FROM_MIDI = 0.25  # of the pieces
_DRUM_PROGRAMS = (0, 8, 16, 24, 25, 32, 40, 48)
_NOTES = {  # General MIDI's
    "kick": 36,
    "snare": 38,
    "clap": 39,
    "stick": 37,
    "hat": 42,
    "open hat": 46,
    "pedal hat": 44,
    "ride": 51,
    "crash": 49,
    "tom": 45,
    "perc": 62,
}
_HEARD_AS = {
    "kick": "kick",
    "snare": "snare",
    "clap": "snare",
    "hat": "hat",
    "open hat": "hat",
    "pedal hat": "hat",
}
_UNSURE = {"stick": "snare", "perc": "snare", "ride": "hat", "crash": "hat", "tom": "kick"}
_SOFT = 0.12  # velocity of a hit that need not be heard
_WIDE = {"onset": (0.3, 1.0, 0.4), "drum": (0.3, 1.0, 0.4), "beat": (0.5, 1.0, 0.5)}


@dataclass
class Example:
    """Inputs (hops, n), targets (hops, heads) 0..1, and how much each target counts, 0..1."""

    heard: np.ndarray
    targets: np.ndarray
    weights: np.ndarray


@cache
def _font(path: Path) -> SoundFont:
    return SoundFont(path)


@cache
def _kits() -> tuple[Kit, ...]:
    return (*hydrogen_kits(), *single_sounds())


def piece(seed: int) -> tuple[Song, np.ndarray]:
    """A song and its sound, mono float32."""
    random = np.random.default_rng(seed)
    song = None
    if random.random() < _FROM_MIDI and (files := midi_songs.files()):
        song = midi_songs.excerpt(files[random.integers(len(files))], SECONDS, random)
    song = song or composed(SECONDS, random)
    parts = _played(song, random)
    kicks = [at for at, role, _ in song.hits if role == "kick"]
    return song, mastered(mixed(parts, kicks, song.pumping, random), random)


def _played(song: Song, random: np.random.Generator) -> dict[str, np.ndarray]:
    parts: dict[str, np.ndarray] = {}
    one_font = FONTS[random.integers(len(FONTS))]
    for part in song.parts:
        path = one_font if random.random() < 0.7 else FONTS[random.integers(len(FONTS))]
        sound = _font(path).play(part.notes, song.seconds, part.program)
        parts[part.role] = parts.get(part.role, np.float32(0)) + sound
    if song.hits:
        parts["drums"] = _drummed(song, random)
    return {role: sound for role, sound in parts.items() if np.abs(sound).max() > 1e-5} or {
        "lead": np.full(round(song.seconds * RATE), 1e-5, np.float32)
    }


def _drummed(song: Song, random: np.random.Generator) -> np.ndarray:
    if random.random() < 0.65:
        return strike(mixed_kit(list(_kits()), random), song.hits, song.seconds, random)
    notes = [
        Note(at, 0.2, _NOTES[role], max(1, min(127, round(127 * velocity))))
        for at, role, velocity in song.hits
    ]
    font = _font(DRUM_FONTS[random.integers(len(DRUM_FONTS))])
    return font.play(notes, song.seconds, int(random.choice(_DRUM_PROGRAMS)), drums=True)


# ---- what is heard, and what it should be called


def heard(samples: np.ndarray) -> np.ndarray:
    """What the network hears of whole hops of a piece (hops, n)."""
    sos = signal.butter(2, 20, "highpass", fs=RATE, output="sos")
    clean = signal.sosfilt(sos, samples).astype(np.float32)
    hops = len(clean) // HOP
    levels = np.sqrt((clean[: hops * HOP].reshape(hops, HOP) ** 2).mean(1))
    peak = RunningPeak(release=20.0, start=10 ** (-55 / 20))
    gains = [
        0.1 / peak.update(level, HOP / RATE, floor=10 ** (-90 / 20)) for level in levels.tolist()
    ]
    return spectra_of(clean, np.array(gains), RATE, HOP)


def example(song: Song, samples: np.ndarray) -> Example:
    """A song's sound as the network hears it, with its truth."""
    inputs = heard(samples)
    targets = np.zeros((len(inputs), len(HEADS)), np.float32)
    weights = np.ones_like(targets)
    slow = [note.begin for part in song.parts if part.program in SLOW for note in part.notes]
    quick = [note.begin for part in song.parts if part.program not in SLOW for note in part.notes]
    hits = [(at, role) for at, role, velocity in song.hits if velocity >= _SOFT]
    _ignore(weights, "onset", slow, 9)
    _mark(targets, weights, "onset", [*quick, *(at for at, _ in hits)], _WIDE["onset"])
    for at, role in hits:
        if role in _UNSURE:
            _ignore(weights, _UNSURE[role], [at], 3)
    for head in ("kick", "snare", "hat"):
        times = [at for at, role in hits if _HEARD_AS.get(role) == head]
        _mark(targets, weights, head, times, _WIDE["drum"])
    _mark(targets, weights, "beat", song.beats.tolist(), _WIDE["beat"])
    _mark(targets, weights, "downbeat", song.beats[song.beat_in_bar == 1].tolist(), _WIDE["beat"])
    unknown = song.beats[song.beat_in_bar == 0]
    if len(unknown):
        weights[:, HEADS.index("downbeat")] = 0
    return Example(inputs, targets, weights)


def _places(times: list[float]) -> np.ndarray:
    return np.floor(np.array(times) * RATE / HOP).astype(int) + LATE


def _mark(
    targets: np.ndarray,
    weights: np.ndarray,
    head: str,
    times: list[float],
    shape: tuple[float, float, float],
) -> None:
    column, centre = HEADS.index(head), len(shape) // 2
    places = _places(times)
    for offset, value in enumerate(shape, -centre):
        inside = places + offset
        inside = inside[(inside >= 0) & (inside < len(targets))]
        targets[inside, column] = np.maximum(targets[inside, column], value)
        weights[inside, column] = 1


def _ignore(weights: np.ndarray, head: str, times: list[float], hops: int) -> None:
    for offset in range(-1, hops):
        inside = _places(times) + offset
        weights[inside[(inside >= 0) & (inside < len(weights))], HEADS.index(head)] = 0


def save(folder: Path, name: str, found: Example) -> None:
    """Write an example, small."""
    part = folder / f".{name}.part.npz"
    np.savez(
        part,
        heard=found.heard.astype(np.float16),
        targets=np.round(255 * found.targets).astype(np.uint8),
        weights=np.round(255 * found.weights).astype(np.uint8),
    )
    part.rename(folder / f"{name}.npz")


def make(folder: Path, seeds: Iterable[int]) -> None:
    """Write an example for each seed, named by it; one that is there is left as it is."""
    for seed in seeds:
        if not (folder / f"{seed:06}.npz").exists():
            save(folder, f"{seed:06}", example(*piece(seed)))

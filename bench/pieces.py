"""Pieces whose notes, drums and beats are known, because they are written here.

Instruments are played by fluidsynth with the General MIDI sound font of Debian's
`timgm6mb-soundfont`; drums and tones of exact shape are made with numpy.
"""

import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import mido
import numpy as np

from demo import compose
from demo.compose import hat, kick, snare
from synth.audio_file import hops_of
from synth.constants import RATE

SOUND_FONT = Path("/usr/share/sounds/sf2/TimGM6mb.sf2")
TICKS = 480  # MIDI ticks a beat
PIANO, ORGAN, GUITAR, STRINGS, BRASS = 0, 19, 24, 48, 61  # General MIDI programs
KICK, SNARE, HAT = 36, 38, 42  # General MIDI drum notes


@dataclass(frozen=True)
class Piece:
    """Sound and what is true of it; all times in seconds."""

    name: str
    samples: np.ndarray  # mono float32 at 44.1 kHz
    chords: list[tuple[float, float, frozenset[int]]] = field(default_factory=list)
    onsets: np.ndarray = field(default_factory=lambda: np.zeros(0))
    beats: np.ndarray = field(default_factory=lambda: np.zeros(0))
    bpm: float = 0.0


Event = tuple[float, float, int, int, int]  # begin, length (beats), channel, note, velocity
_DRUM_CHANNEL = 9


def played(events: list[Event], programs: dict[int, int], bpm: float) -> np.ndarray:
    """What fluidsynth makes of some notes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _write_midi(folder / "piece.mid", events, programs, bpm)
        command = ["fluidsynth", "-niq", "-r", str(RATE), "-g", "0.6", "-R", "0", "-C", "0"]
        command += ["-F", "piece.wav", str(SOUND_FONT), "piece.mid"]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        return np.concatenate(list(hops_of(folder / "piece.wav")))


def _write_midi(path: Path, events: list[Event], programs: dict[int, int], bpm: float) -> None:
    moments = []
    for begin, length, channel, note, velocity in events:
        moments.append((begin, 1, channel, note, velocity))
        moments.append((begin + length, 0, channel, note, 0))
    track = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(bpm))])
    track += [mido.Message("program_change", channel=c, program=p) for c, p in programs.items()]
    before = 0
    for at, on, channel, note, velocity in sorted(moments):
        tick = round(at * TICKS)
        kind = "note_on" if on else "note_off"
        track.append(
            mido.Message(kind, channel=channel, note=note, velocity=velocity, time=tick - before)
        )
        before = tick
    mido.MidiFile(ticks_per_beat=TICKS, tracks=[track]).save(path)


def _progression(stream: np.random.RandomState, kind: str, count: int) -> list[list[int]]:
    shapes: dict[str, list[tuple[int, ...]]] = {
        "single notes": [(0,)],
        "triads": [(0, 4, 7), (0, 3, 7)],
        "seventh chords": [(0, 4, 7, 10), (0, 3, 7, 10), (0, 4, 7, 11)],
        "chorale": [(-12, 7, 16, 24), (-12, 7, 15, 24), (-12, 4, 7, 12)],
    }
    options = shapes[kind]
    roots = 48 + stream.randint(0, 24, count)
    return [[int(root) + tone for tone in options[stream.randint(len(options))]] for root in roots]


def harmony(kind: str, program: int, *, drums: bool, count: int = 16) -> Piece:
    """Chords of two beats each at 100 BPM."""
    bpm, stream = 100.0, np.random.RandomState(program)
    chords = _progression(stream, kind, count)
    events: list[Event] = [
        (2.0 * k, 1.95, 0, note, 90) for k, chord in enumerate(chords) for note in chord
    ]
    if drums:
        events += [(b / 2, 0.2, _DRUM_CHANNEL, HAT, 70) for b in range(4 * count)]
        events += [(float(b), 0.2, _DRUM_CHANNEL, KICK, 100) for b in range(0, 2 * count, 2)]
        events += [(b + 1.0, 0.2, _DRUM_CHANNEL, SNARE, 90) for b in range(0, 2 * count, 2)]
    beat = 60 / bpm
    truth = [
        (2 * k * beat, (2 * k + 1.95) * beat, frozenset(note % 12 for note in chord))
        for k, chord in enumerate(chords)
    ]
    name = f"{kind}, program {program}" + (", drums" if drums else "")
    return Piece(name, played(events, {0: program}, bpm), chords=truth)


def band(bpm: float, seconds: float = 24.0, seed: int = 0) -> Piece:
    """Drums, bass and piano by fluidsynth."""
    stream = np.random.RandomState(seed)
    beats = int(seconds * bpm / 60)
    roots = [36 + int(stream.choice([0, 5, 7, 9])) for _ in range(beats // 4 + 1)]
    events: list[Event] = []
    for beat in range(beats):
        root = roots[beat // 4]
        events.append((beat, 0.2, _DRUM_CHANNEL, KICK if beat % 2 == 0 else SNARE, 105))
        events += [(beat + half, 0.2, _DRUM_CHANNEL, HAT, 75) for half in (0.0, 0.5)]
        events.append((beat, 0.9, 0, root, 95))
        if beat % 4 == 0:
            events += [(beat, 3.5, 1, root + 24 + tone, 70) for tone in (0, 4, 7)]
    samples = played(events, {0: 33, 1: PIANO}, bpm)
    onsets = np.unique([round(e[0] * 60 / bpm, 6) for e in events])
    return Piece(
        f"band {bpm:g}", samples, onsets=onsets, beats=np.arange(beats) * 60 / bpm, bpm=bpm
    )


def drum_machine(bpm: float, seconds: float = 24.0, *, bed: bool = False) -> Piece:
    """Kick and snare in turns with eighth hats of uneven level, over a held chord or alone."""
    stream = np.random.RandomState(int(bpm))
    beat, first = 60 / bpm, 0.3
    samples = np.zeros(int((seconds + 1) * RATE))
    onsets = np.arange(first, seconds - first, beat / 2)
    for number, moment in enumerate(onsets):
        _lay(samples, hat(stream), moment, 0.35 + 0.2 * stream.random_sample())
        if number % 2 == 0:
            drum = kick() if number % 4 == 0 else snare(stream)
            _lay(samples, drum, moment, 0.8 if number % 4 == 0 else 0.5)
    samples = samples[: int(seconds * RATE)]
    if bed:
        samples = samples + chord_bed(seconds)
    name = f"drums {bpm:g}" + (" over chords" if bed else "")
    return Piece(name, samples.astype(np.float32), onsets=onsets, beats=onsets[::2], bpm=bpm)


def _lay(samples: np.ndarray, sound: np.ndarray, at: float, level: float) -> None:
    begin = int(at * RATE)
    samples[begin : begin + len(sound)] += level * sound[: len(samples) - begin]


def chord_bed(seconds: float) -> np.ndarray:
    """One chord of beating saw-like tones, swelling in over half a second."""
    t = np.arange(int(seconds * RATE)) / RATE
    tones = [
        np.sin(2 * np.pi * 440 * 2 ** ((note + detune - 69) / 12) * k * t) / k
        for note in (57, 60, 64)
        for detune in (0.0, 0.06)
        for k in range(1, 7)
    ]
    swell: np.ndarray = 0.05 * np.sum(tones, axis=0) * np.minimum(1, t / 0.5)
    return swell


def song_form(parts: tuple[int, ...], seed: int) -> Piece:
    """The demo song's instruments playing parts of one bar each; `onsets` are drops and breaks."""
    noise = np.random.RandomState(seed)
    tape = compose.Tape(len(parts) * compose.BAR)
    for bar, part in enumerate(parts):
        compose.drums(tape, bar, part, noise)
        compose.harmony(tape, bar % len(compose.CHORDS), part, at=bar)
        compose.melody(tape, bar, part)
    length = int(len(parts) * compose.BAR * RATE)
    samples = np.tanh(1.1 * tape.samples[:length]).mean(1)
    changes = [k for k in range(1, len(parts)) if _drummed(parts[k]) != _drummed(parts[k - 1])]
    moments = np.array(changes, float) * compose.BAR
    return Piece(f"form {seed}", samples.astype(np.float32), onsets=moments)


def _drummed(part: int) -> bool:
    return part in (compose.VERSE, compose.DROP)


def tone(midi_note: float, harmonics: int, seconds: float = 1.0) -> np.ndarray:
    """A tone of harmonics that fall as 1/k."""
    t = np.arange(int(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((midi_note - 69) / 12)
    sound = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in range(1, harmonics + 1))
    return np.asarray(0.3 * sound, np.float32)

"""Compose the demo song: 36 seconds of drums, bass, chords, lead, a break and a drop.

    python demo/compose.py OUT.wav

Everything is synthesised here with numpy: no samples, no randomness but a seeded noise.
"""

import sys
import wave
from pathlib import Path

import numpy as np

RATE = 44100
BPM = 120
BEAT = 60 / BPM
BAR = 4 * BEAT
BARS = 18

# Root (MIDI note) and chord tones above it, one chord a bar: Am F C G, later Dm E.
AM, F, C, G, DM, E = (
    (45, (0, 3, 7)),
    (41, (0, 4, 7)),
    (48, (0, 4, 7)),
    (43, (0, 4, 7)),
    (50, (0, 3, 7)),
    (40, (0, 4, 7)),
)
CHORDS = (AM, F, C, G, AM, F, C, G, DM, DM, E, E, AM, F, C, G, F, AM)
INTRO, VERSE, BREAK, DROP, END = range(5)
FORM = (INTRO,) * 2 + (VERSE,) * 6 + (BREAK,) * 4 + (DROP,) * 5 + (END,)
LEAD = (12, 15, 19, 15, 22, 19, 15, 10)  # eighths above middle A, over the drop


def hertz(note: float) -> float:
    """Frequency of a MIDI note."""
    return 440 * 2 ** ((note - 69) / 12)


def seconds(length: float) -> np.ndarray:
    """Sample times 0..length."""
    times: np.ndarray = np.arange(int(length * RATE)) / RATE
    return times


def kick() -> np.ndarray:
    t = seconds(0.30)
    sweep = np.cumsum(48 + 110 * np.exp(-t * 38)) / RATE
    boom: np.ndarray = np.sin(2 * np.pi * sweep) * np.exp(-t * 11)
    return boom


def snare(noise: np.random.RandomState) -> np.ndarray:
    t = seconds(0.20)
    crack: np.ndarray = (
        (0.7 * noise.standard_normal(len(t)) + np.sin(2 * np.pi * 190 * t)) * np.exp(-t * 22) / 2
    )
    return crack


def hat(noise: np.random.RandomState) -> np.ndarray:
    t = seconds(0.06)
    tick: np.ndarray = np.diff(noise.standard_normal(len(t) + 1)) * np.exp(-t * 75) / 2
    return tick


def saw(note: float, length: float, partials: int) -> np.ndarray:
    """A band-limited sawtooth of softly fading partials."""
    t = seconds(length)
    tone = sum(np.sin(2 * np.pi * hertz(note) * k * t) / k for k in range(1, partials + 1))
    ends = np.minimum(1, np.minimum(t / 0.012, (length - t) / 0.05))
    return np.asarray(tone) * ends


def riser(noise: np.random.RandomState, length: float) -> np.ndarray:
    t = seconds(length)
    hiss: np.ndarray = np.diff(noise.standard_normal(len(t) + 1)) * (t / length) ** 2
    return hiss


class Tape:
    """Two channels to mix sounds onto."""

    def __init__(self, length: float) -> None:
        self.samples = np.zeros((int(length * RATE) + RATE, 2))

    def lay(self, sound: np.ndarray, at: float, level: float, pan: float = 0.0) -> None:
        """Mix a mono sound in at `at` seconds; pan -1 is left, +1 right."""
        first = int(at * RATE)
        gains = level * np.sqrt([(1 - pan) / 2, (1 + pan) / 2])
        self.samples[first : first + len(sound)] += sound[:, None] * gains


def drums(tape: Tape, bar: int, part: int, noise: np.random.RandomState) -> None:
    begin = bar * BAR
    if part in (VERSE, DROP):
        for beat in range(4):
            tape.lay(kick(), begin + beat * BEAT, 0.95)
        for beat in (1, 3):
            tape.lay(snare(noise), begin + beat * BEAT, 0.42, 0.1)
    steps = {INTRO: 0, VERSE: 8, BREAK: 0, DROP: 16, END: 0}[part]
    for step in range(steps):
        tape.lay(hat(noise), begin + step * BAR / steps, 0.16 + 0.1 * (step % 2), 0.3)


def harmony(tape: Tape, chord: int, part: int, *, at: int | None = None) -> None:
    """The chord of bar `chord`, laid there or into bar `at`."""
    root, tones = CHORDS[chord]
    begin = (chord if at is None else at) * BAR
    level = {INTRO: 0.10, VERSE: 0.09, BREAK: 0.11, DROP: 0.11, END: 0.12}[part]
    for k, tone in enumerate(tones):
        tape.lay(saw(root + 12 + tone, BAR, 9), begin, level, (k - 1) * 0.7)
        tape.lay(saw(root + 24.06 + tone, BAR, 5), begin, level / 2, (1 - k) * 0.7)
    if part in (VERSE, DROP):
        for step in range(8):
            note = root - 12 + (12 if part == DROP and step % 2 else 0)
            tape.lay(saw(note, BEAT / 2, 6), begin + step * BEAT / 2, 0.22)


def melody(tape: Tape, bar: int, part: int) -> None:
    if part not in (DROP, BREAK):
        return
    for step, above in enumerate(LEAD):
        if part == BREAK and step % 4:
            continue
        length = BEAT if part == BREAK else BEAT / 2
        at = bar * BAR + step * BEAT / 2
        tape.lay(saw(57 + above, length, 4), at, 0.16, 0.4 * (-1) ** step)


def compose() -> np.ndarray:
    """The song as (samples, 2) float64 within -1..1."""
    noise = np.random.RandomState(1)
    tape = Tape(BARS * BAR)
    for bar, part in enumerate(FORM):
        drums(tape, bar, part, noise)
        harmony(tape, bar, part)
        melody(tape, bar, part)
    last_of_break = FORM.index(DROP) - 2
    tape.lay(riser(noise, 2 * BAR), last_of_break * BAR, 0.14)
    song = np.tanh(1.1 * tape.samples[: int(BARS * BAR * RATE)])
    fade = np.minimum(1, np.arange(len(song))[::-1] / (1.5 * RATE))
    return song * fade[:, None]


def write(path: Path, song: np.ndarray) -> None:
    """Save as a 16-bit wav."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((song * 32767 * 0.95).astype("<i2").tobytes())


if __name__ == "__main__":
    write(Path(sys.argv[1]), compose())

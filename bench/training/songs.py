"""Songs composed from a seed: their notes, and the truth about them."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from .soundfonts import Note
from .styles import PROGRAMS, STYLES, Groove, Style

SLOW = frozenset({*range(40, 45), *range(48, 56), *range(88, 96), 19, 20, 21, 22, 52, 53, 54, 109})
_SCALES = (
    (0, 2, 4, 5, 7, 9, 11),
    (0, 2, 3, 5, 7, 8, 10),
    (0, 2, 3, 5, 7, 9, 10),
    (0, 2, 4, 5, 7, 9, 10),
)
_METRIC = {
    4: (4, 1, 2, 1, 3, 1, 2, 1, 4, 1, 2, 1, 3, 1, 2, 1),
    3: (4, 1, 2, 3, 1, 2, 4, 1, 2, 3, 1, 2),
}
_HIT = {"x": 1.0, "o": 0.45, "?": 0.7}


@dataclass
class Part:
    """One instrument."""

    role: str  # bass, comping, pad, lead
    program: int  # of General MIDI
    notes: list[Note] = field(default_factory=list)


@dataclass
class Song:
    """Notes, drums and truth; seconds throughout."""

    style: str
    seconds: float
    parts: list[Part]
    hits: list[tuple[float, str, float]]  # time, role of `kits`, velocity
    beats: np.ndarray
    beat_in_bar: np.ndarray  # 1..n for each beat; 0 where it is not known
    pumping: bool = False


class Composer:
    """Writes one song of a style."""

    def __init__(self, style: Style, seconds: float, random: np.random.Generator) -> None:
        self._style, self._seconds, self._random = style, seconds, random
        self._bar_steps = style.beats * style.steps
        self._live = random.random() < style.live
        self._bpm = float(np.exp(random.uniform(*np.log(style.bpm))))
        self._bars = int(np.ceil(seconds * self._bpm * 1.12 / 60 / style.beats)) + 2
        self._clock = self._tempo_map()
        self._swing = random.uniform(*style.swing)
        self._key = int(random.integers(12))
        self._scale = _SCALES[random.integers(len(_SCALES))]
        self._drums: list[tuple[float, str, float]] = []
        self._notes: dict[str, list[Note]] = {}

    def song(self) -> Song:
        """The whole of it, cut to its seconds."""
        programs = PROGRAMS[self._style.programs]
        chosen = {role: int(self._random.choice(of)) for role, of in programs.items()}
        drummed = self._random.random() < self._style.drummed
        bar = 0
        while bar < self._bars:
            bar = self._section(bar, drummed)
        parts = [Part(role, chosen[role], self._cut(notes)) for role, notes in self._notes.items()]
        steps = np.arange(self._bars * self._style.beats) * self._style.steps
        beats = self._clock[steps]
        inside = beats < self._seconds
        return Song(
            self._style.name,
            self._seconds,
            [part for part in parts if part.notes],
            sorted(hit for hit in self._drums if 0 <= hit[0] < self._seconds),
            beats[inside],
            (np.arange(len(beats)) % self._style.beats + 1)[inside],
            self._random.random() < self._style.pumping,
        )

    # ---- time

    def _tempo_map(self) -> np.ndarray:
        """Seconds of each step, and of one after the last bar."""
        steps = self._bars * self._bar_steps + 1
        tempo = np.full(steps, self._bpm)
        if self._live:  # a band drifts, slowly
            wander = np.cumsum(self._random.normal(0, 1, steps))
            wander -= np.linspace(0, wander[-1], steps)
            tempo *= 1 + self._random.uniform(0, 0.02) * wander / max(1e-9, np.abs(wander).max())
        chance = self._random.random()
        if chance < 0.08:  # a ramp, as of a pitch fader
            begin, end = np.sort(self._random.integers(0, steps, 2))
            tempo *= np.interp(
                np.arange(steps), (begin, end + 1), (1, self._random.uniform(0.88, 1.13))
            )
        elif chance < 0.12:  # another tempo
            at = self._random.integers(steps // 4, steps)
            tempo[at:] *= self._random.uniform(0.7, 1.4)
        seconds = 60 / tempo / self._style.steps
        late = self._random.uniform(0.0, 2.0) if self._random.random() < 0.7 else 0.0
        return np.concatenate([[0.0], np.cumsum(seconds)])[:steps] + late

    def _at(self, step: float) -> float:
        """Seconds of a step, swung."""
        step = min(max(step, 0.0), len(self._clock) - 1.001)
        whole = int(step)
        at = float(np.interp(step, (whole, whole + 1), self._clock[whole : whole + 2]))
        if self._swing and whole % 2 and self._style.steps == 4:
            at += self._swing * (self._clock[whole + 1] - self._clock[whole])
        return at

    def _played(self, step: float) -> float:
        stray = self._random.normal(0, 0.006) if self._live else 0.0
        return max(0.0, self._at(step) + stray)

    def _cut(self, notes: list[Note]) -> list[Note]:
        inside = [n for n in notes if n.begin < self._seconds]
        return [n._replace(length=min(n.length, self._seconds - n.begin)) for n in inside]

    # ---- form

    def _section(self, bar: int, drummed: bool) -> int:
        """Compose one section; where the next begins."""
        random, style = self._random, self._style
        length = min(int(random.choice([2, 4, 4, 8, 8])), self._bars - bar)
        groove = style.grooves[random.integers(len(style.grooves))]
        if random.random() < 0.25:
            groove = self._by_chance(groove)
        dice = random.random()
        drums = drummed and dice > 0.12
        quiet = "kick" if drums and dice > 0.94 else ""
        chords = self._chords()
        bass, comping = random.choice(style.bass), random.choice(style.comping)
        lead, pad = random.choice(style.lead), random.random() < 0.35
        rhythm = self._rhythm(0.45)
        motif = self._rhythm(0.7 if lead == "fast" else 0.35)
        hat = str(random.choice(style.hats))
        snare = str(random.choice(style.snares))
        thin = random.random() < 0.15
        for k in range(length):
            first = (bar + k) * self._bar_steps
            chord = chords[k % len(chords)]
            if drums:
                self._drum(first, groove, snare, hat, quiet, fill=k % 4 == 3, crash=k == 0)
            if bass != "none" and not (thin and drums):
                self._bass(first, str(bass), chord, groove, rhythm)
            if comping != "none" and not thin:
                self._comp(first, str(comping), chord, rhythm)
            if pad:
                self._hold("pad", first, self._bar_steps, self._voiced(chord, 48), 62)
            if lead != "none":
                self._lead(first, str(lead), chord, motif)
        return bar + length

    def _by_chance(self, groove: Groove) -> Groove:
        weights = np.array(self._metric) / 4
        kick = "".join("x" if self._random.random() < 0.5 * w else "." for w in weights)
        return groove._replace(kick="x" + kick[1:])

    @property
    def _metric(self) -> tuple[int, ...]:
        of = _METRIC[self._style.steps]
        return (of + of)[: self._bar_steps]

    def _rhythm(self, density: float) -> list[int]:
        """Steps of a bar that sound, likelier where the metre is strong."""
        weights = np.array(self._metric) / 4
        chosen = [k for k, w in enumerate(weights) if self._random.random() < density * (0.35 + w)]
        return chosen or [0]

    # ---- harmony

    def _chords(self) -> list[tuple[int, ...]]:
        """A loop of 1, 2 or 4 chords, as degrees of the scale, lowest first."""
        count = int(self._random.choice([1, 2, 2, 4, 4, 4]))
        likely = np.array([5, 2, 1, 4, 4, 4, 1], float)
        degrees = [int(self._random.choice(7, p=likely / likely.sum())) for _ in range(count)]
        if self._random.random() < 0.7:
            degrees[0] = int(self._random.choice([0, 5]))
        hold = int(self._random.choice([1, 1, 1, 2]))
        seventh = self._random.random() < 0.25
        shapes = [(d, d + 2, d + 4, d + 6) if seventh else (d, d + 2, d + 4) for d in degrees]
        return [shape for shape in shapes for _ in range(hold)]

    def _pitch(self, degree: int, lowest: int) -> int:
        """The first note of a degree at or above a MIDI number."""
        octave, place = divmod(degree, 7)
        pitch = self._key + self._scale[place] + 12 * octave
        return pitch + 12 * int(np.ceil((lowest - pitch) / 12))

    def _voiced(self, chord: tuple[int, ...], lowest: int) -> list[int]:
        return sorted(self._pitch(degree, lowest) for degree in chord)

    def _hold(
        self, role: str, step: float, steps: float, pitches: Sequence[int], velocity: float
    ) -> None:
        begin = self._played(step)
        length = max(0.03, self._at(step + steps) - begin)
        notes = self._notes.setdefault(role, [])
        for pitch in pitches:
            level = int(np.clip(velocity + self._random.normal(0, 6), 20, 127))
            notes.append(Note(begin, length, int(np.clip(pitch, 24, 108)), level))

    # ---- parts

    def _drum(
        self,
        first: int,
        groove: Groove,
        snare: str,
        hat: str,
        quiet: str,
        *,
        fill: bool,
        crash: bool,
    ) -> None:
        random = self._random
        filled = fill and random.random() < 0.5
        end = self._bar_steps - (self._style.steps if filled else 0)
        for role, pattern in (("kick", groove.kick), (snare, groove.snare), (hat, groove.hat)):
            if role == quiet:
                continue
            for step, sign in enumerate(pattern[:end]):
                if sign in _HIT and (sign != "?" or random.random() < 0.5):
                    self._hit(
                        first + step, role, _HIT[sign] * (0.8 if role == hat and step % 2 else 1)
                    )
        if crash and random.random() < 0.6:
            self._hit(first, "crash", 0.9)
        if filled:
            for step in range(end, self._bar_steps):
                if random.random() < 0.8:
                    self._hit(first + step, str(random.choice([snare, "tom", "tom", "kick"])), 0.9)

    def _hit(self, step: float, role: str, velocity: float) -> None:
        spread = 0.12 if self._live else 0.04
        level = float(np.clip(velocity * (1 + self._random.normal(0, spread)), 0.1, 1.0))
        self._drums.append((self._played(step), role, level))

    def _bass(
        self, first: int, mode: str, chord: tuple[int, ...], groove: Groove, rhythm: list[int]
    ) -> None:
        root, fifth = self._pitch(chord[0], 31), self._pitch(chord[2], 31)
        bar, beat = self._bar_steps, self._style.steps
        half = max(1, beat // 2)
        kicks = [k for k, sign in enumerate(groove.kick) if sign == "x"] or [0]
        steps: dict[str, list[tuple[float, float, int]]] = {
            "sustain": [(0, bar, root)],
            "roots": [(k, beat, root) for k in range(0, bar, beat)],
            "roots fifth": [
                (k, beat, root if k % (2 * beat) == 0 else fifth) for k in range(0, bar, beat)
            ],
            "eighths": [(k, half, root) for k in range(0, bar, half)],
            "sixteenths": [(k, 1, root) for k in range(bar)],
            "offbeat": [(k + half, half, root) for k in range(0, bar, beat)],
            "rolling": [(k + j, 1, root) for k in range(0, bar, beat) for j in range(1, beat)],
            "octaves": [(k, half, root + 12 * (k // half % 2)) for k in range(0, bar, half)],
            "gallop": [
                (k + j, 1, root) for k in range(0, bar, beat) for j in (0, 2, 3) if j < beat
            ],
            "sync": [(k, half, root) for k in kicks],
            "tresillo": [(k, 2, root) for k in (0, 3, 6, 8, 11, 14) if k < bar],
            "tumbao": [(k, 2, root if k < 8 else fifth) for k in (3, 6, 12, 14) if k < bar],
            "riff": [
                (k, half, root + int(self._random.choice([0, 0, 0, 7, 12, 10]))) for k in rhythm
            ],
            "walking": [
                (k, beat, self._pitch(int(chord[0] + [0, 2, 4, 5][k // beat % 4]), 31))
                for k in range(0, bar, beat)
            ],
            "arp": [(k, 1, self._pitch(chord[k % 3], 36)) for k in range(bar)],
        }
        for step, length, pitch in steps[mode]:
            self._hold("bass", first + step, 0.92 * length, [pitch], 96)

    def _comp(self, first: int, mode: str, chord: tuple[int, ...], rhythm: list[int]) -> None:
        voiced = self._voiced(chord, 55)
        power = [self._pitch(chord[0], 40), self._pitch(chord[0], 40) + 7]
        bar, beat = self._bar_steps, self._style.steps
        half = max(1, beat // 2)
        ups = [*voiced, voiced[0] + 12, *voiced[::-1]]
        chords: dict[str, list[tuple[float, float]]] = {
            "sustain": [(0, bar)],
            "pushed": [(0 if first == 0 else -half, bar)],
            "quarters": [(k, 0.8 * beat) for k in range(0, bar, beat)],
            "stabs": [(k, half) for k in rhythm[:4]],
            "offbeat": [(k + half, 0.5 * half) for k in range(0, bar, beat)],
            "skank": [(k + beat, 0.5 * beat) for k in range(0, bar - beat, 2 * beat)],
            "strum": [
                (k, half)
                for k in range(0, bar, half)
                if k % beat == 0 or self._random.random() < 0.7
            ],
            "scratch": [(k, 0.4) for k in range(bar) if self._random.random() < 0.6],
            "tresillo": [(k, 1.5) for k in (0, 3, 6, 8, 11, 14) if k < bar],
            "montuno": [(k, 1.5) for k in (0, 3, 4, 7, 10, 12, 14) if k < bar],
            "waltz": [(k, 0.7 * beat) for k in range(beat, bar, beat)],
            "riff": [(k, half) for k in rhythm],
        }
        chugs: dict[str, list[float]] = {
            "chug": [k for k in range(bar) if k in rhythm or self._random.random() < 0.7],
            "eighth chug": list(range(0, bar, half)),
            "gallop": [k + j for k in range(0, bar, beat) for j in (0, 2, 3) if j < beat],
            "tremolo": list(range(bar)),
        }
        runs = {"arp8": half, "arp16": 1, "ostinato": int(self._random.choice([1, half]))}
        if mode in chords:
            played = power if self._style.programs == "rock" and mode == "riff" else voiced
            for step, length in chords[mode]:
                self._hold("comping", first + step, length, played, 80)
        elif mode in chugs:
            for step in chugs[mode]:
                open_ = step in rhythm
                self._hold(
                    "comping", first + step, 1.0 if open_ else 0.6, power, 104 if open_ else 84
                )
        else:
            for number, step in enumerate(range(0, bar, runs[mode])):
                pitch = (
                    ups[number % len(ups)]
                    if mode != "ostinato"
                    else voiced[number % 2 * (number % 4 // 2)]
                )
                accent = 12 if step % beat == 0 else 0
                self._hold("comping", first + step, 0.9 * runs[mode], [pitch], 78 + accent)

    def _lead(self, first: int, mode: str, chord: tuple[int, ...], motif: list[int]) -> None:
        random, bar = self._random, self._bar_steps
        if mode == "long":
            length = int(random.choice([bar, bar // 2]))
            for step in range(0, bar, length):
                tone = self._pitch(chord[random.integers(3)], 67)
                self._hold("lead", first + step, 0.95 * length, [tone], 84)
            return
        steps = motif
        if mode == "sung":  # syllables come a little before or after the grid
            steps = [k for k in motif if random.random() < 0.8]
        degree = int(chord[0])
        for step, following in zip(steps, [*steps[1:], bar], strict=False):
            degree += int(random.choice([-2, -1, -1, 0, 1, 1, 2]))
            if step % self._style.steps == 0:
                degree = int(chord[random.integers(3)])
            stray = random.normal(0, 0.15) if mode == "sung" else 0.0
            self._hold(
                "lead",
                first + step + stray,
                0.9 * (following - step),
                [self._pitch(degree, 64)],
                92,
            )


def composed(seconds: float, random: np.random.Generator) -> Song:
    """A song of any style."""
    return Composer(STYLES[random.integers(len(STYLES))], seconds, random).song()

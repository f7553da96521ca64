"""How well the instrument hears, against pieces whose notes, drums and beats are known.

    python -m bench.ears

Needs the extra `bench` and Debian's fluidsynth and timgm6mb-soundfont. Ours is causal; librosa's
functions see the whole piece.
"""

import time
import warnings
from collections.abc import Callable
from itertools import pairwise

import aubio
import librosa
import mir_eval
import numpy as np

from bench import pieces
from bench.pieces import Piece
from bench.report import machine, publish, table
from demo.compose import BREAK, DROP, INTRO, VERSE
from synth.analysis.analyzer import Analyzer, Features
from synth.constants import HOP, RATE

INSTRUMENTS = {
    "piano": pieces.PIANO,
    "organ": pieces.ORGAN,
    "guitar": pieces.GUITAR,
    "strings": pieces.STRINGS,
    "brass": pieces.BRASS,
}
KINDS = ("single notes", "triads", "seventh chords", "chorale")
TEMPI = (70, 80, 90, 100, 112, 120, 128, 140, 150, 160, 170, 174, 180)
SETTLED = 0.25  # seconds after a chord's begin from which its frames count
LEVELS = ("flux", "loudness", "bass", "mid", "treble")
LOCKED = 8.0  # seconds after which beats count


def hear(samples: np.ndarray) -> list[Features]:
    analyzer = Analyzer()
    return [analyzer.hear(samples[k : k + HOP]) for k in range(0, len(samples), HOP)]


# ---- chroma


def our_chroma(samples: np.ndarray) -> np.ndarray:
    return np.stack([f.chroma for f in hear(samples)])


def stft_chroma(samples: np.ndarray) -> np.ndarray:
    """librosa on the same 8192 samples that end with each hop."""
    padded = np.pad(samples, (8192 - HOP, 0))
    chroma: np.ndarray = librosa.feature.chroma_stft(
        y=padded, sr=RATE, n_fft=8192, hop_length=HOP, center=False
    )
    return chroma.T


def cqt_chroma(samples: np.ndarray) -> np.ndarray:
    chroma: np.ndarray = librosa.feature.chroma_cqt(y=samples, sr=RATE, hop_length=HOP)
    return chroma.T


CHROMAS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "ours": our_chroma,
    "chroma_stft": stft_chroma,
    "chroma_cqt": cqt_chroma,
}


def on_top(piece: Piece, chroma: np.ndarray) -> float:
    """Share of frames in which the sounding pitch classes are the strongest ones."""
    right: list[bool] = []
    for begin, end, sounding in piece.chords:
        first, last = int((begin + SETTLED) * RATE / HOP) + 1, int(end * RATE / HOP)
        strongest = (set(np.argsort(row)[-len(sounding) :]) for row in chroma[first:last])
        right += [found == sounding for found in strongest]
    return float(np.mean(right))


def chroma_rows() -> tuple[list[tuple[str, ...]], int]:
    """A row for each kind of piece, and in how many of all pieces chroma_stft beats ours."""
    rows, beaten = [], 0
    for kind in KINDS:
        for drums in (False, True):
            made = [pieces.harmony(kind, p, drums=drums) for p in INSTRUMENTS.values()]
            cells, all_shares = [], []
            for chroma in CHROMAS.values():
                shares = [100 * on_top(piece, chroma(piece.samples)) for piece in made]
                all_shares.append(shares)
                worst = list(INSTRUMENTS)[int(np.argmin(shares))]
                cells.append(f"{np.mean(shares):.1f} ({min(shares):.1f} {worst})")
            rows.append((kind + (" with drums" if drums else ""), *cells))
            beaten += sum(stft > ours for ours, stft in zip(*all_shares[:2], strict=True))
    return rows, beaten


def tone_rows() -> list[tuple[str, ...]]:
    pure = [(12 * (octave + 1) + k, 1) for octave in range(2, 8) for k in range(12)]
    rich = [(note, 8) for note in range(30, 96)]
    rows = []
    for name, notes in (("pure tones, octaves 2 to 7", pure), ("8 harmonics, from 1.5 up", rich)):
        cells = []
        for chroma in (our_chroma, stft_chroma):
            right = [
                chroma(pieces.tone(note, harmonics, 0.5))[-3].argmax() == note % 12
                for note, harmonics in notes
            ]
            cells.append(f"{100 * np.mean(right):.1f}")
        rows.append((name, *cells, "not run"))
    return rows


# ---- onsets


def aubio_onsets(method: str) -> Callable[[np.ndarray], np.ndarray]:
    def find(samples: np.ndarray) -> np.ndarray:
        detector = aubio.onset(method, 1024, HOP, RATE)
        whole = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
        return np.array([detector.get_last_s() for hop in whole if detector(hop)[0]])

    return find


def librosa_onsets(samples: np.ndarray) -> np.ndarray:
    found: np.ndarray = librosa.onset.onset_detect(y=samples, sr=RATE, hop_length=HOP, units="time")
    return found


OTHERS = {
    "aubio specflux": aubio_onsets("specflux"),
    "aubio hfc": aubio_onsets("hfc"),
    "librosa": librosa_onsets,
}


def f_onset(piece: Piece, found: np.ndarray) -> float:
    return float(mir_eval.onset.f_measure(piece.onsets, np.sort(found), window=0.05)[0])


def onset_row(name: str, made: list[Piece]) -> tuple[str, ...]:
    ours, delays = [], []
    for piece in made:
        heard = hear(piece.samples)
        ours.append(f_onset(piece, np.array([f.onset_time for f in heard if f.onset])))
        told = np.array([f.time for f in heard if f.onset])
        late = [told[told >= t - 1e-3].min() - t for t in piece.onsets if t < told[-1]]
        delays += [delay for delay in late if delay < 0.1]
    others = [[f_onset(p, find(p.samples)) for p in made] for find in OTHERS.values()]
    return (
        name,
        f"{np.mean(ours):.3f} ({min(ours):.3f})",
        f"{1000 * np.percentile(delays, 95):.1f}",
        *(f"{np.mean(scores):.3f} ({min(scores):.3f})" for scores in others),
    )


# ---- beat


def beat_row(name: str, made: list[Piece]) -> tuple[str, ...]:
    errors, octaves, scores = [], 0, []
    for piece in made:
        heard = hear(piece.samples)
        at_lock = next(f.bpm for f in heard if f.time >= LOCKED)
        errors.append(100 * abs(at_lock / piece.bpm - 1))
        octaves += errors[-1] > 20
        beats = np.array([a.next_beat for a, b in pairwise(heard) if b.beat])
        end = piece.beats[-1] + 0.1
        late = (piece.beats > LOCKED, (beats > LOCKED) & (beats < end))
        scores.append(mir_eval.beat.f_measure(piece.beats[late[0]], beats[late[1]]))
    right = np.mean(np.array(errors) < 4)
    return (
        name,
        f"{max(errors):.2f}",
        f"{right:.2f}",
        f"{octaves} of {len(made)}",
        f"{np.mean(scores):.3f} ({min(scores):.3f})",
    )


def change_line() -> str:
    """How the beat takes a change of tempo, and a break of eight bars without drums."""
    slow, fast = pieces.drum_machine(120, 12), pieces.drum_machine(132, 12)
    turn = 12.0
    heard = hear(np.concatenate([slow.samples, fast.samples]))
    wrong = [f.time for f in heard if f.time > turn and abs(f.bpm / 132 - 1) > 0.005]
    beat = 60 / 126
    before, after = pieces.drum_machine(126, 0.6 + 32 * beat), pieces.drum_machine(126, 10)
    pause = (0.4 * pieces.chord_bed(32 * beat)).astype(np.float32)
    whole = [before.samples, pause, after.samples[int(0.3 * RATE) :]]
    back = len(before.samples) + len(pause)
    beats = np.array([a.next_beat for a, b in pairwise(hear(np.concatenate(whole))) if b.beat])
    resumed = beats[beats > back / RATE][:16]
    nearest = np.abs(resumed[:, None] - back / RATE - np.arange(40) * beat).min(1)
    return (
        f"From 120 to 132 BPM the new tempo holds within 0.5 % after {wrong[-1] - turn:.1f} s. "
        f"After eight bars without drums at 126 BPM the first 16 beats are at most "
        f"{1000 * nearest.max():.0f} ms off"
    )


# ---- levels


def level_rows() -> list[tuple[str, ...]]:
    """Largest difference of any feature after three seconds, against the same music at 0 dBFS."""
    music = pieces.drum_machine(120, 12, bed=True).samples
    music = music / np.abs(music).max()
    loud = hear(music)
    t = np.arange(len(music)) / RATE
    hum = sum(0.01 / k * np.sin(2 * np.pi * 50 * k * t + k) for k in (1, 2, 3))
    versions = {
        "-20 dBFS": music * 10 ** (-20 / 20),
        "-40 dBFS": music * 10 ** (-40 / 20),
        "0 dBFS, DC 0.2": music + 0.2,
        "0 dBFS, hum at -40 dBFS": music + hum,
        "6 dB too loud, clipped": (2 * music).clip(-1, 1),
    }
    rows = []
    for version, samples in versions.items():
        other = hear(samples.astype(np.float32))
        late = [(a, b) for a, b in zip(loud, other, strict=True) if 3 < a.time < 11.9]
        differences = (max(abs(getattr(a, n) - getattr(b, n)) for a, b in late) for n in LEVELS)
        rows.append((version, *(f"{difference:.3f}" for difference in differences)))
    return rows


# ---- sections

FORMS = tuple(
    tuple(part for part, bars in form for _ in range(bars))
    for form in (
        ((INTRO, 4), (VERSE, 8), (BREAK, 4), (DROP, 8)),
        ((VERSE, 8), (DROP, 8), (BREAK, 4), (VERSE, 8)),
        ((BREAK, 6), (DROP, 8), (INTRO, 4), (DROP, 6)),
        ((DROP, 8), (VERSE, 8), (INTRO, 4), (VERSE, 4), (DROP, 4)),
        ((VERSE, 24),),
        ((INTRO, 6), (DROP, 8), (BREAK, 6), (DROP, 8)),
        ((VERSE, 6), (BREAK, 8), (VERSE, 8), (INTRO, 4)),
        ((DROP, 12), (BREAK, 4), (DROP, 12)),
        ((INTRO, 8), (VERSE, 12), (INTRO, 4), (DROP, 8)),
        ((BREAK, 4), (VERSE, 8), (BREAK, 4), (VERSE, 8)),
        ((DROP, 20),),
    )
)


def section_line() -> str:
    """Drops and breaks found within two seconds, marks too many, and the median delay."""
    found, wanted, surplus, delays = 0, 0, 0, []
    for seed, form in enumerate(FORMS):
        piece = pieces.song_form(form, seed)
        marks = [b.time for a, b in pairwise(hear(piece.samples)) if b.section != a.section]
        for moment in piece.onsets:
            near = [mark for mark in marks if -0.1 <= mark - moment <= 2.0]
            wanted += 1
            found += bool(near)
            if near:
                marks.remove(near[0])
                delays.append(near[0] - moment)
        surplus += len(marks)
    return (
        f"Of {wanted} drops and breaks in {len(FORMS)} songs, {found} are marked, after "
        f"{np.median(delays):.1f} s in the median; {surplus} marks stand elsewhere"
    )


# ---- cost


def cost() -> str:
    samples = pieces.drum_machine(120, 30, bed=True).samples
    analyzer = Analyzer()
    times = []
    for k in range(0, len(samples) - HOP, HOP):
        begun = time.perf_counter()
        analyzer.hear(samples[k : k + HOP])
        times.append(time.perf_counter() - begun)
    share = 100 * np.sum(times) / (len(times) * HOP / RATE)
    worst = 100 * np.percentile(times, 99.9) / (HOP / RATE)
    return f"{share:.1f} % of one core in real time; one hop in 1000 exceeds {worst:.0f} % of a hop"


def main() -> None:
    warnings.filterwarnings("ignore")
    clean = [pieces.drum_machine(bpm) for bpm in TEMPI]
    bedded = [pieces.drum_machine(bpm, bed=True) for bpm in TEMPI]
    bands = [pieces.band(bpm, seed=bpm) for bpm in TEMPI]
    sets = {"synthetic drums": clean, "over a held chord": bedded, "fluidsynth band": bands}
    played, beaten = chroma_rows()
    chroma = table(("", *CHROMAS), tone_rows() + played)
    onsets = table(
        ("F-measure, 50 ms", "ours", "told after, p95 ms", *OTHERS),
        [onset_row(name, made) for name, made in sets.items()],
    )
    beats = table(
        ("70 to 180 BPM", "worst tempo error at 8 s, %", "Acc1", "octave errors", "beat F, 70 ms"),
        [beat_row(name, made) for name, made in sets.items()],
    )
    levels = table(("", *LEVELS), level_rows())
    publish(
        "ears",
        f"# What the instrument hears\n\n{machine()}\n\n"
        "## Chroma\n\nShare of frames, in percent, in which the sounding pitch classes are the "
        f"strongest: mean over five instruments, and the worst one.\n\n{chroma}\n\n"
        f"In {beaten} of {len(played) * len(INSTRUMENTS)} pieces chroma_stft is better.\n\n"
        f"## Onsets\n\nMean over {len(TEMPI)} tempi, and the worst one. Ours tells each onset as "
        "it happens; librosa sees the whole piece.\n\n"
        f"{onsets}\n\n## Beats\n\nPredicted: each beat's time is taken from the hop before it."
        f"\n\n{beats}\n\n{change_line()}.\n\n## Levels\n\nLargest difference, after three "
        "seconds, from the same music at 0 dBFS.\n\n"
        f"{levels}\n\n## Sections\n\n{section_line()}.\n\n## Cost\n\n{cost()}.",
    )


if __name__ == "__main__":
    main()

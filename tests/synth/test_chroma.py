import numpy as np
import pytest

from synth.analysis.analyzer import LONG_WINDOW, Analyzer
from synth.analysis.chroma import Clarity, LowerPitches, sharpened, upper_bank
from tests import sounds


def pitch_of(mono: np.ndarray) -> int:
    analyzer = Analyzer()
    return int([analyzer.hear(hop).chroma for hop in sounds.hops(mono)][-1].argmax())


def hertz(note: float) -> float:
    return 440 * 2 ** ((note - 69) / 12)


@pytest.mark.parametrize("octave", range(2, 8))
@pytest.mark.parametrize("pitch", range(12))
def test_pure_tones_of_octaves_2_to_7(pitch: int, octave: int) -> None:
    assert pitch_of(sounds.tone(hertz(12 * (octave + 1) + pitch), 0.5)) == pitch


@pytest.mark.parametrize("note", range(30, 96, 3))
def test_tones_of_eight_harmonics_from_octave_one_and_a_half(note: int) -> None:
    partials = [sounds.tone(hertz(note) * k, 0.5, 0.3 / k) for k in range(1, 9)]
    assert pitch_of(np.sum(partials, axis=0)) == note % 12


def test_streaming_equals_a_batch_of_the_same_definition() -> None:
    """The definition written again with numpy's FFT, over a song's worth of hops at once."""
    song = sounds.chord((57, 60, 64), 2) + sounds.struck(sounds.kick(), [0.5, 1.0, 1.5], 2)
    analyzer = Analyzer()
    levelled = []
    stream = []
    for hop in sounds.hops(song):
        samples, _, _ = analyzer._level(hop)
        levelled.append(samples)
        stream.append(analyzer._chroma(samples, 1.0))
    sound = np.concatenate([np.zeros(LONG_WINDOW - 1024), *levelled])
    window = 0.5 * (1 - np.cos(2 * np.pi * np.arange(LONG_WINDOW) / LONG_WINDOW))
    lower, bank = LowerPitches(LONG_WINDOW, 1024, 44100), upper_bank(LONG_WINDOW, 44100)
    clarity = Clarity(1024 / 44100)
    for number, chroma in enumerate(stream[1::2]):
        part = sound[1024 * number : 1024 * number + LONG_WINDOW] * window
        spectrum = np.fft.rfft(np.fft.fftshift(part))
        peaks, tonality = sharpened(np.abs(spectrum))
        energy = clarity.step(lower.step(peaks, np.angle(spectrum)) + bank @ peaks, tonality)
        assert chroma == pytest.approx(energy / max(energy.max(), 1e-6), abs=1e-5)


@pytest.mark.parametrize("notes", [(60, 64, 67), (57, 60, 64), (55, 59, 62, 65), (48, 55, 63, 70)])
def test_chords_stand_out_of_drums(notes: tuple[int, ...]) -> None:
    drums = sounds.struck(sounds.kick(), [0.5, 1.0, 1.5], 2)
    drums += sounds.struck(sounds.hat(), list(np.arange(0, 2, 0.125)), 2)
    analyzer = Analyzer()
    heard = [analyzer.hear(hop) for hop in sounds.hops(sounds.chord(notes, 2) + drums)]
    wanted = {note % 12 for note in notes}
    late = [set(np.argsort(f.chroma)[-len(wanted) :]) == wanted for f in heard if f.time > 0.4]
    assert np.mean(late) > 0.95


def test_a_drum_hit_hardly_moves_what_was_heard_clearly() -> None:
    clarity = Clarity(1024 / 44100)
    chord, noise = np.eye(12)[0], np.ones(12)
    clarity.step(chord, 0.6)
    assert clarity.step(noise, 0.1).argmax() == 0
    assert clarity.step(noise, 0.1)[1:].max() < 0.1
    assert clarity.step(np.eye(12)[7], 0.6).argmax() == 7  # a clear chord takes over at once

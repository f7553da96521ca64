import numpy as np
import pytest

from synth.analysis.analyzer import Analyzer
from synth.analysis.hum import Hum
from tests import sounds


def mains(hertz: float, seconds: float, level: float) -> np.ndarray:
    t = sounds.times(seconds)
    return level * sum(np.sin(2 * np.pi * hertz * k * t + k) / k for k in (1, 2, 3))


def cleaned(mono: np.ndarray) -> np.ndarray:
    hum = Hum(44100, 512)
    return np.concatenate([hum.without(hop) for hop in sounds.hops(mono) if len(hop) == 512])


def rms(mono: np.ndarray) -> float:
    return float(np.sqrt(np.mean(mono**2)))


@pytest.mark.parametrize("level", [0.3, 0.003])
@pytest.mark.parametrize("hertz", [50, 60, 50.03, 59.97])
def test_hum_in_a_silent_room_is_silence(hertz: float, level: float) -> None:
    analyzer = Analyzer()
    heard = [analyzer.hear(hop) for hop in sounds.hops(mains(hertz, 8, level))]
    for f in (f for f in heard if f.time > 4):
        assert f.loudness == f.bass == f.flux == 0
        assert not f.onset


@pytest.mark.parametrize("note", [43.65, 46.25, 49.0, 51.91, 55.0, 58.27, 61.74, 98.0, 123.47])
def test_a_held_bass_note_beside_the_mains_stays(note: float) -> None:
    tone = 0.2 * np.sin(2 * np.pi * note * sounds.times(8))
    assert rms(cleaned(tone)[-88200:]) == pytest.approx(rms(tone), rel=0.1)


def test_kicks_at_the_mains_frequency_stay() -> None:
    """A drum comes and goes; only what never leaves is hum."""
    t = sounds.times(0.25)
    thump = np.sin(2 * np.pi * 50 * t) * np.exp(-12 * t)
    music = sounds.struck(thump, list(np.arange(0.5, 9.5, 0.5)), 10)
    late = slice(4 * 44100, 9 * 44100)
    left = cleaned(music)[late]
    assert rms(left - music[late]) < 0.02 * rms(music[late])


def test_hum_under_music_changes_no_feature_much() -> None:
    music = sounds.chord((57, 60, 64), 8) + sounds.struck(sounds.kick(), [2, 3, 4, 5, 6, 7], 8)
    clean, humming = Analyzer(), Analyzer()
    for a, b in zip(sounds.hops(music), sounds.hops(music + mains(60, 8, 0.02)), strict=True):
        first, second = clean.hear(a), humming.hear(b)
        if first.time > 3:
            for name in ("loudness", "bass", "mid", "treble", "flux"):
                assert getattr(first, name) == pytest.approx(getattr(second, name), abs=0.05)

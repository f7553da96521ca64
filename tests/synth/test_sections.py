from itertools import pairwise
from pathlib import Path

import numpy as np

from synth.analysis.analyzer import Analyzer
from synth.audio_file import hops_of
from tests import sounds


def marks(mono: np.ndarray) -> list[float]:
    analyzer = Analyzer()
    heard = [analyzer.hear(hop) for hop in sounds.hops(mono)]
    return [b.time for a, b in pairwise(heard) if b.section != a.section]


def drums(seconds: float) -> np.ndarray:
    sound = sounds.struck(sounds.kick(), list(np.arange(0, seconds, 0.5)), seconds)
    return sound + sounds.struck(sounds.hat(), list(np.arange(0, seconds, 0.25)), seconds)


def test_a_drop_and_a_break_begin_new_sections() -> None:
    chords = sounds.chord((57, 60, 64), 24)
    rhythm = np.concatenate([sounds.silence(8), drums(8), sounds.silence(8)])
    found = marks(chords * 0.4 + rhythm)
    assert len(found) == 2
    assert 8 <= found[0] < 9
    assert 16 <= found[1] < 18


def test_steady_music_is_one_section() -> None:
    assert marks(drums(20) + sounds.chord((57, 60, 64), 20) * 0.4) == []


def test_the_demo_songs_drop_is_found(demo_song: Path) -> None:
    analyzer = Analyzer()
    heard = [analyzer.hear(hop) for hop in hops_of(demo_song)]
    found = [b.time for a, b in pairwise(heard) if b.section != a.section]
    assert any(16 <= mark < 18 for mark in found)  # the break
    assert len(found) <= 5

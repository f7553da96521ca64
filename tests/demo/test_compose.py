import wave
from pathlib import Path

import numpy as np

from demo.compose import BAR, DROP, FORM, VERSE, compose
from synth.analysis.analyzer import Analyzer, Features
from synth.audio_file import hops_of


def heard_in(song: Path) -> list[Features]:
    analyzer = Analyzer()
    return [analyzer.hear(hop) for hop in hops_of(song)]


def test_the_song_is_short_loud_and_unclipped(demo_song: Path) -> None:
    with wave.open(str(demo_song)) as file:
        assert 30 <= file.getnframes() / file.getframerate() <= 40
    song = compose()
    assert 0.5 < np.abs(song).max() < 1.0


def test_its_chords_are_heard_bar_by_bar(demo_song: Path) -> None:
    heard = heard_in(demo_song)
    for bar, notes in ((0, {9, 0, 4}), (1, {5, 9, 0}), (4, {9, 0, 4}), (9, {2, 5, 9})):
        inside = [f.chroma for f in heard if bar * BAR + 0.5 < f.time < (bar + 1) * BAR - 0.1]
        assert set(np.argsort(np.mean(inside, axis=0))[-3:]) == notes


def test_drums_play_in_verse_and_drop_and_rest_in_the_break(demo_song: Path) -> None:
    heard = heard_in(demo_song)

    def onsets_per_bar(part: int) -> float:
        bars = [k for k, p in enumerate(FORM) if p == part]
        begin, end = bars[0] * BAR, (bars[-1] + 1) * BAR
        return sum(f.onset for f in heard if begin + 0.1 < f.time < end) / len(bars)

    assert onsets_per_bar(VERSE) >= 4
    assert onsets_per_bar(DROP) >= 8
    assert onsets_per_bar(FORM[8]) < 2

import itertools

import numpy as np
import pytest

from synth.analysis import network
from synth.analysis.analyzer import PITCH_CLASSES, Analyzer, Features
from synth.errors import UserError
from synth.settings.knobs import Hear
from tests import sounds


def heard(mono: np.ndarray) -> list[Features]:
    analyzer = Analyzer()
    return [analyzer.hear(hop) for hop in sounds.hops(mono)]


def series(features: list[Features], name: str, begin: float = 0.0) -> np.ndarray:
    return np.array([getattr(f, name) for f in features if f.time > begin])


@pytest.mark.parametrize("octave", [3, 4, 5, 6])
@pytest.mark.parametrize("pitch", range(12))
def test_a_pure_tone_is_its_pitch_class(pitch: int, octave: int) -> None:
    note = 12 * (octave + 1) + pitch
    last = heard(sounds.tone(440 * 2 ** ((note - 69) / 12), 0.6))[-1]
    assert PITCH_CLASSES[last.chroma.argmax()] == PITCH_CLASSES[pitch]


def test_a_triad_puts_its_three_notes_on_top() -> None:
    last = heard(sounds.chord((60, 64, 67), 1.0))[-1]
    assert set(np.argsort(last.chroma)[-3:]) == {0, 4, 7}


def test_a_kick_lifts_bass_and_leaves_treble() -> None:
    bed = sounds.noise(6, 0.0003)
    sound = bed + sounds.struck(sounds.kick(), [1, 2, 3, 4], 6)
    sound += sounds.struck(sounds.hat(), [1.5, 2.5, 3.5], 6)
    features = heard(sound)

    def most(name: str, second: float) -> float:
        near = [getattr(f, name) for f in features if 0 <= f.time - second < 0.1]
        return float(max(near))

    assert most("bass", 3.0) > 0.8
    assert most("treble", 3.0) < 0.4
    assert most("bass", 3.5) < 0.2
    assert most("treble", 3.5) > 0.6


def test_onsets_are_where_the_drums_are() -> None:
    drums = [0.5 + 0.5 * k for k in range(10)]
    features = heard(sounds.struck(sounds.kick(), drums, 6))
    onsets = series(features, "time")[series(features, "onset")]
    assert len(onsets) == len(drums)
    assert np.abs(onsets - drums).max() < 0.05


def test_the_tempo_of_a_steady_drum_is_found() -> None:
    features = heard(sounds.struck(sounds.kick(), list(np.arange(0.1, 14, 0.5)), 14))
    assert features[-1].bpm == pytest.approx(120, abs=2)
    late = [f for f in features if f.time > 8]
    assert sum(f.beat for f in late) == pytest.approx(12, abs=1)


def test_an_ear_that_cannot_be_had_leaves_the_other_at_work(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(_path: object) -> None:
        raise UserError("no weights")

    monkeypatch.setattr(network, "_read", broken)
    analyzer, plain = Analyzer(), Analyzer()
    hops = sounds.hops(sounds.struck(sounds.kick(), [1.0, 1.5], 2))
    for number, hop in enumerate(hops):
        wanted = Hear(way="learned" if 3 < number < 150 else "classic")
        heard = analyzer.hear(hop, wanted)
        assert str(heard) == str(plain.hear(hop))
        assert analyzer.trouble == ("no weights" if 3 < number < 150 else "")
    with pytest.raises(UserError, match="no weights"):
        Analyzer().prepare("learned")


@pytest.mark.parametrize("way", ["learned", "classic"])
def test_the_way_of_hearing_can_be_changed_while_it_plays(way: str) -> None:
    """Beats go on in the time of what is heard."""
    truth = np.arange(0.1, 20, 0.5)
    hops = sounds.hops(sounds.struck(sounds.kick(), truth.tolist(), 20))
    analyzer, ways = Analyzer(), {"learned": "classic", "classic": "learned"}
    features = [analyzer.hear(hop, Hear.model_validate({"way": way})) for hop in hops[:700]]
    after = Hear.model_validate({"way": ways[way]})
    features += [analyzer.hear(hop, after) for hop in hops[700:]]
    beats = [a.next_beat for a, b in itertools.pairwise(features) if b.beat]
    late = np.array([at for at in beats if at > 16])
    assert len(late) == pytest.approx(8, abs=1)
    assert np.abs(late[:, None] - truth).min(1).max() < 0.05


def test_beat_phase_rises_from_one_beat_to_the_next() -> None:
    features = heard(sounds.struck(sounds.kick(), list(np.arange(0.1, 12, 0.5)), 12))
    late = [f for f in features if f.time > 8]
    assert all(0 <= f.beat_phase < 1 for f in late)
    rises = [b.beat_phase > a.beat_phase for a, b in itertools.pairwise(late)]
    assert np.mean(rises) > 0.95


@pytest.mark.parametrize("decibels", [-40, -20, -6])
def test_gain_does_not_matter(decibels: int) -> None:
    music = sounds.chord((57, 60, 64), 5) + sounds.struck(sounds.kick(), [1, 2, 3, 4], 5)
    music /= np.abs(music).max()
    loud, quiet = heard(music), heard(music * 10 ** (decibels / 20))
    for name in ("flux", "loudness", "rise", "bass", "mid", "treble"):
        difference = np.abs(series(loud, name, 1) - series(quiet, name, 1))
        assert difference.max() < 0.05, name
    chroma = np.stack([f.chroma for f in loud]) - np.stack([f.chroma for f in quiet])
    assert np.abs(chroma[100:]).max() < 0.01
    assert [f.onset for f in loud] == [f.onset for f in quiet]


def test_hearing_is_causal() -> None:
    """What comes later changes nothing of what was heard before."""
    beginning = sounds.chord((60, 64, 67), 2.0)
    quiet_end = np.concatenate([beginning, sounds.silence(1)])
    loud_end = np.concatenate([beginning, sounds.noise(1, 0.9)])
    shared = len(sounds.hops(beginning))
    for a, b in zip(heard(quiet_end)[:shared], heard(loud_end)[:shared], strict=True):
        assert np.array_equal(a.chroma, b.chroma)
        assert a.flux == b.flux
        assert a.loudness == b.loudness


def test_silence_is_silence_after_music() -> None:
    features = heard(np.concatenate([sounds.chord((60, 64), 2), sounds.silence(2)]))
    last = features[-1]
    assert last.loudness == last.flux == last.rise == 0
    assert not last.chroma.any()
    assert not any(f.onset for f in features if f.time > 2.3)


def test_a_faint_hiss_after_music_stays_faint() -> None:
    features = heard(np.concatenate([sounds.chord((60, 64), 2), sounds.noise(3, 0.0003)]))
    assert features[-1].loudness < 0.03
    assert features[-1].treble < 0.05


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_no_sample_does_no_harm(bad: float) -> None:
    analyzer = Analyzer()
    for hop in sounds.hops(sounds.chord((60, 64, 67), 1)):
        analyzer.hear(hop)
    analyzer.hear(np.full(512, bad, np.float32))
    for hop in sounds.hops(sounds.chord((60, 64, 67), 30)):
        last = analyzer.hear(hop)
    values = [v for k in Features.__slots__ for v in np.atleast_1d(getattr(last, k))]
    assert np.isfinite(values).all()
    assert set(np.argsort(last.chroma)[-3:]) == {0, 4, 7}


def test_dc_is_not_heard() -> None:
    features = heard(np.concatenate([sounds.silence(1), np.full(44100, 0.5), sounds.silence(0.5)]))
    assert features[150].loudness < 0.05


def test_all_features_stay_in_their_ranges() -> None:
    music = sounds.noise(4, 0.3) * np.linspace(0, 3, 4 * 44100).clip(0, 1)
    for f in heard(music):
        for name in ("flux", "loudness", "rise", "bass", "mid", "treble", "beat_phase"):
            assert 0 <= getattr(f, name) <= 1, name
        assert f.chroma.min() >= 0
        assert f.chroma.max() <= 1


def test_a_hop_of_the_wrong_shape_is_named() -> None:
    for shape in ((513,), (2, 512)):
        with pytest.raises(ValueError, match=r"use \(512,\) or shorter"):
            Analyzer().hear(np.zeros(shape, np.float32))


def test_a_files_last_hop_may_be_short() -> None:
    assert Analyzer().hear(np.ones(7, np.float32)).loudness > 0


def test_how_the_music_began_leaves_no_trace_in_its_levels() -> None:
    """The gain of the first moments differs from room to room; no running peak may keep it."""
    swell = np.minimum(1, sounds.times(8) / 0.5)
    drums = sounds.struck(sounds.kick(), list(np.arange(0.3, 7.5, 0.5)), 8)
    music = sounds.chord((57, 60, 64), 8) * swell * 0.3 + drums
    music /= np.abs(music).max()
    late = [(a, b) for a, b in zip(heard(music), heard(music / 100), strict=True) if a.time > 3]
    for name in ("flux", "loudness", "bass", "mid", "treble"):
        assert max(abs(getattr(a, name) - getattr(b, name)) for a, b in late) < 0.05, name


def test_dc_under_music_changes_nothing() -> None:
    music = 0.5 * sounds.chord((57, 60, 64), 3) + sounds.struck(sounds.kick(), [1, 2], 3)
    shifted = music + 0.2
    for a, b in zip(heard(music), heard(shifted), strict=True):
        if a.time < 2.9:  # the last hop is filled up with zeros, a step for what has DC
            assert a.loudness == pytest.approx(b.loudness, abs=0.01)
            assert a.bass == pytest.approx(b.bass, abs=0.01)

"""The bench of recordings, without the recordings: truth, the split, scores, what is stored."""

import zipfile
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from bench.records import annotate, pieces, scores, tables, tempo_map, trackers, truth
from bench.records.measure import Heard, compared
from bench.records.pieces import PACKAGES, Package
from bench.records.trackers import AUBIO, ONLINE, Told
from synth.constants import HOP, RATE
from tests import sounds

# ---- people's tempo maps


def midi(changes: list[tuple[int, float]], ticks: int = 480) -> mido.MidiFile:
    """A file whose tempo changes at some ticks to some BPM."""
    track, before = mido.MidiTrack(), 0
    for tick, bpm in changes:
        tempo = mido.bpm2tempo(bpm)
        track.append(mido.MetaMessage("set_tempo", tempo=tempo, time=tick - before))
        before = tick
    return mido.MidiFile(ticks_per_beat=ticks, tracks=[track])


def test_every_quarter_note_is_a_beat() -> None:
    beats = tempo_map.beats_until(midi([(0, 120)]), 2.4)
    assert beats == pytest.approx([0, 0.5, 1.0, 1.5, 2.0])


def test_a_tempo_may_change_between_two_beats() -> None:
    """Half a beat at 120 BPM and half a beat at 60 are 0.75 s."""
    beats = tempo_map.beats_until(midi([(0, 120), (720, 60)]), 4.0)
    assert beats == pytest.approx([0, 0.5, 1.25, 2.25, 3.25])


def test_a_midi_file_without_tempo_has_120_bpm() -> None:
    assert tempo_map.beats_until(midi([]), 1.2) == pytest.approx([0, 0.5, 1.0])


def test_a_song_sounds_later_by_its_delay(tmp_path: Path) -> None:
    midi([(0, 120)]).save(tmp_path / "notes.mid")
    (tmp_path / "song.ini").write_text("[song]\nname = 50 % fun\ndelay = 80\n")
    beats = tempo_map.beats_of(tmp_path, start=1.2, long=1.5)
    assert beats == pytest.approx([0.38, 0.88, 1.38])


def test_a_song_without_ini_has_no_delay(tmp_path: Path) -> None:
    assert tempo_map.delay_of(tmp_path / "song.ini") == 0


def test_a_map_is_laid_on_onsets_by_a_constant() -> None:
    beats = np.arange(0, 20, 0.4)
    offset, share = tempo_map.laid(beats, beats + 0.033)
    assert offset == pytest.approx(0.033)
    assert share == 1
    offset, share = tempo_map.laid(beats, np.arange(0, 20, 0.37))
    assert share < truth.MAP_FITS
    assert tempo_map.laid(beats, np.zeros(0)) == (0, 0)


# ---- the split


NAMES = [f"{short}/{k}" for short in sorted({p.short for p in PACKAGES}) for k in range(9)]


def test_a_third_of_each_kind_is_reserved() -> None:
    held = pieces.reserved(NAMES)
    for kind in {package.kind for package in PACKAGES}:
        members = {name for name in NAMES if pieces.kind_of(name) == kind}
        assert len(members & held) == len(members) // 3


def test_the_split_knows_no_order_and_not_who_is_annotated() -> None:
    assert pieces.reserved(NAMES[::-1]) == pieces.reserved(NAMES)
    known = truth.silver()
    assert set(known["pieces"]) <= set(known["chosen"])


def test_single_files_may_be_of_another_kind() -> None:
    assert pieces.kind_of("etr/calmrace-ks") == "soft"
    assert pieces.kind_of("etr/freezingpoint") == "pop"
    assert len({pieces.kind_of(name) for name in truth.silver()["chosen"]}) >= 5


# ---- what is stored


SILVER = truth.silver()


@pytest.mark.parametrize("name", SILVER["pieces"])
def test_stored_times_increase_and_lie_in_the_excerpt(name: str) -> None:
    record = SILVER["pieces"][name]
    assert pieces.SHORTEST <= record["seconds"] <= pieces.LONG
    for field in annotate.FIELDS:
        times = [row[0] if isinstance(row, list) else row for row in record[field]]
        assert times == [round(time, 3) for time in times], field
        assert (np.diff(times) > 0).all(), field
        assert not times or 0 <= times[0] <= times[-1] <= record["seconds"], field
    assert {place for _, place in record["beats"]} <= {1, 2, 3, 4}


def record_of(**fields: Any) -> dict[str, Any]:
    lists = {field: [] for field in annotate.FIELDS}
    return {"start": 20.0, "seconds": 60.0} | lists | fields


def test_merging_keeps_what_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(annotate, "chosen", list)
    silver, name = tmp_path / "silver.json", "nexuiz/a"
    silver.write_text('{"chosen": ["nexuiz/a", "nexuiz/b"], "pieces": {}}')
    one, two = tmp_path / "one", tmp_path / "two"
    for folder, record in ((one, record_of(onsets=[1.23456])), (two, record_of(onsets=[9.0]))):
        folder.mkdir()
        (folder / annotate.file_of(name)).write_text(str(record).replace("'", '"'))
    merged = annotate.merge([one, two], silver)
    assert merged["chosen"] == ["nexuiz/a", "nexuiz/b"]
    assert merged["pieces"] == {name: record_of(onsets=[1.235])}
    assert annotate.merge([two], silver) == merged


def test_a_piece_is_merged_when_all_of_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(annotate, "chosen", list)
    silver = tmp_path / "silver.json"
    silver.write_text('{"chosen": ["nexuiz/a"], "pieces": {}}')
    (tmp_path / "nexuiz__a.json").write_text('{"start": 20, "seconds": 60, "onsets": []}')
    assert annotate.merge([tmp_path], silver)["pieces"] == {}


# ---- where trackers agree


BEATS = np.arange(0.5, 60, 0.5)
BARS = [[float(time), 1 + k % 4] for k, time in enumerate(BEATS)]


def test_beats_are_kept_where_two_trackers_agree() -> None:
    kept = truth.silver_beats(record_of(beats=BARS, beats2=list(BEATS + 0.02)))
    assert kept is not None
    assert (kept == BEATS).all()
    assert truth.silver_beats(record_of(beats=BARS, beats2=list(BEATS + 0.25))) is None


def test_downbeats_are_kept_where_quarters_agree_with_the_whole() -> None:
    ones = BEATS[::4]
    steady = record_of(beats=BARS, beats2=list(BEATS), windows=list(ones))
    assert truth.silver_downbeats(steady) == pytest.approx(ones)
    turned = np.sort(np.concatenate([ones[:15], BEATS[62::4]]))
    assert truth.silver_downbeats(steady | {"windows": list(turned)}) is None
    assert truth.silver_downbeats(steady | {"beats2": []}) is None


def test_onsets_are_those_that_both_methods_have() -> None:
    one, two = [1.0, 2.0, 3.0, 4.0, 5.0], [1.01, 2.01, 3.01, 4.01]
    kept = truth.silver_onsets(record_of(onsets=one, onsets_cnn=two))
    assert kept == pytest.approx([1.0, 2.0, 3.0, 4.0])
    assert truth.silver_onsets(record_of(onsets=one, onsets_cnn=two[:2])) is None


# ---- scores


def test_beats_count_from_ten_seconds_on() -> None:
    score = scores.beat_score(BEATS, BEATS[BEATS > 9])
    assert score == scores.BeatScore(f=1.0, octave=1.0, first=9.5)


@pytest.mark.parametrize("told", [BEATS[::2], BEATS[1::2], np.arange(0.5, 59.6, 0.25)])
def test_either_octave_forgives_half_and_double(told: np.ndarray) -> None:
    score = scores.beat_score(BEATS, told)
    assert score.f == pytest.approx(2 / 3, abs=0.02)
    assert score.octave == pytest.approx(1, abs=0.01)
    assert score.first == np.inf  # four in a row of one are not four of the other


def test_four_in_a_row_make_the_first() -> None:
    told = np.concatenate([BEATS[:3], [2.25], BEATS[10:]])
    assert scores.first_right(BEATS, told) == BEATS[10]
    assert scores.first_right(BEATS, np.zeros(0)) == np.inf


def test_delays_are_those_of_onsets_that_were_found() -> None:
    told = Told(onsets=np.array([2.01, 1.0, 7.0]), onsets_told=np.array([2.04, 1.03, 7.03]))
    assert scores.onset_f(np.array([1.0, 2.0]), told) == pytest.approx(0.8)
    assert scores.onset_delays(np.array([1.0, 2.0]), told) == pytest.approx([0.03, 0.04])


def test_confidence_goes_with_its_beat() -> None:
    told = Told(beats=np.array([2.0, 1.0, 5.2]), confidence=np.array([0.9, 0.8, 0.1]))
    found = scores.confident(np.array([1.0, 2.0, 5.0]), told)
    assert found == [(0.8, True), (0.9, True), (0.1, False)]


def test_intervals_are_the_same_each_time_and_hold_the_mean() -> None:
    values = list(np.random.RandomState(0).random_sample(40))
    low, high = scores.interval(values)
    assert low < np.mean(values) < high
    assert (low, high) == scores.interval(values)
    assert scores.interval([0.5, 0.5]) == (0.5, 0.5)


# ---- who listens


def test_all_trackers_hear_a_plain_beat() -> None:
    beats = np.arange(0.3, 19, 0.5)
    samples = sounds.struck(sounds.kick(), list(beats), 20.0).astype(np.float32)
    known = truth.Truth(beats, None, beats, online=beats, human=False)
    for name, tracker in trackers.BEAT_TRACKERS.items():
        told = tracker(samples, known).beats
        assert scores.beat_score(beats, told).octave > 0.75, name
    ours = trackers.by_way("classic")(samples, known)
    assert scores.onset_f(beats, ours) > 0.9
    hfc = trackers.aubio_onsets("hfc", samples)
    assert scores.onset_f(beats, hfc) > 0.9
    assert (hfc.onsets_told > hfc.onsets).all()
    assert np.allclose(np.mod(hfc.onsets_told * RATE / HOP, 1).round(6) % 1, 0)


def heard(name: str, told: Told, beats: np.ndarray | None = BEATS) -> Heard:
    known = truth.Truth(beats, beats, beats, online=BEATS, human=False)
    others = {AUBIO: Told(beats=BEATS[::2]), ONLINE: Told(beats=BEATS)}
    return compared(name, known, {"classic": told} | others, {"classic": told, "aubio hfc": told})


def test_tables_tell_what_is_there() -> None:
    plain = Told(beats=BEATS, onsets=BEATS, onsets_told=BEATS + 0.02)
    text = tables.summary([heard("nexuiz/a", plain), heard("etr/b", plain, None)], ["classic"])
    assert "Beats of 1 pieces are known, 0 of them from a person" in text
    assert "| classic | 1.000 (1.000 to 1.000) | 1.000 (1.000 to 1.000) | 100 % |" in text
    assert "| classic | not there |" in text
    assert "Confidence: not there." in text
    rows = tables.piece_table([heard("nexuiz/a", plain)], {"nexuiz/a"}, ["classic"])
    assert "| nexuiz/a | electronic | reserved | trackers | 1.000 |" in rows


def test_tables_tell_downbeats_and_confidence_where_they_are_told() -> None:
    sure = Told(beats=BEATS, confidence=np.full(len(BEATS), 0.95), downbeats=BEATS)
    text = tables.summary([heard("nexuiz/a", sure)], ["classic"])
    assert "| classic | 1.000 (1.000 to 1.000) |" in text
    assert f"| 0.9 to 1.0 | 1.00 of {len(BEATS)} |" in text


# ---- where they lie


def test_pieces_lie_in_folders_and_zip_files(tmp_path: Path) -> None:
    sound = sounds.write_wav(tmp_path / "a.wav", sounds.tone(440, 3.0))
    with zipfile.ZipFile(tmp_path / "music.pk3", "w") as archive:
        archive.write(sound, "sound/a.wav")
    for root in (tmp_path, tmp_path / "music.pk3"):
        package = Package("made", "made", root, "*.wav", 9, "made")
        (piece,) = pieces.files_of(package)
        assert piece.name == "made/a"
        samples = pieces.excerpt(piece, start=1.0, long=1.5)
        assert samples.shape == (round(1.5 * RATE),)
        assert np.abs(samples).max() == pytest.approx(0.5, abs=0.01)


def test_a_package_that_is_not_there_has_no_pieces(tmp_path: Path) -> None:
    assert not list(pieces.files_of(Package("no", "no", tmp_path / "no", "*", 9, "made")))


def test_a_song_of_frets_on_fire_is_band_and_guitar(tmp_path: Path) -> None:
    folder = tmp_path / "a song"
    folder.mkdir()
    for name, hertz in (("song.ogg", 440), ("guitar.ogg", 1000)):
        sounds.write_wav(folder / name, sounds.tone(hertz, 2.0))
    package = Package("made", "made", tmp_path, "song.ogg", 9, "metal")
    (piece,) = pieces.files_of(package)
    assert piece.name == "made/a song"
    spectrum = np.abs(np.fft.rfft(pieces.excerpt(piece, start=0.5, long=1.0)))
    assert sorted(np.argsort(spectrum)[-2:]) == [440, 1000]
    assert spectrum[440] == pytest.approx(spectrum[1000], rel=0.01)

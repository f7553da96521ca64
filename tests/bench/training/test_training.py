"""Music that is composed to learn from is what it says it is, and something is learnt from it."""

from itertools import pairwise
from pathlib import Path

import mido
import numpy as np
import pytest
import torch

from bench.training import examples, kits, midi_songs, mixing, train
from bench.training.kits import Kit, role_of, strike
from bench.training.songs import Composer, Part, Song, composed
from bench.training.soundfonts import Note
from bench.training.styles import STYLES, Style
from synth.constants import HOP, RATE
from tests import sounds

DT = HOP / RATE


def random(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def click(seconds: float = 0.05) -> np.ndarray:
    t = np.arange(round(seconds * RATE)) / RATE
    made: np.ndarray = (np.exp(-80 * t) * random(1).standard_normal(len(t))).astype(np.float32)
    return made / np.abs(made).max()


def struck(times: list[float], seconds: float) -> np.ndarray:
    tape = np.zeros(round(seconds * RATE), np.float32)
    for at in times:
        begin = round(at * RATE)
        tape[begin : begin + len(click())] += click()[: len(tape) - begin]
    return tape


# ---- songs


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_patterns_fit_their_bars(style: Style) -> None:
    steps = style.beats * style.steps
    for groove in style.grooves:
        assert {len(pattern) for pattern in groove} <= {steps}
        assert set("".join(groove)) <= set("xo?.")


@pytest.mark.parametrize("style", STYLES, ids=lambda style: style.name)
def test_a_song_is_played_to_its_beats(style: Style) -> None:
    song = Composer(style, 20.0, random(3)).song()
    beats = np.diff(song.beats)
    assert 60 / beats.max() > 0.6 * style.bpm[0] and 60 / beats.min() < 1.5 * style.bpm[1]
    places = song.beat_in_bar.tolist()
    assert all(b == a % style.beats + 1 for a, b in pairwise(places))
    begins = np.array([n.begin for part in song.parts for n in part.notes])
    begins = np.concatenate([begins, [at for at, _, _ in song.hits]])
    assert len(begins) > 10 and begins.min() >= 0 and begins.max() < song.seconds
    sixths = np.concatenate([song.beats[:-1] + k / 24 * beats for k in range(24)])
    late = begins[begins > song.beats[0]]
    assert np.median(np.abs(late[:, None] - sixths).min(1)) < 0.02


def test_the_same_seed_writes_the_same_song() -> None:
    one, same, other = (composed(10.0, random(seed)) for seed in (5, 5, 6))
    assert one.parts == same.parts and one.hits == same.hits
    assert one.parts != other.parts


# ---- drums


@pytest.mark.parametrize(
    ("label", "role"),
    [
        ("Pearl Kick", "kick"),
        ("bassdrum_acoustic01", "kick"),
        ("d3 - snare 1", "snare"),
        ("Snare Rimshot", "snare"),
        ("Hand Clap", "clap"),
        ("Closed HH", "hat"),
        ("Sabian Hat Semi-Open", "open hat"),
        ("Hi Hat Opened", "open hat"),
        ("hihat_foot_pedal01", "pedal hat"),
        ("sidestick01", "stick"),
        ("Ride Bell", "ride"),
        ("Sabian Crash", "crash"),
        ("Floor Tom", "tom"),
        ("Snare Roll", ""),
        ("17", ""),
    ],
)
def test_a_label_tells_a_drum(label: str, role: str) -> None:
    assert role_of(label) == role


def test_hits_sound_when_they_are_struck() -> None:
    kit = Kit("made")
    for label in ("Kick", "Snare", "Hat Closed"):
        kit.add(label, [click()])
    assert kit.is_whole
    hits = [(0.5, "kick", 1.0), (1.0, "open hat", 0.5), (1.5, "snare", 0.8)]  # no open hat: the hat
    loud = np.abs(strike(kit, hits, 2.0, random())) > 0.02
    quiet = np.convolve(loud, np.ones(2000))[: len(loud)] - loud < 1
    begun = np.flatnonzero(loud & quiet)
    assert [round(k / RATE, 2) for k in begun] == [0.5, 1.0, 1.5]


# ---- mixing


@pytest.mark.parametrize("number", range(len(mixing._EFFECTS)))
def test_no_effect_moves_an_onset(number: int) -> None:
    times = [0.5, 1.1, 1.9, 2.6]
    heard = mixing._EFFECTS[number][1](struck(times, 3.5), random(number))
    assert heard.shape == (round(3.5 * RATE),) and np.isfinite(heard).all()
    energy = np.convolve(heard**2, np.ones(220), "same")
    for at in times:
        near = slice(round((at - 0.1) * RATE), round((at + 0.1) * RATE))
        assert abs(int(np.diff(energy[near]).argmax()) / RATE - 0.1) < 0.012


def test_a_room_begins_with_the_direct_sound() -> None:
    response = mixing.room(random(2))
    assert np.abs(response[:4]).max() == pytest.approx(1.0)


# ---- music that others wrote


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """Sixteen bars of 3/4 at 120, then at 60: a note and a kick on each beat."""
    track = mido.MidiTrack(
        [
            mido.MetaMessage("time_signature", numerator=3, denominator=4),
            mido.MetaMessage("set_tempo", tempo=500_000),
        ]
    )
    for beat in range(48):
        if beat == 24:
            track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
        track.append(mido.Message("note_on", channel=0, note=60, velocity=90))
        track.append(mido.Message("note_on", channel=9, note=36, velocity=90))
        track.append(mido.Message("note_off", channel=0, note=60, time=480))
        track.append(mido.Message("note_on", channel=9, note=36, velocity=0))
    path = tmp_path / "written.mid"
    mido.MidiFile(ticks_per_beat=480, tracks=[track]).save(path)
    return path


def test_what_is_written_is_read(written: Path) -> None:
    notes, beats, places = midi_songs._read(written)
    assert beats == pytest.approx(np.concatenate([np.arange(24) * 0.5, 12 + np.arange(24)]))
    assert places.tolist() == [1, 2, 3] * 16
    assert sorted({note[0] for note in notes}) == pytest.approx(beats)


def test_an_excerpt_keeps_beats_and_notes_together(written: Path) -> None:
    song = midi_songs.excerpt(written, 12.0, random(4))
    assert song is not None
    kicks = np.array([at for at, role, _ in song.hits if role == "kick"])
    assert kicks == pytest.approx(song.beats, abs=1e-6)
    assert [note.begin for note in song.parts[0].notes] == pytest.approx(kicks.tolist())


# ---- examples, and learning from them


def made_song() -> tuple[Song, np.ndarray]:
    times = np.arange(0.5, 9.5, 0.5)
    notes = [Note(float(at) + 0.25, 0.1, 60, 90) for at in times]
    hits = [(float(at), "kick" if k % 2 == 0 else "crash", 0.9) for k, at in enumerate(times)]
    song = Song("made", 10.0, [Part("lead", 0, notes)], hits, times, np.arange(len(times)) % 4 + 1)
    return song, struck([*times, *(n.begin for n in notes)], 10.0)


def test_targets_stand_where_things_begin() -> None:
    song, samples = made_song()
    example = examples.example(song, samples)
    column = examples.HEADS.index
    full = [np.flatnonzero(example.targets[:, k] == 1) * DT for k in range(len(examples.HEADS))]
    assert full[column("beat")] == pytest.approx(song.beats + DT, abs=DT)
    assert full[column("downbeat")] == pytest.approx(song.beats[::4] + DT, abs=DT)
    assert full[column("kick")] == pytest.approx(song.beats[::2] + DT, abs=DT)
    assert len(full[column("onset")]) == 2 * len(song.beats)
    crash = int(song.beats[1] / DT) + 1
    assert example.weights[crash, column("hat")] == 0  # a crash may count as a hat
    assert example.weights[crash, column("onset")] == 1


def test_the_network_learns(tmp_path: Path) -> None:
    song, samples = made_song()
    for number in range(4):
        examples.save(tmp_path, f"{number:06}", examples.example(song, samples))
    torch.manual_seed(0)
    train.train(tmp_path, 12)
    rows = (tmp_path / "curve.csv").read_text().splitlines()[1:]
    beat = 2 + examples.HEADS.index("beat")
    losses = [float(row.split(",")[beat]) for row in rows]
    assert losses[-1] < 0.6 * losses[0]
    assert (tmp_path / "epoch-11.safetensors").stat().st_size < 500_000


def test_sound_fonts_sound_when_notes_begin() -> None:
    from bench.training.soundfonts import SoundFont

    font = SoundFont(Path("/usr/share/sounds/sf2/TimGM6mb.sf2"))
    notes = [Note(0.5, 0.2, 60, 100), Note(1.25, 0.2, 64, 100)]
    heard = np.abs(font.play(notes, 2.0, 0))
    assert heard[: round(0.49 * RATE)].max() < 1e-4
    for note in notes:
        begin = round(note.begin * RATE)
        assert heard[begin : begin + 1000].max() > 20 * heard[begin - 200 : begin].max()


def test_kits_that_test_are_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("One", kits.KEPT_APART[0]):
        (tmp_path / name).mkdir()
        sound = (
            "<instrument><name>Kick</name><layer><filename>k.wav</filename></layer></instrument>"
        )
        kit = f'<drumkit_info xmlns="http://www.hydrogen-music.org/drumkit">{sound}</drumkit_info>'
        (tmp_path / name / "drumkit.xml").write_text(kit)
        sounds.write_wav(tmp_path / name / "k.wav", click())
    monkeypatch.setattr(kits, "HYDROGEN", tmp_path)
    assert [kit.name for kit in kits.hydrogen_kits()] == ["One"]
    assert [kit.name for kit in kits.hydrogen_kits(kept_apart=True)] == [kits.KEPT_APART[0]]
    assert [list(kit.sounds) for kit in kits.hydrogen_kits()] == [["kick"]]

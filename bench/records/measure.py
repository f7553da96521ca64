"""One recording, heard by everybody and compared with what is true of it."""

from dataclasses import dataclass

from bench.records import scores, trackers
from bench.records.pieces import Piece, excerpt, kind_of
from bench.records.scores import BeatScore
from bench.records.trackers import AUBIO, BEAT_TRACKERS, ONLINE, ONSET_METHODS, Told
from bench.records.truth import Truth, silver, truth_of


@dataclass(frozen=True)
class Heard:
    """All scores of one piece; empty where its truth is not known. Keys are who listened."""

    name: str
    kind: str
    human: bool  # whether the beats are a person's
    beats: dict[str, BeatScore]
    downbeats: dict[str, float | None]  # None: not told
    onsets: dict[str, float]
    delays: dict[str, list[float]]  # seconds, of each onset that was found
    confidence: dict[str, list[tuple[float, bool]]]  # of each beat, and whether it was right


def measure(piece: Piece, ways: tuple[str, ...]) -> Heard:
    """Listen to a piece by some of our ways, and by the others."""
    record = silver()["pieces"][piece.name]
    truth = truth_of(piece, record)
    samples = excerpt(piece, record["start"], record["seconds"])
    told = {name: BEAT_TRACKERS[name](samples, truth) for name in (*ways, AUBIO, ONLINE)}
    onsets = {way: told[way] for way in ways}
    if truth.onsets is not None:
        onsets |= {f"aubio {m}": trackers.aubio_onsets(m, samples) for m in ONSET_METHODS}
    return compared(piece.name, truth, told, onsets)


def compared(name: str, truth: Truth, told: dict[str, Told], onsets: dict[str, Told]) -> Heard:
    """The scores of who told beats and of who told onsets."""
    beats, downbeats, starts = truth.beats, truth.downbeats, truth.onsets
    return Heard(
        name=name,
        kind=kind_of(name),
        human=truth.human,
        beats={k: scores.beat_score(beats, t.beats) for k, t in told.items() if beats is not None},
        downbeats={
            k: scores.late_f(downbeats, t.downbeats)
            for k, t in told.items()
            if downbeats is not None
        },
        onsets={k: scores.onset_f(starts, t) for k, t in onsets.items() if starts is not None},
        delays={k: scores.onset_delays(starts, t) for k, t in onsets.items() if starts is not None},
        confidence={k: scores.confident(beats, t) for k, t in told.items() if beats is not None},
    )

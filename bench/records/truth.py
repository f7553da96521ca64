"""What is taken as true of an excerpt, and when.

Silver truth is kept where two ways to find it agree, and is theirs. Human truth stands before it.
"""

import json
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from bench.records import tempo_map
from bench.records.annotate import SILVER
from bench.records.pieces import Piece
from synth.analysis.agreement import BEAT_WINDOW, ONSET_WINDOW, f_measure, matched

BEATS_AGREE = 0.9  # F between the two offline trackers from which on beats are kept
DOWNBEATS_AGREE = 0.8  # F between downbeats of the whole and of its quarters, each tracked alone
ONSETS_AGREE = 0.8  # F between the two onset methods from which on onsets are kept
MAP_FITS = 0.75  # share of a tempo map's beats with an onset from which on it is believed,
MAP_AGREES = 0.9  # or F to the silver beats


@dataclass(frozen=True)
class Truth:
    """Times (n,) in seconds from an excerpt's begin; None where it is not known."""

    beats: np.ndarray | None
    downbeats: np.ndarray | None
    onsets: np.ndarray | None
    online: np.ndarray  # what madmom's causal tracker tells
    human: bool  # whether the beats are a person's


@dataclass(frozen=True)
class Map:
    """How a person's tempo map and the rest of what is known agree, in one excerpt."""

    beats: np.ndarray  # (n,) as the map has them
    offset: float  # seconds by which the sound is later than the map
    share: float  # of its beats, so moved, that have an onset
    silver: float  # F of its beats against silver ones, as the map has them
    moved: float  # the same, moved by the offset
    steady: bool  # whether the silver beats would be kept themselves

    @property
    def believed(self) -> bool:
        """False for a map that neither onsets nor trackers stand behind."""
        return self.share >= MAP_FITS or self.moved >= MAP_AGREES


@cache
def silver() -> dict[str, Any]:
    """`chosen`, names of all pieces, and `pieces`, what madmom says of them by name."""
    content: dict[str, Any] = json.loads(SILVER.read_text("utf-8"))
    return content


def truth_of(piece: Piece, record: dict[str, Any]) -> Truth:
    """What is known of a piece whose annotations are given."""
    human = map_of(piece, record)
    believed = human is not None and human.believed
    return Truth(
        beats=human.beats + human.offset if human and believed else silver_beats(record),
        downbeats=silver_downbeats(record),
        onsets=silver_onsets(record),
        online=np.array(record["online"]),
        human=believed,
    )


def map_of(piece: Piece, record: dict[str, Any]) -> Map | None:
    """The tempo map of a song of Frets on Fire."""
    folder = (piece.package.root / piece.path).parent
    if not (folder / "notes.mid").is_file():
        return None
    beats = tempo_map.beats_of(folder, record["start"], record["seconds"])
    offset, share = tempo_map.laid(beats, np.array(record["onsets"]))
    told = _first_column(record["beats"])
    f, moved = f_measure(beats, told), f_measure(beats + offset, told)
    return Map(beats, offset, share, f, moved, silver_beats(record) is not None)


def silver_beats(record: dict[str, Any]) -> np.ndarray | None:
    """The beats of the tracker that knows bars, where the one that does not agrees."""
    beats = _first_column(record["beats"])
    agree = f_measure(beats, np.array(record["beats2"]), BEAT_WINDOW)
    return beats if agree >= BEATS_AGREE else None


def silver_downbeats(record: dict[str, Any]) -> np.ndarray | None:
    """Downbeats of pieces whose beats are kept, where a clear majority stays on one phase.

    The tracker never leaves the phase that suits the whole excerpt best, so its own downbeats
    cannot disagree: those of each quarter of the excerpt, tracked alone, must be the same.
    """
    downbeats = np.array([time for time, place in record["beats"] if place == 1])
    agree = f_measure(downbeats, np.array(record["windows"]), BEAT_WINDOW)
    known = silver_beats(record) is not None and agree >= DOWNBEATS_AGREE
    return downbeats if known else None


def silver_onsets(record: dict[str, Any]) -> np.ndarray | None:
    """Onsets that both methods have, where the methods agree; times are the recurrent one's."""
    onsets, others = np.array(record["onsets"]), np.array(record["onsets_cnn"])
    pairs = matched(onsets, others, ONSET_WINDOW)
    agree = f_measure(onsets, others, ONSET_WINDOW)
    return onsets[pairs[:, 0]] if agree >= ONSETS_AGREE else None


def _first_column(rows: list[list[float]]) -> np.ndarray:
    return np.array([row[0] for row in rows], float)

"""Who listens to the recordings: ways of ours, aubio as it comes, and madmom's causal beats."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import aubio
import numpy as np

from bench.records.truth import Truth
from synth.analysis.analyzer import Analyzer, Features
from synth.constants import HOP, RATE
from synth.settings.knobs import Hear

_WINDOW = 1024  # samples of aubio's analysis
_FIRST = 1  # place of a downbeat in its bar


def _nothing() -> np.ndarray:
    return np.zeros(0)


@dataclass(frozen=True)
class Told:
    """What was told of an excerpt, hop by hop; times in seconds."""

    beats: np.ndarray = field(default_factory=_nothing)  # (n,), as told before each sounds
    confidence: np.ndarray | None = None  # (n,) 0..1, with each beat
    downbeats: np.ndarray | None = None  # (m,), of those beats
    onsets: np.ndarray = field(default_factory=_nothing)  # (k,), when they began
    onsets_told: np.ndarray = field(default_factory=_nothing)  # (k,), when that was told


Tracker = Callable[[np.ndarray, Truth], Told]  # samples (n,) at RATE and what is stored of them

WAYS = {"learned": Hear(way="learned"), "classic": Hear(way="classic")}


def ours(knobs: Hear, samples: np.ndarray) -> Told:
    """Each beat as the hop before it told it, with its confidence and place where they are told."""
    analyzer = Analyzer()
    heard = [analyzer.hear(samples[k : k + HOP], knobs) for k in range(0, len(samples), HOP)]
    beats = [(before, now) for before, now in pairwise(heard) if now.beat]
    onsets = [hop for hop in heard if hop.onset]
    return Told(
        beats=np.array([before.next_beat for before, _ in beats]),
        confidence=_confidence([before for before, _ in beats]),
        downbeats=_downbeats(beats),
        onsets=np.array([hop.onset_time for hop in onsets]),
        onsets_told=np.array([hop.time for hop in onsets]),
    )


def _confidence(hops: list[Features]) -> np.ndarray | None:
    told = [hop.beat_confidence for hop in hops]
    return np.array(told, float) if any(told) else None


def _downbeats(beats: list[tuple[Features, Features]]) -> np.ndarray | None:
    places = [now.beat_in_bar for _, now in beats]
    if not any(places):
        return None
    firsts = zip(beats, places, strict=True)
    return np.array([before.next_beat for (before, _), place in firsts if place == _FIRST])


def by_way(name: str) -> Tracker:
    return lambda samples, _: ours(WAYS[name], samples)


def aubio_tempo(samples: np.ndarray, _: Truth) -> Told:
    """aubio.tempo as it comes; its times have its own delay taken off."""
    tempo = aubio.tempo("default", _WINDOW, HOP, RATE)
    return Told(beats=np.array([tempo.get_last_s() for hop in _whole(samples) if tempo(hop)[0]]))


def madmom_online(_: np.ndarray, truth: Truth) -> Told:
    """What was stored when the excerpt was annotated."""
    return Told(beats=truth.online)


AUBIO, ONLINE = "aubio.tempo", "madmom online"
BEAT_TRACKERS: dict[str, Tracker] = {
    **{name: by_way(name) for name in WAYS},
    AUBIO: aubio_tempo,
    ONLINE: madmom_online,
}
ONSET_METHODS = ("hfc", "complex", "specflux", "energy", "phase", "specdiff", "kl", "mkl")


def aubio_onsets(method: str, samples: np.ndarray) -> Told:
    """aubio.onset as it comes, by one of its methods."""
    detector = aubio.onset(method, _WINDOW, HOP, RATE)
    found = [
        (detector.get_last_s(), (number + 1) * HOP / RATE)
        for number, hop in enumerate(_whole(samples))
        if detector(hop)[0]
    ]
    times = np.array(sorted(found)).reshape(-1, 2)
    return Told(onsets=times[:, 0], onsets_told=times[:, 1])


def _whole(samples: np.ndarray) -> np.ndarray:
    """Whole hops (hops, hop) of samples (n,)."""
    hops: np.ndarray = samples[: len(samples) // HOP * HOP].reshape(-1, HOP)
    return hops

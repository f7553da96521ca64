"""When each frame is, and which latent it shows."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, count, repeat

import numpy as np

from synth.engine import Engine
from synth.latents.latent import Latent


def frame_times(fps: Fraction, start: float) -> Iterator[float]:
    """Seconds of the song at which frames are shown, without end."""
    return (start + float(k / fps) for k in count())


def latents_of(
    hops: Iterable[np.ndarray],
    engine: Engine,
    fps: Fraction,
    *,
    start: float = 0.0,
    duration: float | None = None,
) -> Iterator[Latent]:
    """One latent a frame, from `start` until the sound or `duration` ends.

    Sound before `start` is heard as well, so an excerpt shows what the whole film shows there.
    The analysis' known delay is taken back, so that picture and sound coincide.
    """
    sound = _Counted(hops, start, duration)
    states = _states(chain(sound, repeat(np.zeros(engine.analyzer.hop, np.float32))), engine)
    (before_at, before), (after_at, after) = next(states), next(states)
    for shown in frame_times(fps, start):
        moment = shown + engine.delay
        while after_at < moment:
            if shown >= sound.end(engine.analyzer.rate):
                return
            (before_at, before), (after_at, after) = (after_at, after), next(states)
        if shown >= sound.end(engine.analyzer.rate):
            return
        yield before.toward(after, max(0.0, (moment - before_at) / (after_at - before_at)))


class _Counted:
    """Hops that count themselves, and know where the film ends once that is known."""

    def __init__(self, hops: Iterable[np.ndarray], start: float, duration: float | None) -> None:
        self._hops = hops
        self._samples = 0
        self._ended = False
        self._limit = float("inf") if duration is None else start + duration

    def __iter__(self) -> Iterator[np.ndarray]:
        for hop in self._hops:
            self._samples += len(hop)
            yield hop
        self._ended = True

    def end(self, rate: int) -> float:
        """The film's end in seconds of the song, as far as it is known by now."""
        return min(self._limit, self._samples / rate if self._ended else float("inf"))


def _states(hops: Iterable[np.ndarray], engine: Engine) -> Iterator[tuple[float, Latent]]:
    """The latent after each hop, and when that hop ended."""
    for number, hop in enumerate(hops, 1):
        yield number * engine.dt, engine.hear(hop)

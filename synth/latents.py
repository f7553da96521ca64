"""Features to latents: walk, mixture, kick and drift, each hop, in seconds.

The state moves once a hop, never once a frame; a frame takes the latent between two hops at its
own time. So any frame rate shows the same picture at the same moment.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from .envelope import RunningPeak, follow
from .features import Features
from .imagenet import CLASSES
from .knobs import Steer
from .mixture import Mixture, chosen_classes
from .walk import SIZE, Walk, folded

Embed = Callable[[np.ndarray], np.ndarray]  # class vectors (n,1000) to embeddings (n,e)

_WALK_GAIN = 0.25  # our loudness lies above the classic song-wide mel power; this levels the pace
_KICK_ATTACK = 0.045  # seconds; 12 ms was seen as a jump
_KICK_RELEASE = 0.18  # seconds
_KICK_REACH = 0.9  # units of noise at full kick
_BREATH_REACH = 1.4  # units of noise at full drift
_BREATH = (9.0, 23.0)  # seconds of the fastest and the slowest breath


@dataclass(frozen=True, slots=True)
class Latent:
    """What a generator turns into one frame."""

    noise: np.ndarray  # (128,) float32, within -2..2 times truncation
    embedding: np.ndarray  # (e,) float32, the classes' weighted sum in the generator's space
    truncation: float  # 0.02..1

    def toward(self, other: "Latent", part: float) -> "Latent":
        """The latent `part` (0..1) of the way to a close neighbour, one hop away."""
        return Latent(
            self.noise + (other.noise - self.noise) * np.float32(part),
            self.embedding + (other.embedding - self.embedding) * np.float32(part),
            self.truncation + (other.truncation - self.truncation) * part,
        )


class Steering:
    """Turns what is heard into latents; deterministic from the seed.

    `embed` is the generator's one matrix; it is met once for the chosen classes, and all mixing
    happens behind it.
    """

    def __init__(self, steer: Steer, embed: Embed) -> None:
        stream = np.random.RandomState(steer.seed)
        chosen = chosen_classes(steer)
        self._palette = embed(np.eye(CLASSES, dtype=np.float32)[list(chosen)]).astype(np.float64)
        self._walk = Walk(stream)
        self._mixture = Mixture(len(chosen))
        self._kick = _Kick(stream)
        self._breath = _Breath(stream)
        self._noise: np.ndarray | None = None
        self._embedding: np.ndarray | None = None

    def step(self, heard: Features, steer: Steer, dt: float) -> Latent:
        """Advance `dt` seconds under one hop's features and the knobs of this moment."""
        presence = min(1.0, heard.loudness / 0.1)
        weights = self._mixture.step(heard.chroma, presence, steer, dt)
        walked = self._walk.step(
            heard.loudness**3 + heard.rise,  # near sound power, as the classic mapping has it
            sensitivity=steer.tempo_sensitivity * _WALK_GAIN,
            jitter=steer.jitter,
            dt=dt,
        )
        calm = walked + steer.drift * self._breath.step(dt)
        self._noise = _smoothed(self._noise, calm, steer.smoothing, dt)
        self._embedding = _smoothed(self._embedding, weights @ self._palette, steer.smoothing, dt)
        kicked = self._noise + steer.kick * self._kick.step(heard, dt)
        return Latent(
            (folded(kicked) * steer.truncation).astype(np.float32),
            self._embedding.astype(np.float32),
            steer.truncation,
        )


def _smoothed(now: np.ndarray | None, target: np.ndarray, tau: float, dt: float) -> np.ndarray:
    return target if now is None else follow(now, target, tau=tau, dt=dt)


class _Kick:
    """A push out and back along one direction, by drums and other sudden sounds."""

    def __init__(self, stream: np.random.RandomState) -> None:
        self._direction = _KICK_REACH * np.where(stream.random_sample(SIZE) < 0.5, -1.0, 1.0)
        self._blow = RunningPeak(release=_KICK_RELEASE)
        self._height = 0.0

    def step(self, heard: Features, dt: float) -> np.ndarray:
        blow = self._blow.update(heard.flux, dt)
        self._height = follow(self._height, blow, tau=_KICK_ATTACK, dt=dt)
        return self._direction * self._height


class _Breath:
    """A slow sway of every unit, each at its own pace."""

    def __init__(self, stream: np.random.RandomState) -> None:
        slow, fast = 2 * np.pi / _BREATH[1], 2 * np.pi / _BREATH[0]
        self._pace = slow + (fast - slow) * stream.random_sample(SIZE)  # radians a second
        self._phase = 2 * np.pi * stream.random_sample(SIZE)

    def step(self, dt: float) -> np.ndarray:
        self._phase = self._phase + self._pace * dt
        return _BREATH_REACH * np.sin(self._phase)

"""Features to latents: walk, mixture, kick and drift, each hop, in seconds.

The state moves once a hop, never once a frame; a frame takes the latent between two hops at its
own time. So any frame rate shows the same picture at the same moment.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ..analysis.analyzer import Features
from ..analysis.envelope import RunningPeak, follow
from ..settings.imagenet import CLASSES
from ..settings.knobs import Bands, Steer
from .mixture import Mixture, chosen_classes
from .walk import SIZE, WALL, Walk, folded

Embed = Callable[[np.ndarray], np.ndarray]  # class vectors (n,1000) to embeddings (n,e)

_WALK_GAIN = 0.25  # our loudness lies above the classic song-wide mel power; this levels the pace
_KICK_ATTACK = 0.045  # seconds; 12 ms was seen as a jump
_KICK_RELEASE = 0.18  # seconds
_KICK_REACH = 0.9  # units of noise at full kick
_DRUM_FOR = 4.0  # seconds until a kick drum that was heard is forgotten
_DRUM_SURE = 0.5  # of a kick drum, from which on nothing else kicks
_BAND_REACH = 0.8  # units of noise at a full band
_BAND_ATTACK, _BAND_RELEASE = 0.03, 0.2  # seconds
_BREATH_REACH = 1.4  # units of noise at full drift
_BREATH = (9.0, 23.0)  # seconds of the fastest and the slowest breath


_NO_BANDS = Bands()


@dataclass(frozen=True, slots=True)
class Latent:
    """What a generator turns into one frame."""

    noise: np.ndarray  # (128,) float32, within -2..2 times truncation
    embedding: np.ndarray  # (e,) float32, the classes' weighted sum in the generator's space
    truncation: float  # 0.02..1
    levels: np.ndarray | None = None  # (3, 128) float32: noise of coarse, middle and fine, if apart
    kick: float = 0.0  # 0..1, how far a drum pushes at this moment

    @property
    def noises(self) -> np.ndarray:
        """(3, 128) float32: what coarse, middle and fine parts of the picture are made of."""
        return np.stack([self.noise] * 3) if self.levels is None else self.levels

    def toward(self, other: "Latent", part: float) -> "Latent":
        """The latent `part` (0..1) of the way to a close neighbour, one hop away."""
        apart = self.levels is not None or other.levels is not None
        return Latent(
            _between(self.noise, other.noise, part),
            _between(self.embedding, other.embedding, part),
            self.truncation + (other.truncation - self.truncation) * part,
            _between(self.noises, other.noises, part) if apart else None,
            self.kick + (other.kick - self.kick) * part,
        )

    def blended(self, other: "Latent", part: float) -> "Latent":
        """`part` (0..1) of the way to any other latent: noise on the sphere, classes straight."""
        apart = self.levels is not None or other.levels is not None
        return Latent(
            slerp(self.noise, other.noise, part),
            _between(self.embedding, other.embedding, part),
            self.truncation + (other.truncation - self.truncation) * part,
            slerp(self.noises, other.noises, part) if apart else None,
            max(self.kick, other.kick),
        )

    def ahead(self, before: "Latent", hops: float) -> "Latent":
        """What the latent is likely to be `hops` later, having come from `before`, one hop ago.

        Classes go straight on. Noise goes half as far, which errs least on the demo song: a third
        less than standing still 35 ms ahead, a sixth less 70 ms ahead.
        """
        bound = WALL * self.truncation
        noise = before.toward(self, 1 + hops / 2)
        return replace(
            self,
            noise=noise.noise.clip(-bound, bound),
            embedding=_between(before.embedding, self.embedding, 1 + hops),
            levels=None if noise.levels is None else noise.levels.clip(-bound, bound),
        )


def slerp(a: np.ndarray, b: np.ndarray, part: float) -> np.ndarray:
    """`part` of the way along the arc from rows of `a` to rows of `b` (…, n), lengths in between.

    Ken Shoemake, "Animating rotation with quaternion curves", 1985.
    """
    lengths = np.linalg.norm(a, axis=-1, keepdims=True), np.linalg.norm(b, axis=-1, keepdims=True)
    cosine = np.sum(a * b, -1, keepdims=True) / np.maximum(lengths[0] * lengths[1], 1e-12)
    angle = np.arccos(np.clip(cosine, -1, 1))
    straight = np.sin(angle) < 1e-3
    safe = np.where(straight, 1.0, np.sin(angle))
    before = np.where(straight, 1 - part, np.sin((1 - part) * angle) / safe)
    after = np.where(straight, part, np.sin(part * angle) / safe)
    arc: np.ndarray = (before * a + after * b).astype(np.float32)
    return arc


def _between(a: np.ndarray, b: np.ndarray, part: float) -> np.ndarray:
    mixed: np.ndarray = a + (b - a) * np.float32(part)
    return mixed


class Steering:
    """Turns what is heard into latents; deterministic from the seed.

    `embed` is the generator's one matrix; it is met once for the chosen classes, and all mixing
    happens behind it.
    """

    def __init__(self, steer: Steer, embed: Embed) -> None:
        stream = np.random.RandomState(steer.seed)
        self._chosen = chosen = chosen_classes(steer)
        self.embed_by(embed)
        self._walk = Walk(stream)
        self._mixture = Mixture(len(chosen))
        self._kick = _Kick(stream)
        self._breath = _Breath(stream)
        self._bands = _BandPush(np.random.RandomState([steer.seed, 1]))  # the walk keeps its own
        self._noise: np.ndarray | None = None

    def embed_by(self, embed: Embed) -> None:
        """Meet another generator's matrix; the mixture of its classes begins where it stood."""
        chosen = np.eye(CLASSES, dtype=np.float32)[list(self._chosen)]
        self._palette = embed(chosen).astype(np.float64)
        self._embedding: np.ndarray | None = None

    @property
    def embedding_size(self) -> int:
        """How long an embedding is."""
        return int(self._palette.shape[1])

    def step(self, heard: Features, steer: Steer, dt: float, bands: Bands = _NO_BANDS) -> Latent:
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
        pushes = self._bands.step(heard, bands, dt)
        return Latent(
            (folded(kicked) * steer.truncation).astype(np.float32),
            self._embedding.astype(np.float32),
            steer.truncation,
            (folded(kicked + pushes) * steer.truncation).astype(np.float32)
            if pushes.any()
            else None,
            self._kick.height,
        )


def _smoothed(now: np.ndarray | None, target: np.ndarray, tau: float, dt: float) -> np.ndarray:
    return target if now is None else follow(now, target, tau=tau, dt=dt)


class _Kick:
    """A push out and back along one direction, by kick drums, or by sudden sounds without one."""

    def __init__(self, stream: np.random.RandomState) -> None:
        self._direction = _KICK_REACH * np.where(stream.random_sample(SIZE) < 0.5, -1.0, 1.0)
        self._blow = RunningPeak(release=_KICK_RELEASE)
        self._drum = RunningPeak(release=_DRUM_FOR)
        self.height = 0.0

    def step(self, heard: Features, dt: float) -> np.ndarray:
        drummed = min(1.0, self._drum.update(heard.kick, dt) / _DRUM_SURE)
        blow = self._blow.update(drummed * heard.kick + (1 - drummed) * heard.flux, dt)
        self.height = follow(self.height, blow, tau=_KICK_ATTACK, dt=dt)
        return self._direction * self.height


class _BandPush:
    """Bass, middle and treble, each pushing the sizes of its own along its own direction."""

    def __init__(self, stream: np.random.RandomState) -> None:
        self._directions = _BAND_REACH * np.where(stream.random_sample((3, SIZE)) < 0.5, -1.0, 1.0)
        self._heights = np.zeros(3)

    def step(self, heard: Features, bands: Bands, dt: float) -> np.ndarray:
        """(3, 128) units of noise for coarse, middle and fine."""
        levels = np.array([heard.bass, heard.mid, heard.treble])
        rising = follow(self._heights, levels, tau=_BAND_ATTACK, dt=dt)
        falling = follow(self._heights, levels, tau=_BAND_RELEASE, dt=dt)
        self._heights = np.where(levels > self._heights, rising, falling)
        strengths = np.array([bands.bass, bands.mid, bands.treble])
        return self._directions * (strengths * self._heights)[:, None]


class _Breath:
    """A slow sway of every unit, each at its own pace."""

    def __init__(self, stream: np.random.RandomState) -> None:
        slow, fast = 2 * np.pi / _BREATH[1], 2 * np.pi / _BREATH[0]
        self._pace = slow + (fast - slow) * stream.random_sample(SIZE)  # radians a second
        self._phase = 2 * np.pi * stream.random_sample(SIZE)

    def step(self, dt: float) -> np.ndarray:
        self._phase = self._phase + self._pace * dt
        return _BREATH_REACH * np.sin(self._phase)

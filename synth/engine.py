"""The assembly that both play: hops in, latents out, by way of features."""

from dataclasses import replace
from typing import Any

import numpy as np

from .analysis.analyzer import Analyzer, Features
from .analysis.beat import Lead
from .constants import HOP, RATE
from .latents.keyframes import Cues
from .latents.latent import Embed, Latent, Steering
from .position import Position
from .settings.imagenet import CLASSES
from .settings.knobs import Knobs

_DEEPEST = 3  # looks that fade at once; a fourth begins from what is played


class Engine:
    """One instrument: its analyzer and its steering."""

    HOP_SECONDS = HOP / RATE

    def __init__(self, knobs: Knobs, embed: Embed, cues: Cues | None = None) -> None:
        self.cues = cues
        self.analyzer = Analyzer()
        self.analyzer.prepare(knobs.hear.way)
        self.knobs = knobs
        self.heard: Features | None = None  # of the last hop
        self.changes = 0  # looks that gave way to another
        self.position = Position(self.dt)  # of the song
        self.jump: dict[str, Any] | None = None  # of the position, in the last hop; a log needs it
        self.lead: Lead | None = None  # whose beats are followed; else those that are heard
        self.embed = embed
        self._steering = Steering(knobs.steer, embed)
        self._fading: _Fading | None = None
        self._played: Latent | None = None  # before cues
        # whether the bank was made for the generator that plays
        self._cues_fit = cues is None or cues.bank.embedding_size == self._steering.embedding_size

    @property
    def dt(self) -> float:
        """Seconds of one hop."""
        return self.analyzer.dt

    @property
    def delay(self) -> float:
        """Seconds by which latents trail the sound."""
        return self.analyzer.delay

    def anew(self) -> "Engine":
        """An instrument with the same knobs that has heard nothing yet."""
        cues = self.cues.anew() if self.cues is not None else None
        fresh = Engine(self.knobs, self.embed, cues)
        fresh._cues_fit = self._cues_fit
        fresh.position, fresh.jump = replace(self.position), self.jump
        return fresh

    def play_on(self, generator: str, embed: Embed) -> None:
        """Mix the class embeddings of another generator from the next hop on; all else plays on.

        A bank that was made for another one is silent meanwhile.
        """
        self.embed = embed
        self._steering.embed_by(embed)
        self._cues_fit = self.cues is None or (
            self.cues.bank.is_for(generator)
            and self.cues.bank.embedding_size == self._steering.embedding_size
        )
        if self._fading is not None:
            self._fading.embed_by(embed)

    def hear(self, hop: np.ndarray, at: float | None = None) -> Latent:
        """The latent at the end of the next hop (hop,) of float32 samples.

        `at` is how far the song is then, in seconds; one hop further than before when it is None.
        Where it is not one hop further, `jump` tells.
        """
        self.heard = self.analyzer.hear(hop, self.knobs.hear, self.lead)
        latent = self._steering.step(self.heard, self.knobs.steer, self.dt, self.knobs.bands)
        if self._fading is not None:
            latent = self._fading.step(self.heard, latent, self.dt)
            if self._fading.over:
                self._fading = None
        self._played = latent
        self.jump = self.position.step(at)
        if self.cues is not None and self._cues_fit:
            now = self.position.seconds
            latent = self.cues.step(self.heard, latent, self.knobs.cue, self.dt, self.delay, now)
        return latent

    def turn(self, knobs: Knobs) -> None:
        """Take new values from the next hop on; other classes or another seed fade over."""
        if _subjects(knobs) != _subjects(self.knobs):
            self.change(knobs)
        else:
            self.knobs = knobs

    def change(self, knobs: Knobs, fade: float | None = None) -> None:
        """Another look: both play on while one fades into the other over `fade` seconds."""
        coming = Steering(knobs.steer, self.embed)
        seconds = knobs.preset.fade if fade is None else fade
        if self._fading is not None and self._fading.depth >= _DEEPEST:
            if self._played is not None:  # else nothing was seen of the looks in between
                self._fading = _Fading(_Still(self._played), None, seconds)
        else:
            self._fading = _Fading(_Going(self._steering, self.knobs), self._fading, seconds)
        self.changes += 1
        self.knobs, self._steering = knobs, coming


def _subjects(knobs: Knobs) -> tuple[object, ...]:
    """What decides which classes show."""
    return knobs.steer.classes, knobs.steer.avoid, knobs.steer.seed


class _Going:
    """A look that still plays."""

    def __init__(self, steering: Steering, knobs: Knobs) -> None:
        self._steering, self._knobs = steering, knobs

    def step(self, heard: Features, dt: float) -> Latent:
        return self._steering.step(heard, self._knobs.steer, dt, self._knobs.bands)

    def embed_by(self, embed: Embed) -> None:
        self._steering.embed_by(embed)


class _Still:
    """What was played when looks changed faster than they could fade."""

    def __init__(self, latent: Latent) -> None:
        self._latent = latent

    def step(self, _heard: Features, _dt: float) -> Latent:
        return self._latent

    def embed_by(self, embed: Embed) -> None:
        """No class of another generator looks like it; it shows none of theirs."""
        nothing = embed(np.zeros((1, CLASSES), np.float32))[0]
        self._latent = replace(self._latent, embedding=nothing)


class _Fading:
    """The look that goes, and how far it is gone."""

    def __init__(self, going: "_Going | _Still", before: "_Fading | None", seconds: float) -> None:
        self._going, self._before = going, before
        self._seconds, self._age = seconds, 0.0

    @property
    def over(self) -> bool:
        return self._age >= self._seconds

    @property
    def depth(self) -> int:
        """How many looks are fading at once."""
        return 1 + (self._before.depth if self._before is not None else 0)

    def embed_by(self, embed: Embed) -> None:
        """Every look that goes shows another generator's classes."""
        self._going.embed_by(embed)
        if self._before is not None:
            self._before.embed_by(embed)

    def step(self, heard: Features, coming: Latent, dt: float) -> Latent:
        self._age += dt
        going = self._going.step(heard, dt)
        if self._before is not None:
            going = self._before.step(heard, going, dt)
            if self._before.over:
                self._before = None
        gone = min(1.0, self._age / self._seconds) if self._seconds else 1.0
        return going.blended(coming, gone * gone * (3 - 2 * gone))

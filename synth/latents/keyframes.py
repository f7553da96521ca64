"""Cues: keyframes take the picture, hold it and let it go, while the music goes on moving it.

Each cue has an envelope that rises over `cue.attack_time` seconds and falls over
`cue.release_time`, eased at both ends. Where cues overlap they share by their envelopes, so that no
latent ever jumps.
"""

from dataclasses import dataclass, replace

import numpy as np

from ..analysis.analyzer import Features
from ..errors import cut
from ..settings.knobs import Cue
from .bank import Bank
from .latent import Latent, slerp

_OPEN, _OVER = float("inf"), -float("inf")  # when a cue ends that nobody releases; that one did


@dataclass(slots=True)
class _Playing:
    """A keyframe on its way in, there, or on its way out."""

    number: int
    latent: Latent
    until: float  # seconds of the song at which it lets go
    phase: float = 0.0  # 0 away .. 1 there


class Cues:
    """Plays a bank's keyframes, by hand or by the song's own time."""

    def __init__(self, bank: Bank, *, follows: bool) -> None:
        self.bank, self.follows = bank, follows
        self.position = -1  # of the last keyframe that was cued
        self._playing: list[_Playing] = []
        self._waiting: int | None = None  # a cue that waits for its beat
        self._beats = 0

    @property
    def playing(self) -> str:
        """The text of the newest cue that shows; empty when none does."""
        return cut(self.bank.entries[self._playing[-1].number].text) if self._playing else ""

    @property
    def held(self) -> int | None:
        """The keyframe that was cued last and not released; None where there is none."""
        if self._waiting is not None:
            return self._waiting
        return next((p.number for p in reversed(self._playing) if p.until == _OPEN), None)

    def anew(self) -> "Cues":
        """The same bank with no cue in the picture; what comes next comes next."""
        fresh = Cues(self.bank, follows=self.follows)
        fresh.position = -1 if self.follows else self.position
        return fresh

    def go(self, number: int | None = None) -> None:
        """Cue a keyframe, the next one when none is named; numbers beyond the last do nothing."""
        number = self.position + 1 if number is None else number
        if 0 <= number < len(self.bank):
            self._waiting = number

    def release(self) -> None:
        """Let every cue go."""
        self._waiting = None
        for playing in self._playing:
            playing.until = _OVER

    def step(
        self,
        heard: Features,
        latent: Latent,
        cue: Cue,
        dt: float,
        delay: float,
        at: float | None = None,
    ) -> Latent:
        """The latent with the cues in it, one hop on.

        `at` is how far the song is at the end of this hop, in seconds; as far as was heard when it
        is None. Silence that was heard meanwhile, or a later start, makes a difference.
        """
        self._beats += heard.beat
        now = (heard.time if at is None else at) - delay
        if self.follows:
            self._follow(now)
        if self._waiting is not None and self._on_time(heard, cue):
            self._begin(self._waiting, _OPEN)
            self._waiting = None
        for playing in self._playing:
            rising = now + dt < playing.until
            seconds = cue.attack_time if rising else cue.release_time
            step = dt / seconds if seconds else 1.0
            playing.phase = min(1.0, playing.phase + step) if rising else playing.phase - step
        self._playing = [playing for playing in self._playing if playing.phase > 0]
        return self._blended(latent, cue)

    def _on_time(self, heard: Features, cue: Cue) -> bool:
        if cue.quantise == "off" or not heard.bpm or self.follows:
            return True
        if cue.quantise == "bar" and heard.beat_in_bar:
            return heard.beat and heard.beat_in_bar == 1
        return heard.beat and (cue.quantise == "beat" or self._beats % 4 == 0)

    def _follow(self, now: float) -> None:
        coming = self.position + 1
        while coming < len(self.bank) and self.bank.entries[coming].time <= now:
            entry = self.bank.entries[coming]
            if entry.time + entry.duration > now:
                self._begin(coming, entry.time + entry.duration)
            self.position = coming
            coming += 1

    def _begin(self, number: int, until: float) -> None:
        self.position = number
        for playing in self._playing:
            playing.until = _OVER
        again = next((p for p in self._playing if p.number == number), None)
        if again is not None:
            again.until = until
        else:
            self._playing.append(_Playing(number, self.bank.latent(number), until))

    def _blended(self, latent: Latent, cue: Cue) -> Latent:
        if not self._playing:
            return latent
        weights = np.array([_eased(playing.phase) for playing in self._playing])
        away = float(np.prod(1 - weights))
        grip = cue.strength * (1 - away)
        shares = (weights / weights.sum()).astype(np.float32)
        keys = [playing.latent for playing in self._playing]
        embedding = np.sum([s * key.embedding for s, key in zip(shares, keys, strict=True)], axis=0)
        truncation = float(np.dot(shares, [key.truncation for key in keys]))
        apart = any(one.levels is not None for one in (latent, *keys))
        return replace(
            latent,
            noise=slerp(latent.noise, _mean(shares, [k.noise for k in keys]), grip * cue.grip),
            embedding=latent.embedding + (embedding - latent.embedding) * np.float32(grip),
            truncation=latent.truncation + (truncation - latent.truncation) * grip,
            levels=slerp(latent.noises, _mean(shares, [k.noises for k in keys]), grip * cue.grip)
            if apart
            else None,
        )


def _mean(shares: np.ndarray, noises: list[np.ndarray]) -> np.ndarray:
    """The mean of noises (…, 128) on their sphere, each row as long as theirs in the mean."""
    stacked = np.stack(noises)
    mean = np.tensordot(shares, stacked, 1)
    length = np.tensordot(shares, np.linalg.norm(stacked, axis=-1, keepdims=True), 1)
    onto: np.ndarray = mean * (
        length / np.maximum(1e-6, np.linalg.norm(mean, axis=-1, keepdims=True))
    )
    return onto


def _eased(phase: float) -> float:
    return phase * phase * (3 - 2 * phase)

"""The assembly that both play: hops in, latents out, by way of features."""

import numpy as np

from .features import Analyzer, Features
from .hop import HOP, RATE
from .keyframes import Cues
from .knobs import Knobs
from .latents import Embed, Latent, Steering


class Visual:
    """One instrument: its ears and its steering."""

    HOP_SECONDS = HOP / RATE

    def __init__(self, knobs: Knobs, embed: Embed, cues: Cues | None = None) -> None:
        self.cues = cues
        self.analyzer = Analyzer()
        self.knobs = knobs
        self.heard: Features | None = None  # of the last hop
        self.changes = 0  # looks that gave way to another
        self._embed = embed
        self._steering = Steering(knobs.steer, embed)
        self._fading: _Fading | None = None

    @property
    def dt(self) -> float:
        """Seconds of one hop."""
        return self.analyzer.dt

    @property
    def delay(self) -> float:
        """Seconds by which latents trail the sound."""
        return self.analyzer.delay

    def hear(self, hop: np.ndarray) -> Latent:
        """The latent at the end of the next hop (hop,) of float32 samples."""
        self.heard = self.analyzer.hear(hop, self.knobs.hear)
        latent = self._steering.step(self.heard, self.knobs.steer, self.dt, self.knobs.bands)
        if self._fading is not None:
            latent = self._fading.step(self.heard, latent, self.dt)
            if self._fading.over:
                self._fading = None
        if self.cues is not None:
            latent = self.cues.step(self.heard, latent, self.knobs.cue, self.dt, self.delay)
        return latent

    def turn(self, knobs: Knobs) -> None:
        """Take new values from the next hop on; other classes or another seed fade over."""
        if (knobs.steer.classes, knobs.steer.seed) != (
            self.knobs.steer.classes,
            self.knobs.steer.seed,
        ):
            self.change(knobs)
        else:
            self.knobs = knobs

    def change(self, knobs: Knobs, fade: float | None = None) -> None:
        """Another look: both play on while one fades into the other over `fade` seconds."""
        self.changes += 1
        seconds = knobs.preset.fade if fade is None else fade
        self._fading = _Fading(self._steering, self.knobs, self._fading, seconds)
        self.knobs = knobs
        self._steering = Steering(knobs.steer, self._embed)


class _Fading:
    """The look that goes, and how far it is gone."""

    def __init__(
        self, steering: Steering, knobs: Knobs, before: "_Fading | None", seconds: float
    ) -> None:
        self._steering, self._knobs, self._before = steering, knobs, before
        self._seconds, self._age = seconds, 0.0

    @property
    def over(self) -> bool:
        return self._age >= self._seconds

    def step(self, heard: Features, coming: Latent, dt: float) -> Latent:
        self._age += dt
        going = self._steering.step(heard, self._knobs.steer, dt, self._knobs.bands)
        if self._before is not None:
            going = self._before.step(heard, going, dt)
            if self._before.over:
                self._before = None
        gone = min(1.0, self._age / self._seconds) if self._seconds else 1.0
        return going.blended(coming, gone * gone * (3 - 2 * gone))

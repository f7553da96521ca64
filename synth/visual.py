"""The assembly that both play: hops in, latents out, by way of features."""

import numpy as np

from .features import Analyzer
from .knobs import Knobs
from .latents import Embed, Latent, Steering


class Visual:
    """One instrument: its ears and its steering."""

    def __init__(self, knobs: Knobs, embed: Embed) -> None:
        self.analyzer = Analyzer()
        self.knobs = knobs
        self._steering = Steering(knobs.steer, embed)

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
        return self._steering.step(
            self.analyzer.hear(hop, self.knobs.hear), self.knobs.steer, self.dt, self.knobs.bands
        )

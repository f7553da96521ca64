"""The classic ear: novelty of the bands, a threshold for onsets, autocorrelation for the beat."""

from ..settings.knobs import Hear
from .beat import BeatTracker, Lead
from .ear import Sound, Told
from .onsets import FAINTEST_PEAK, Novelty, OnsetPicker


class ClassicEar:
    """Hears without having learnt; it knows neither drums nor bars."""

    def __init__(self, dt: float, delay: float) -> None:
        """`delay` is how many seconds the bands trail the sound."""
        self.delay = delay
        self._novelty, self._onsets = Novelty(dt), OnsetPicker(dt)
        self._beat = BeatTracker(dt, delay=delay)

    def step(self, sound: Sound, knobs: Hear, lead: Lead | None) -> Told:
        """What is heard in a hop."""
        novelty, body = self._novelty.step(sound.bands, FAINTEST_PEAK / sound.gain)
        onset = self._onsets.step(novelty) and sound.level > 0.01
        return Told(onset, self._beat.step(novelty, body, knobs, lead))

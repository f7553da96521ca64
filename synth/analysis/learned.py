"""What the network makes of each hop: onsets, drums, and beats by a bar pointer."""

import math

from ..settings.knobs import FASTEST_GIVEN, SLOWEST_GIVEN, Hear
from .bar_pointer import FASTEST, SLOWEST, BarPointer
from .beat import Follower, Lead, Pulse
from .ear import Sound, Told
from .network import LATE, Activations, Network
from .spectra import Spectra

_OCTAVES = {"as heard": 1.0, "half": 0.5, "double": 2.0}  # of knob hear.octave
_SILENT = 0.01  # share of the recent peak under which nothing is struck
_ONSET = 0.3  # activation from which on an onset is told
_AGAIN = 0.5  # share of the last peak under which the activation must fall before the next,
_REST = 0.04  # and the seconds after one in which no other begins


class ActivationPicker:
    """Tells an onset in the hop in which its activation rises."""

    def __init__(self, dt: float) -> None:
        self._dt = dt
        self._peak = 0.0  # since the last onset
        self._rested = _REST

    def step(self, activation: float) -> bool:
        """Whether an onset is told at this hop."""
        self._rested += self._dt
        ready = activation < _AGAIN * self._peak or self._peak == 0.0
        if ready:
            self._peak = 0.0
        if self._peak == 0.0 and activation >= _ONSET and self._rested >= _REST:
            self._peak, self._rested = activation, 0.0
            return True
        if self._peak:
            self._peak = max(self._peak, activation)
        return False


class LearnedEar:
    """Hears with the network; see `bench/training` for what it has learnt from."""

    def __init__(self, rate: int, hop: int) -> None:
        dt = hop / rate
        self.delay = LATE * dt
        self._spectra, self._network = Spectra(rate), Network()
        self._onsets = ActivationPicker(dt)
        self._pointer = BarPointer(dt, delay=self.delay)
        self._factor, self._counting = 1.0, tuple[_Halving | _Doubling, ...]()
        self._follower = Follower(dt)

    def step(self, sound: Sound, knobs: Hear, lead: Lead | None) -> Told:
        """What is heard in a hop."""
        heard = self._network.step(self._spectra.step(sound.samples, sound.gain))
        onset = self._onsets.step(heard.onset) and sound.level > _SILENT
        present = min(1.0, sound.level / _SILENT)
        drums = (present * sure for sure in (heard.kick, heard.snare, heard.hat))
        return Told(onset, self._pulse(heard, knobs, lead), *drums)

    def _pulse(self, heard: Activations, knobs: Hear, lead: Lead | None) -> Pulse:
        """Beats of the sound are followed also while another clock leads, for when it ends."""
        given = min(max(knobs.bpm, SLOWEST_GIVEN), FASTEST_GIVEN) if knobs.bpm > 0 else 0.0
        told = self._pointer.step(heard.beat, heard.downbeat, given)
        factor = _factor_for(given) if given else _OCTAVES[knobs.octave]
        if factor != self._factor:
            self._factor, self._counting = factor, _counting(factor)
        for counting in self._counting:
            told = counting.step(told)
        return self._follower.step(told, lead)


def _factor_for(bpm: float) -> float:
    """How much faster a given tempo is than the nearest octave that the pointer follows."""
    if bpm > FASTEST:
        return 2.0
    return 1.0 if bpm >= SLOWEST else 0.5 if 2 * bpm >= SLOWEST else 0.25


def _counting(factor: float) -> "tuple[_Halving | _Doubling, ...]":
    """What makes beats so much faster."""
    if factor > 1:
        return (_Doubling(),)
    return tuple(_Halving() for _ in range(round(-math.log2(factor))))


class _Halving:
    """Every second beat."""

    def __init__(self) -> None:
        self._counts = False  # whether the last beat was one that counts

    def step(self, told: Pulse) -> Pulse:
        """What is told, counted half as fast."""
        if not told.bpm:
            return told
        if told.beat:
            self._counts = not self._counts
            if told.beats_per_bar == 4:  # bars begin with a beat that counts
                self._counts = told.beat_in_bar % 2 == 1
        return Pulse(
            beat=told.beat and self._counts,
            phase=(told.phase + (not self._counts)) / 2,
            next_beat=told.next_beat + (60 / told.bpm if self._counts else 0.0),
            bpm=told.bpm / 2,
            confidence=told.confidence,
        )


class _Doubling:
    """One beat more between each two."""

    def __init__(self) -> None:
        self._between: bool | None = None  # whether the one in this beat was told; None: unknown

    def step(self, told: Pulse) -> Pulse:
        """What is told, counted twice as fast."""
        if not told.bpm:
            return told
        second = told.phase >= 0.5
        if told.beat or self._between is None:  # one that passed before is not told any more
            self._between = second and not told.beat
        passed = second and not self._between
        self._between = self._between or second
        return Pulse(
            beat=told.beat or passed,
            phase=max(0.0, 2 * told.phase - self._between),
            next_beat=told.next_beat - (0.0 if self._between else 30 / told.bpm),
            bpm=2 * told.bpm,
            confidence=told.confidence,
        )

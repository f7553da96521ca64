"""Mains hum: told from bass by its steadiness, and taken away.

A lock-in amplifier at each mains frequency and its first overtones follows the hum's phasor. A
kick drum or a bass line at 50 Hz comes and goes; hum never leaves. So only as much is taken away
as was there at every moment of the last seconds.
"""

import numpy as np

from .envelope import share

_MAINS = (50.0, 60.0)  # Hz
_OVERTONES = 3
_PHASOR = 0.5  # seconds; slow enough to leave a bass note 1 Hz away alone
_MOMENT = 0.1  # seconds over which presence is judged
_STEADY_FOR = 1.5  # seconds for which hum must have been there
_RESIDUE = 0.25  # of the hum that drifting mains may leave over


class Hum:
    """Takes steady tones at the mains' frequencies out of hops (hop,)."""

    def __init__(self, rate: int, hop: int) -> None:
        hertz = np.outer(np.arange(1, _OVERTONES + 1), _MAINS).ravel()
        self._turning = np.exp(2j * np.pi * hertz[:, None] * np.arange(hop) / rate)
        self._turn = np.exp(2j * np.pi * hertz * hop / rate)
        self._angle = np.ones(len(hertz), complex)
        self._phasor = np.zeros(len(hertz), complex)
        self._drift = np.zeros(len(hertz), complex)  # of the phasor, a hop
        self._moment = np.zeros(len(hertz), complex)
        dt = hop / rate
        self._slow, self._quick = share(dt, _PHASOR), share(dt, _MOMENT)
        self._lately = np.zeros((round(_STEADY_FOR / dt), len(hertz)))
        self._hops = 0
        self.residue = 0.0  # RMS that may be left over

    def without(self, samples: np.ndarray) -> np.ndarray:
        """The hop, float32, less the hum in it."""
        basis = self._angle[:, None] * self._turning
        self._angle = self._angle * self._turn
        self._phasor += self._drift
        missed = 2 * (basis.conj() @ (samples - (self._phasor @ basis).real)) / len(samples)
        self._moment += self._quick * (self._phasor + missed - self._moment)
        self._phasor += self._slow * missed
        self._drift += self._slow**2 / 4 * missed  # mains wander; a critically damped loop follows
        hum = self._phasor * self._steadiness() ** 2
        self.residue = _RESIDUE * float(np.sqrt(0.5 * np.sum(np.abs(hum) ** 2)))
        clean: np.ndarray = (samples - (hum @ basis).real).astype(np.float32)
        return clean

    def _steadiness(self) -> np.ndarray:
        """The least share 0..1 of each phasor that was there at any moment lately."""
        self._lately[self._hops % len(self._lately)] = np.abs(self._moment)
        self._hops += 1
        size = np.maximum(np.abs(self._phasor), 1e-12)
        share_of_it: np.ndarray = np.minimum(1.0, self._lately.min(0) / size)
        return share_of_it

"""A tempo that is tapped: the mean of the last taps, one of which after a pause begins anew."""

from collections import deque

from synth.settings.knobs import FASTEST_GIVEN

_GAP = 2.0  # seconds after which a tap begins a new count
_BOUNCE = 0.05  # seconds within which a second tap is an echo of the first
_TAPS = 8  # that are averaged


class Tapping:
    """Counts taps; not for two threads at once."""

    def __init__(self) -> None:
        self._taps: deque[float] = deque(maxlen=_TAPS)

    def tap(self, now: float) -> float | None:
        """Beats a minute after one more tap, 0 after the first; None for the echo of one."""
        if self._taps and 0 <= now - self._taps[-1] < _BOUNCE:
            return None
        if self._taps and not 0 <= now - self._taps[-1] <= _GAP:
            self._taps.clear()
        self._taps.append(now)
        beats, seconds = len(self._taps) - 1, self._taps[-1] - self._taps[0]
        return min(FASTEST_GIVEN, 60 * beats / seconds) if beats else 0.0

"""The tempo of a MIDI clock: 24 ticks a beat, averaged, from one clock at a time."""

from collections import deque
from dataclasses import dataclass, field

TICKS = 24  # of the clock in a beat
BEATS = 4  # over which its tempo is averaged
SLOWEST, FASTEST = 20.0, 300.0  # beats a minute that are followed
_BREAK = 0.5  # seconds between two ticks after which counting begins anew
_SILENT = 5.0  # seconds without a tick after which a clock has stopped
_ABSURD = 20.0  # seconds without a tempo to be followed after which it does not lead any more


@dataclass
class _Count:
    """The ticks of one clock."""

    ticks: deque[float] = field(default_factory=lambda: deque(maxlen=TICKS * BEATS + 1))

    def tempo(self, now: float) -> float | None:
        """Take in a tick; beats a minute once four beats are counted, infinite for no time."""
        if self.ticks and now - self.ticks[-1] > _BREAK:
            self.ticks.clear()
        self.ticks.append(now)
        if len(self.ticks) < TICKS * BEATS + 1:
            return None
        seconds = (self.ticks[-1] - self.ticks[0]) / BEATS
        self.ticks.clear()
        self.ticks.append(now)
        return 60 / seconds if seconds > 0 else float("inf")


class MidiClock:
    """Follows the first clock that ticks; another one may lead once it has stopped."""

    def __init__(self) -> None:
        self.absurd: float | None = None  # the last tempo that was not followed
        self._counts: dict[str, _Count] = {}
        self._leader = ""
        self._ticked = self._agreed = 0.0  # when the leader ticked last, and could be followed last

    def tick(self, who: str, now: float) -> float | None:
        """One tick of a port; beats a minute, after each four beats of the one that leads."""
        if self._leader == who:
            self._ticked = now
        if who not in self._counts:
            self._counts = {w: c for w, c in self._counts.items() if now - c.ticks[-1] <= _SILENT}
        tempo = self._counts.setdefault(who, _Count()).tempo(now)
        if tempo is None or self._leader not in ("", who):
            return None
        if not SLOWEST <= tempo <= FASTEST:
            self.absurd = tempo
            return None
        self._leader, self._ticked, self._agreed = who, now, now
        return round(tempo, 1)

    def stopped(self, now: float) -> bool:
        """Whether the clock that led has stopped; said once, and nobody leads from then on."""
        if not self._leader:
            return False
        if now - self._ticked <= _SILENT and now - self._agreed <= _ABSURD:
            return False
        self._leader = ""
        self._counts.clear()
        return True

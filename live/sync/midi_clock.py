"""The tempo of a MIDI clock: 24 ticks a beat, averaged, from one clock at a time."""

import math
from dataclasses import dataclass, field
from itertools import pairwise

TICKS = 24  # of the clock in a beat
BEATS = 4  # over which its tempo is averaged
SLOWEST, FASTEST = 20.0, 300.0  # beats a minute that are followed
_UNEVEN = 1.1  # the longest of its beats by the shortest, where it cannot be followed
_BREAK = 0.5  # seconds between two ticks after which counting begins anew
_SILENT = 5.0  # seconds without a tick after which a clock has stopped
_ABSURD = 20.0  # seconds without a tempo to be followed after which it does not lead any more


@dataclass
class _Count:
    """The ticks of one clock."""

    ticks: list[float] = field(default_factory=list)

    def beats(self, now: float) -> list[float]:
        """Take in a tick; seconds of each of the last four beats, once that many were counted."""
        if self.ticks and now - self.ticks[-1] > _BREAK:
            self.ticks = []
        self.ticks.append(now)
        if len(self.ticks) <= TICKS * BEATS:
            return []
        begins = self.ticks[::TICKS]
        self.ticks = [now]
        return [end - begin for begin, end in pairwise(begins)]


class MidiClock:
    """Follows the first clock that ticks; another one may lead once it has stopped."""

    def __init__(self) -> None:
        self.absurd = ""  # why the last tempo was not followed, for whoever tells it
        self._counts: dict[str, _Count] = {}
        self._leader = ""
        self._ticked = self._agreed = 0.0  # when the leader ticked last, and could be followed last

    def tick(self, who: str, now: float) -> float | None:
        """One tick of a port; beats a minute, after each four beats of the one that leads."""
        if self._leader == who:
            self._ticked = now
        if who not in self._counts:
            self._counts = {w: c for w, c in self._counts.items() if now - c.ticks[-1] <= _SILENT}
        beats = self._counts.setdefault(who, _Count()).beats(now)
        if not beats or self._leader not in ("", who):
            return None
        slow, fast = (60 / beat if beat > 0 else math.inf for beat in (max(beats), min(beats)))
        if fast > slow * _UNEVEN:
            self.absurd = f"wavers between {slow:.5g} and {fast:.5g} beats a minute"
            return None
        tempo = 60 * BEATS / sum(beats) if sum(beats) > 0 else math.inf
        if not SLOWEST <= tempo <= FASTEST:
            self.absurd = (
                f"says {tempo:.5g} beats a minute; {SLOWEST:g} to {FASTEST:g} are followed"
            )
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

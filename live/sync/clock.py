"""Tempo and phase from one place: of all that state a tempo, the one that ranks highest leads.

What is set by hand (a knob, or the preset that plays) leads before another machine's clock, that
before what was tapped, and where nobody states a tempo the music is listened to. A clock that knows
where its beats are states that too; else the music tells.
"""

import math
import threading
from dataclasses import dataclass
from typing import Literal

from synth.analysis.beat import Lead
from synth.settings.knobs import FASTEST_GIVEN, SLOWEST_GIVEN

Rank = Literal["set by hand", "external", "tapped"]
RANKS: tuple[Rank, ...] = ("set by hand", "external", "tapped")
HAND, TAP = "set by hand", "tapped"  # who states the first and the last of them

_DRIFT = 0.0005  # seconds a second by which two clocks may drift apart
_STEP = 0.5  # seconds: a clock that is so far off was set, or the analysis began anew
_SAME = 0.002  # seconds by which a beat may be off before it is moved


@dataclass(frozen=True, slots=True)
class Tempo:
    """What somebody states."""

    bpm: float  # beats a minute, within what may be given
    beat_at: float | None = None  # monotonic seconds of any one beat; None where it is not known

    def __post_init__(self) -> None:
        if not SLOWEST_GIVEN <= self.bpm <= FASTEST_GIVEN:
            limits = f"{SLOWEST_GIVEN:g} to {FASTEST_GIVEN:g}"
            raise ValueError(f"a tempo of {self.bpm:g} beats a minute; {limits} are followed")
        if self.beat_at is not None and not math.isfinite(self.beat_at):
            raise ValueError(f"a beat at {self.beat_at} seconds; name a time")


class Clock:
    """Keeps what each states, for any thread."""

    def __init__(self) -> None:
        self._stated: dict[str, tuple[Rank, Tempo]] = {}
        self._lock = threading.Lock()

    def state(self, rank: Rank, who: str, tempo: Tempo | None) -> None:
        """Take in what somebody states; None where that is nothing any more.

        Of several of one rank, the one leads that was there first.
        """
        with self._lock:
            if tempo is None:
                self._stated.pop(who, None)
            else:
                self._stated[who] = (rank, tempo)

    @property
    def leader(self) -> str:
        """Who leads; empty where the music is listened to."""
        return self.leading[0]

    @property
    def tempo(self) -> Tempo | None:
        """What the leader states."""
        return self.leading[1]

    @property
    def leading(self) -> tuple[str, Tempo | None]:
        """Who leads, and what that one states."""
        with self._lock:
            leader = self._leader()
            return leader, self._stated[leader][1] if leader else None

    def _leader(self) -> str:
        ranked = ((RANKS.index(rank), who) for who, (rank, _) in self._stated.items())
        return min(ranked, key=lambda one: one[0], default=(0, ""))[1]


class Conductor:
    """Brings a leader's beats into the time of what is heard, hop by hop.

    Hops come late by chance and never early: the earliest of late tell how the two times lie.
    """

    def __init__(self) -> None:
        self._offset: float | None = None  # from monotonic seconds to those of what is heard
        self._last = 0.0

    def lead(
        self, tempo: Tempo | None, now: float, heard: float, before: Lead | None
    ) -> Lead | None:
        """What the analysis shall follow from the next hop on.

        `now` is monotonic, `heard` the end of the last hop, both in seconds. What it followed
        `before` stays as long as it is right within two milliseconds.
        """
        self._align(now, heard)
        if tempo is None or tempo.beat_at is None:
            return None
        assert self._offset is not None
        wanted = Lead(tempo.bpm, tempo.beat_at + self._offset)
        return before if before is not None and _alike(wanted, before, heard) else wanted

    def _align(self, now: float, heard: float) -> None:
        latest = heard - now
        slack = _DRIFT * max(0.0, now - self._last)
        self._last = now
        if self._offset is None or abs(latest - self._offset) > _STEP:
            self._offset = latest
        else:
            self._offset = max(latest, self._offset - slack)


def _alike(one: Lead, other: Lead, now: float) -> bool:
    """Whether two have their beats around a time in the same places."""
    if one.bpm != other.bpm:
        return False
    return (
        abs((one.next(now) - other.next(now) + one.period / 2) % one.period - one.period / 2)
        <= _SAME
    )

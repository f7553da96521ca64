"""When to open and close the input: a pure function of what is seen of it.

A device that is gone, a server that was killed and a stream that silently stalls look alike from
here: no samples come. The picture goes on meanwhile; the line is tried again for ever.
"""

from dataclasses import dataclass, replace
from enum import Enum

RETRIES = (0.0, 1.0, 2.0, 4.0, 8.0)  # seconds before each try; the last one repeats
STALLED = 1.5  # seconds without a sample after which a stream counts as dead
PROVEN = 2.0  # seconds of samples after which the retries begin anew


class Phase(Enum):
    """Where an input stands."""

    WAITING = "waiting"
    OPENING = "opening"
    OPEN = "open"


class Action(Enum):
    """What shall be done about it."""

    NONE = "none"
    OPEN = "open"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Line:
    """The input as it is known; times are monotonic seconds."""

    phase: Phase = Phase.WAITING
    tries: int = 0
    due: float = 0.0  # when to try next, while waiting
    since: float = 0.0  # when it was opened
    heard: float = 0.0  # when samples last came
    trouble: str = ""


def looked_at(line: Line, now: float, *, active: bool, newest: float) -> tuple[Line, Action]:
    """The line at `now`: `active` as the stream says of itself, `newest` its last samples' time."""
    if line.phase is Phase.WAITING and now >= line.due:
        return replace(line, phase=Phase.OPENING), Action.OPEN
    if line.phase is not Phase.OPEN:
        return line, Action.NONE
    heard = max(line.heard, newest)
    if not active:
        return _lost(line, now, "the input stopped"), Action.CLOSE
    if now - heard > STALLED:
        return _lost(line, now, f"no sound came for {STALLED:g} s"), Action.CLOSE
    proven = heard - line.since > PROVEN
    return replace(line, heard=heard, tries=0 if proven else line.tries, trouble=""), Action.NONE


def opened(line: Line, now: float) -> Line:
    """A try went well."""
    return replace(line, phase=Phase.OPEN, since=now, heard=now)


def refused(line: Line, now: float, trouble: str) -> Line:
    """A try failed."""
    return _lost(line, now, trouble)


def _lost(line: Line, now: float, trouble: str) -> Line:
    wait = RETRIES[min(line.tries, len(RETRIES) - 1)]
    return Line(Phase.WAITING, line.tries + 1, now + wait, trouble=trouble)

"""How a show ends: by Escape, a signal, its time, the window, or the end of the song."""

import time

from synth.session import BLACKOUT

FADE = BLACKOUT  # seconds of the last fade
_TWICE = 1.0  # seconds within which a second Escape ends at once
_HURRIED = 1.0  # seconds that all has to end, once whoever plays is in a hurry


class Ending:
    """Whether a show ends, by what, and in what hurry."""

    def __init__(self) -> None:
        self.why = ""  # empty while it plays
        self.is_hurried = False  # whether nothing is waited for any more
        self._began: float | None = None  # when the last fade did
        self._signalled = False
        self._latest = 0.0  # when all is over, once whoever plays is in a hurry

    @property
    def is_fading(self) -> bool:
        """Whether the last fade has begun."""
        return self._began is not None

    def fade(self, now: float, why: str) -> None:
        """Begin the last fade; a second time is nothing."""
        if self._began is None:
            self._began = now
            self.stop(why)

    def escape(self, now: float) -> None:
        """Once fades out, twice ends; after a second Escape begins to mean the first again."""
        if self._began is not None and now - self._began < _TWICE:
            self.is_hurried = True
        else:
            self._began, self.why = now, "Escape"

    def signal(self) -> None:
        """By Ctrl-C or a signal: once ends in good order, twice at once."""
        self.is_hurried = self._signalled
        self._signalled = True
        self.stop("Ctrl-C or a signal")

    def stop(self, why: str) -> None:
        """Say what ends it; what was said first holds."""
        self.why = self.why or why

    def is_due(self, now: float) -> bool:
        """Whether the show plays no further."""
        faded = self._began is not None and now - self._began > FADE
        return self.is_hurried or self._signalled or faded

    def latest(self, patient: float) -> float:
        """Until when something may take its time that may take until `patient`."""
        if not self.is_hurried:
            return patient
        self._latest = self._latest or time.monotonic() + _HURRIED
        return min(patient, self._latest)

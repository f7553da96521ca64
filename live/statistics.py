"""What is counted and measured of a show, in numbers whose size does not depend on its length."""

import math
from collections import deque
from typing import Any

import numpy as np

from .engine.handoff import Frame

_SHORTEST, _LONGEST = 1e-5, 1e4  # seconds
_BINS_PER_E = 100  # one per cent from bin to bin
_BINS = int(math.log(_LONGEST / _SHORTEST) * _BINS_PER_E) + 1
_LATE = 0.1  # seconds


class Durations:
    """Any number of durations as a histogram of bins that are one per cent wide."""

    def __init__(self) -> None:
        self._bins = np.zeros(_BINS, np.int64)
        self.longest = 0.0  # seconds
        self.count = 0

    def add(self, seconds: float) -> None:
        """Take in one duration; a negative one counts as none at all."""
        bounded = min(max(seconds, _SHORTEST), _LONGEST)
        self._bins[int(math.log(bounded / _SHORTEST) * _BINS_PER_E)] += 1
        self.longest = max(self.longest, seconds)
        self.count += 1

    def percentiles(self, *shares: float) -> dict[str, float]:
        """Milliseconds as `p50`, `p99.9` and so on; 0 where nothing was taken in."""
        return {f"p{share:g}": self._percentile(share) for share in shares}

    def _percentile(self, share: float) -> float:
        if not self.count:
            return 0.0
        place = int(np.searchsorted(self._bins.cumsum(), self.count * share / 100))
        seconds = _SHORTEST * math.exp((place + 0.5) / _BINS_PER_E)
        return round(1000 * min(seconds, self.longest), 2)


class Statistics:
    """Of the pictures that came and the drawings of the screen; times are monotonic seconds."""

    def __init__(self, now: float) -> None:
        self.begun = now  # the show
        self.drawn_at = now  # the screen, last
        self.onset_seen = 0.0  # when the last one came to the screen
        self._shown, self._onsets, self._late = 0, 0, 0
        self._latency, self._screen, self._pictures = Durations(), Durations(), Durations()
        self._stages = {stage: Durations() for stage in ("wait", "draw", "show")}
        self._lately: deque[float] = deque(maxlen=60)  # latencies
        self._draws: deque[float] = deque(maxlen=120)
        self._arrivals: deque[float] = deque(maxlen=60)

    def begin(self, now: float) -> None:
        """The show begins."""
        self.begun = self.drawn_at = now

    def arrived(self, now: float, *, frozen: bool) -> None:
        """A picture is the screen's from now on."""
        if self._arrivals and not frozen:
            self._pictures.add(now - self._arrivals[-1])
        self._arrivals.append(now)

    def began_to_draw(self, now: float) -> float:
        """The screen is drawn; returns the seconds since it was last."""
        since = now - self._draws[-1] if self._draws else 0.0
        self._draws.append(now)
        return since

    def drawn(self, now: float, *, shown: bool) -> None:
        """The screen was drawn in a round that began `now`."""
        self._screen.add(now - self.drawn_at)
        self.drawn_at = now
        self._shown += shown

    def seen(self, frame: Frame, now: float) -> float:
        """A picture was shown for the first time; returns the seconds since its sound came."""
        self._onsets += frame.onsets
        if frame.onsets:
            self.onset_seen = now
        latency = now - frame.captured
        self._lately.append(latency)
        self._latency.add(latency)
        self._late += latency > _LATE
        self._stages["wait"].add(frame.begun - frame.captured)
        self._stages["draw"].add(frame.done - frame.begun)
        self._stages["show"].add(now - frame.done)
        return latency

    @property
    def latency(self) -> float:
        """Milliseconds from sound in hand to picture on screen, of late."""
        return 1000 * float(np.median(self._lately or [0.0]))

    def picture_rate(self, now: float) -> float:
        """Pictures that came in the last second."""
        return _rate(self._arrivals, now)

    def drawing_rate(self, now: float) -> float:
        """Drawings of the screen in the last second."""
        return _rate(self._draws, now)

    def values(self) -> dict[str, Any]:
        """Those of a report, by its names."""
        return {
            "frames_shown": self._shown,
            "onsets_shown": self._onsets,
            "frames_late": self._late,
            "latency_ms": self._latency.percentiles(50, 95, 99),
            "stages_ms": {
                name: spans.percentiles(50, 95, 99) for name, spans in self._stages.items()
            },
            "screen_ms": _with_longest(self._screen),
            "pictures_ms": _with_longest(self._pictures),
        }


def _with_longest(spans: Durations) -> dict[str, float]:
    return spans.percentiles(50, 99, 99.9) | {"longest": round(1000 * spans.longest, 2)}


def _rate(moments: deque[float], now: float) -> float:
    recent = [m for m in moments if now - m < 1.0]
    return float(len(recent))

"""A beat that is known before it sounds: tempo from autocorrelation, phase from a pulse comb.

Four times a second the novelty of the last seconds is compared with itself: the tempo is the lag
whose first multiples agree best, with a preference for what people tap (Dirk Moelants, "Preferred
tempo reconsidered", 2002). Between two tempi an octave apart the sound without hats decides. The
phase is that of the pulse train which the last beats fit best; the next beat follows from it and is
corrected gently. A break without drums is counted through at the old tempo.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from ..settings.knobs import FASTEST_GIVEN, SLOWEST_GIVEN, Hear
from .envelope import RunningPeak

SLOWEST, FASTEST = 62.0, 195.0  # beats a minute

_MEMORY = 8.0  # seconds
_WARM_UP = 2.0  # seconds before the first guess
_EVERY = 0.25  # seconds between two looks
_TAPPED = 118.0  # beats a minute that most people would tap, and
_TAPPED_SPREAD = 0.75  # how far from it they stray, in octaves
_MULTIPLES = 4  # of the lag that must agree
_LOYALTY = 0.25  # advantage of the tempo that is already followed
_OCTAVES = {"as heard": 1.0, "half": 0.5, "double": 2.0}  # of knob hear.octave
_PULSES = 8  # beats that decide the phase,
_FADING = 0.85  # each counting so much less than the next younger one
_BOTH = 0.84  # share of a slow tempo's agreement from which on the fast one is meant
_NEWEST = 0.2  # of the newest look in the averaged share
_KEPT = 0.01  # how much that share leans to the octave that is followed
_FAITH = 0.2  # agreement below which nothing is heard that could be followed
_PRESENT = 0.35  # share of the usual novelty below which a break is counted through
_USUAL_FOR = 60.0  # seconds until the usual novelty is forgotten
_LATELY = 2.0  # seconds that are compared with the usual
_AFTER_BREAK = 6.0  # seconds in which the old tempo is trusted after a break
_SAME = 0.04  # relative change up to which it is the same tempo, drifting
_NEAR = 0.15  # of a beat: a phase error that is corrected, not jumped
_PATIENCE = 4  # looks that must disagree before the phase jumps


@dataclass(frozen=True, slots=True)
class Pulse:
    """The beat as it is known at one hop; unless more is said, it is not."""

    beat: bool = False  # one fell into this hop
    phase: float = 0.0  # 0..1 from beat to beat
    next_beat: float = 0.0  # seconds, when the next one is expected; 0 while unknown
    bpm: float = 0.0  # 0 while unknown
    beat_in_bar: int = 0  # of the last beat, from 1; 0 while unknown
    beats_per_bar: int = 0  # 0 while unknown
    confidence: float = 0.0  # 0..1, how likely it is that the next beat is right


@dataclass(frozen=True, slots=True)
class Lead:
    """Beats that another clock states, in the time of what is heard."""

    bpm: float  # beats a minute, more than 0
    beat_at: float  # seconds of any one beat

    @property
    def period(self) -> float:
        """Seconds from beat to beat."""
        return 60 / self.bpm

    def next(self, now: float) -> float:
        """When the first beat after a time falls, in seconds."""
        beats = math.floor((now - self.beat_at) / self.period) + 1
        return self.beat_at + beats * self.period


class Count:
    """Beats counted on from one that is known, at a period that is."""

    def __init__(self) -> None:
        self.period = 0.0  # seconds; 0 while unknown
        self.next = 0.0  # seconds
        self._sounded = -1.0  # seconds, the hop of the last beat

    def at(self, now: float) -> Pulse:
        """The beat at the next hop."""
        if not self.period:
            return Pulse()
        beat = now >= self.next
        if beat:
            self._sounded = now
        while now >= self.next:
            self.next += self.period
        phase = 1 - (self.next - now) / self.period
        return Pulse(beat, min(max(phase, 0.0), 1.0 - 1e-9), self.next, 60 / self.period)

    def expect(self, beat: float) -> None:
        """Have the next beat then, or one later where that is too soon after the last."""
        self.next = beat
        if beat - self._sounded < self.period / 2:
            self.next += self.period

    def taken_over(self, told: Pulse, now: float) -> Pulse:
        """A beat that others tell, unless one fell less than half a period ago."""
        self.period = 60 / told.bpm
        beat = told.beat and now - self._sounded >= self.period / 2
        if beat:
            self._sounded = now
        self.expect(told.next_beat)
        return replace(told, beat=beat, next_beat=self.next)

    def follow(self, lead: Lead, before: float) -> None:
        """Have the next beat where the lead has its first one after the hop `before`.

        One that is moved back by little, just after it fell, does not fall again.
        """
        self.period = lead.period
        self.expect(lead.next(before))


class Follower:
    """Tells heard beats, or those of another clock while it leads, and none of both twice."""

    def __init__(self, dt: float) -> None:
        self._dt, self._hops = dt, 0
        self._count = Count()

    def step(self, heard: Pulse, lead: Lead | None) -> Pulse:
        """The beat at the next hop; what a lead left behind counts on until a beat is heard."""
        self._hops += 1
        now = self._hops * self._dt
        if lead is not None:
            self._count.follow(lead, now - self._dt)
            return replace(self._count.at(now), confidence=1.0)
        if not heard.bpm:
            return self._count.at(now)
        return self._count.taken_over(heard, now)


class BeatTracker:
    """Follows novelty hop by hop; `delay` is how many seconds novelty trails the sound."""

    def __init__(self, dt: float, *, delay: float) -> None:
        self._dt, self._delay = dt, delay
        length = round(_MEMORY / dt)
        self._novelty, self._body = np.zeros(length), np.zeros(length)
        self._hops = 0
        self._look_every = max(1, round(_EVERY / dt))
        self._candidates = np.exp(np.arange(np.log(SLOWEST), np.log(FASTEST), 0.01))
        off = np.log2(self._candidates / _TAPPED) / _TAPPED_SPREAD
        self._preference = np.exp(-0.5 * off**2)
        self._count = Count()  # by novelty's clock
        self._doubts = 0
        self._lean, self._slow = 0.0, 1.0  # see _leant
        self._knobs = Hear()
        self._break_ended = -_AFTER_BREAK
        self._usual = RunningPeak(release=_USUAL_FOR)

    def step(self, novelty: float, body: float, knobs: Hear, lead: Lead | None = None) -> Pulse:
        """Take in one hop's novelty, over all bands and without the hats.

        While there is a `lead`, its beats are followed, whatever is heard.
        """
        self._knobs = knobs
        place = self._hops % len(self._novelty)
        self._novelty[place], self._body[place] = novelty + body, body
        self._hops += 1
        now = self._hops * self._dt
        if lead is not None:
            self._count.follow(lead, now - self._dt)
            self._doubts = 0
            return replace(self._count.at(now), confidence=1.0)
        if now >= _WARM_UP and self._hops % self._look_every == 0:
            self._look(now)
        return self._count.at(now)

    def _look(self, now: float) -> None:
        """Compare the last seconds with themselves and correct tempo and phase."""
        past = self._past(self._novelty)
        lately = float(past[-round(_LATELY / self._dt) :].mean())
        if lately < _PRESENT * self._usual.update(lately, _EVERY, floor=1e-6):
            self._break_ended = now
            return
        if self._knobs.bpm > 0:  # nothing that is given may ask for hours of pulses
            self._follow_tempo(min(max(self._knobs.bpm, SLOWEST_GIVEN), FASTEST_GIVEN))
        elif not self._count.period or now - self._break_ended > _AFTER_BREAK:
            self._look_for_tempo(past)
        if self._count.period:
            self._follow_phase(self._expected(now))

    def _look_for_tempo(self, past: np.ndarray) -> None:
        agreement = autocorrelation(past)
        heard = self._tempo(agreement)
        if heard is not None:
            body = autocorrelation(self._past(self._body))
            tempo = self._refined(agreement, self._octave(body, heard))
            self._follow_tempo(tempo * _OCTAVES[self._knobs.octave])

    def _past(self, ring: np.ndarray) -> np.ndarray:
        """What the ring holds, oldest first."""
        if self._hops < len(ring):
            return ring[: self._hops]
        return np.roll(ring, -(self._hops % len(ring)))

    def _tempo(self, agreement: np.ndarray) -> float | None:
        """Beats a minute of the best candidate; None when nothing repeats."""
        scores = self._agreement_at(agreement, self._candidates)
        if scores.max() < _FAITH:
            return None
        scores = scores * self._preference
        if self._count.period:
            followed = self._count.period * _OCTAVES[self._knobs.octave]
            off = np.log(self._candidates * followed / 60) / 0.03
            scores = scores * (1 + _LOYALTY * np.exp(-0.5 * off**2))
        return float(self._candidates[scores.argmax()])

    def _octave(self, body: np.ndarray, tempo: float) -> float:
        """Double the tempo where half beats sound like beats without their hats, else halve it."""
        slow = tempo if 2 * tempo <= FASTEST else tempo / 2
        if slow < SLOWEST:
            return tempo
        at_slow, at_fast = self._agreement_at(body, np.array([slow, 2 * slow]))
        if at_slow <= 0:
            return tempo
        return 2 * slow if self._leant(slow, at_fast / at_slow) > self._needed(slow) else slow

    def _leant(self, slow: float, share: float) -> float:
        """The fast tempo's share of the slow one's agreement, averaged over the last looks."""
        same = abs(self._slow / slow - 1) < _SAME
        self._lean += (_NEWEST if same else 1.0) * (share - self._lean)
        self._slow = slow
        return self._lean

    def _needed(self, slow: float) -> float:
        """Share of the slow tempo's agreement that the fast one needs; a choice made is kept."""
        if not self._count.period:
            return _BOTH
        followed = 60 / self._count.period / _OCTAVES[self._knobs.octave]
        return _BOTH + (_KEPT if followed < 1.4 * slow else -_KEPT)

    def _refined(self, agreement: np.ndarray, tempo: float) -> float:
        """The tempo to a fraction of a percent: many multiples of the lag tell small errors."""
        near = tempo * np.exp(np.linspace(-0.015, 0.015, 61))
        multiples = max(_MULTIPLES, int(0.8 * len(agreement) * self._dt * tempo / 60))
        return float(near[self._agreement_at(agreement, near, multiples).argmax()])

    def _agreement_at(
        self, agreement: np.ndarray, tempi: np.ndarray, multiples: int = _MULTIPLES
    ) -> np.ndarray:
        """Mean autocorrelation at the first multiples of each tempo's lag that fit."""
        lags = np.arange(1, multiples + 1)[:, None] * (60 / tempi / self._dt)
        fit = lags < 0.85 * len(agreement)
        values = np.interp(lags, np.arange(len(agreement)), agreement) * fit
        mean: np.ndarray = values.sum(0) / np.maximum(1, fit.sum(0))
        return mean

    def _follow_tempo(self, tempo: float) -> None:
        period = 60 / tempo
        if self._count.period and abs(period / self._count.period - 1) < _SAME:
            self._count.period += 0.5 * (period - self._count.period)
        else:
            self._count.period, self._count.next = period, 0.0

    def _expected(self, now: float) -> float:
        """When the next beat is due, from the pulse train that the last beats fit best."""
        past = np.convolve(self._past(self._novelty), [0.25, 0.5, 0.25], "same")
        lag = self._count.period / self._dt
        pulses = np.arange(min(_PULSES, max(2, int(len(past) / lag) - 1)))
        places = len(past) - 1 - np.arange(int(lag))[:, None] - pulses * lag
        score = np.interp(places, np.arange(len(past)), past) @ _FADING**pulses
        best = int(score.argmax())
        left, peak, right = score[best - 1], score[best], score[(best + 1) % len(score)]
        curve = left - 2 * peak + right
        offset = 0.0 if curve >= 0 else float(np.clip((left - right) / (2 * curve), -0.5, 0.5))
        last = now - self._delay - (best + offset) * self._dt
        return last + self._count.period * float(np.ceil((now - last) / self._count.period))

    def _follow_phase(self, expected: float) -> None:
        if not self._count.next:
            self._count.expect(expected)
            self._doubts = 0
            return
        half = self._count.period / 2
        error = (expected - self._count.next + half) % self._count.period - half
        if abs(error) < _NEAR * self._count.period:
            self._count.next += 0.4 * error
            self._doubts = 0
            return
        self._doubts += 1
        if self._doubts >= _PATIENCE:
            self._count.expect(expected)
            self._doubts = 0


def autocorrelation(values: np.ndarray) -> np.ndarray:
    """Of values (n,) around their mean, for lags 0..n-1, without bias; 1 at lag 0."""
    size = len(values)
    spectrum = np.fft.rfft(values - values.mean(), 2 * size)
    raw = np.fft.irfft(np.abs(spectrum) ** 2)[:size]
    unbiased: np.ndarray = raw * size / np.arange(size, 0, -1) / max(float(raw[0]), 1e-12)
    return unbiased

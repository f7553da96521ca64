"""Beats, tempo and bar from a network's activations, known before they sound: a bar pointer.

A pointer runs through the bar at a tempo that may change when a beat has passed (Nick Whiteley,
Ali Taylan Cemgil and Simon Godsill, "Bayesian modelling of temporal structure in musical audio",
2006). Every place in a beat is a state an exact hop long, so that all but the beats themselves is
counting (Florian Krebs, Sebastian Böck and Gerhard Widmer, "An efficient state space model for
joint tempo and meter tracking", 2015), and a second activation tells the first beats of bars
(Sebastian Böck, Florian Krebs and Gerhard Widmer, "Joint beat and downbeat tracking with recurrent
neural networks", 2016). Only the forward pass is made: what is told rests on the past alone.

A state is which beat of which meter comes next, in how many hops, at which tempo. Tempi lie on a
logarithmic scale; a beat that does not last whole hops is begun in two states at once. States are
kept by the hops that they have left, in a window that slides over a longer array: a hop costs no
copying. Where nothing is heard that could be a beat, the states only count.
"""

import math

import numpy as np
from numpy.typing import NDArray

from .beat import Pulse
from .envelope import RunningPeak

SLOWEST, FASTEST = 55.0, 215.0  # beats a minute
METERS = (3, 4)  # beats a bar

_TEMPI = 71
_STEADY = 100.0  # how unlikely a change of tempo is: e**-(this times the relative change)
_ANY_TEMPO = 0.002  # of each beat's mass goes to any tempo at all
_ANYWHERE = 1e-4  # of all mass goes anywhere in a second
_LEAK_EVERY = 16  # hops
_OTHER_METER = 0.002  # of bars end in another meter

_SHAPE = (0.5, 1.0, 1.0, 0.5)  # how much a beat's hops count, in the order in which they are left
_MIDDLE = 1.6  # place in the shape where the beat is
_USUAL = 0.04  # activation that tells nothing: its mean in music
_WEIGHT = 0.25  # of a hop's evidence; neighbouring hops say much the same
_LEAST, _MOST = 0.01, 0.95  # activations beyond are taken for these
_FIRSTS = 0.27  # share of first beats among beats
_BAR_WEIGHT = 1.0  # of a hop's evidence for the bar

_AUDIBLE = 0.08  # peak of recent activations from which on a beat could be heard,
_CLEAR = 0.3  # and from which on all that is heard counts
_LATELY = 1.0  # seconds until that peak is forgotten

_SAME_TEMPO = 0.08  # relative distance of tempi that support one another
_NEAR = 0.07  # seconds of one beat that support one another
_TOLD = 0.25  # mass near one beat and tempo from which on the first beat is told
_KEPT = 0.6  # share of the best's mass below which what is told is doubted,
_GONE = 0.1  # and below which it is left at once
_PATIENCE = 0.6  # of a beat of doubt, after which it is left too
_PULL = 0.3  # of the distance to the expected beat that is corrected in a hop
_REST = 0.5  # of a beat after one in which no other is told
_DRIFT = 0.1  # of the distance to the expected period that is corrected in a hop
_BAR_KNOWN, _BAR_LOST = 0.8, 0.4  # mass of the best beat of a bar, and of the one that follows
_LET_GO = 0.5  # of all mass goes anywhere when a given tempo is given no longer
_PINNED = 0.03  # standard deviation around a given tempo, relative

Array = NDArray[np.float32]


class States:
    """The probability of every state, filtered hop by hop."""

    def __init__(self, dt: float) -> None:
        self.periods = np.geomspace(60 / FASTEST / dt, 60 / SLOWEST / dt, _TEMPI)  # hops
        self.classes = [(meter, beat) for meter in METERS for beat in range(meter)]
        self.rows = math.ceil(self.periods[-1]) + 1
        self._steady = _tempo_changes(self.periods)
        self._changes = self._steady
        self._succession = _succession(self.classes)
        self._first = np.array([[beat == 0] for _, beat in self.classes])[:, None]
        self._shape = np.array(_SHAPE)[None, :, None]
        self._whole = np.floor(self.periods).astype(int)
        self._rest = (self.periods - self._whole).astype(np.float32)
        self._tempi = np.arange(_TEMPI)
        left = np.arange(self.rows)[:, None]
        anywhere = np.clip(self.periods - left, 0, 1).astype(np.float32)
        self._anywhere: Array = anywhere / (anywhere.sum() * len(self.classes))
        self._leak = _ANYWHERE * _LEAK_EVERY * dt
        self._store = np.zeros((len(self.classes), 8 * self.rows, _TEMPI), np.float32)
        self._top = 0
        self._hops = 0
        self._mass[:] = self._anywhere

    @property
    def _mass(self) -> Array:
        """Of states by (beat of the bar, hops left, tempo)."""
        return self._store[:, self._top : self._top + self.rows]

    def pin(self, bpm: float, dt: float) -> None:
        """Let beats begin only at tempi near a given one; 0 lets them go."""
        self._changes = self._steady
        if bpm > 0:
            off = np.log(self.periods * dt * bpm / 60) / _PINNED
            near = self._steady * np.exp(-0.5 * np.minimum(off**2, 60)).astype(np.float32)
            self._changes = near / near.sum(1, keepdims=True)
        else:  # no other tempo has any mass left
            self._mass[:] = (1 - _LET_GO) * self._mass + _LET_GO * self._anywhere

    def step(self, beat: float, downbeat: float, trust: float) -> Array:
        """Count a hop and take in its activations; the mass (hops left, tempo) of all bars' beats.

        `trust` 0..1 is how much is heard at all; at 0 states only count.
        """
        self._count(trust)
        mass = self._mass
        if trust > 0:
            mass[:, : len(_SHAPE)] *= self._evidence(beat, downbeat, trust)
            if self._hops % _LEAK_EVERY == 0:
                mass += self._leak * self._anywhere
        total: Array = mass.sum(0)
        scale = np.float32(1 / total.sum())
        mass *= scale
        total *= scale
        return total

    def bar(self) -> Array:
        """Mass of each class, which beat of which meter comes next."""
        whole: Array = self._mass.sum((1, 2))
        return whole

    def _count(self, trust: float) -> None:
        """One hop less is left to all; those with none left begin a beat."""
        self._hops += 1
        ended = self._succession @ self._mass[:, 0]
        if trust > 0:
            ended = ended @ self._changes
        if self._top + 2 * self.rows >= self._store.shape[1]:
            self._store[:, : self.rows] = self._mass
            self._store[:, self.rows :] = 0
            self._top = 0
        self._top += 1
        later = ended * self._rest
        mass = self._mass
        mass[:, self._whole - 1, self._tempi] += ended - later
        mass[:, self._whole, self._tempi] += later

    def _evidence(self, beat: float, downbeat: float, trust: float) -> Array:
        """Likelihoods against those of no beat, (beat of the bar, hops left, 1)."""
        heard = min(max(beat, _LEAST), _MOST)
        odds = math.log(heard / (1 - heard)) - math.log(_USUAL / (1 - _USUAL))
        share = min(max(downbeat / max(beat, downbeat, 1e-6), 0.03), 0.97)
        told = _BAR_WEIGHT * max(beat, downbeat)
        first, other = math.log(share / _FIRSTS), math.log((1 - share) / (1 - _FIRSTS))
        bar = np.where(self._first, told * first, told * other)
        evidence: Array = np.exp(trust * self._shape * (_WEIGHT * odds + bar)).astype(np.float32)
        return evidence


class BarPointer:
    """Follows activations hop by hop; `delay` is how many seconds they trail the sound."""

    def __init__(self, dt: float, *, delay: float) -> None:
        self._dt, self._delay = dt, delay
        self._states = States(dt)
        self._left = np.arange(self._states.rows) - _MIDDLE  # hops to the beat of each row
        log = np.log(self._states.periods)
        self._log = log.astype(np.float32)
        off = np.abs(log[:, None] - log) < _SAME_TEMPO
        self._same: Array = off.astype(np.float32)
        self._box = np.ones(2 * round(_NEAR / dt) + 1, np.float32)
        self._peak = RunningPeak(release=_LATELY, start=1.0)
        self._hops = 0
        self._bpm, self._given = 0.0, 0.0  # tempo that is given, and its period in hops
        self._tempo = 0  # index of the tempo that is followed
        self._period = 0.0  # hops; 0 while unknown
        self._next = 0.0  # hops of the sound's clock
        self._last = -math.inf  # hops, the last beat that was told
        self._doubts = 0  # hops since when more speaks for another tempo or place
        self._confidence = 0.0
        self._place = (0, 0)  # beats a bar, beat in the bar

    def step(self, beat: float, downbeat: float, bpm: float = 0.0) -> Pulse:
        """Take in one hop's activations; only tempi near `bpm` are followed, 0 leaves it open.

        A given tempo outside of the range is followed at its nearest octave within.
        """
        self._hops += 1
        beat, downbeat = _clean(beat), _clean(downbeat)
        if bpm != self._bpm:
            self._bpm, within = bpm, _within(bpm)
            self._given = 60 / within / self._dt if within else 0.0
            self._states.pin(within, self._dt)
        peak = self._peak.update(max(beat, downbeat), self._dt)
        trust = min(max((peak - _AUDIBLE) / (_CLEAR - _AUDIBLE), 0.0), 1.0)
        self._follow(self._states.step(beat, downbeat, trust), trust)
        return self._reading() if self._period else Pulse()

    def _reading(self) -> Pulse:
        beat = self._hops >= self._next
        if beat:
            self._last = self._next
            self._next += self._period
            self._tell_bar()
        meter, place = self._place
        phase = 1 - (self._next - self._hops) / self._period
        return Pulse(
            beat=beat,
            phase=min(max(phase, 0.0), 1.0 - 1e-9),
            next_beat=self._next * self._dt,
            bpm=60 / (self._period * self._dt),
            beat_in_bar=place,
            beats_per_bar=meter,
            confidence=min(self._confidence, 1.0),
        )

    def _tell_bar(self) -> None:
        mass = self._states.bar()
        best = int(mass.argmax())
        meter, place = self._states.classes[best]
        before = self._place
        follows = before[0] == meter and before[1] % meter == place
        known = mass[best] >= (_BAR_LOST if follows else _BAR_KNOWN)
        self._place = (meter, place + 1) if known else (0, 0)

    def _follow(self, mass: Array, trust: float) -> None:
        """Correct tempo and next beat by the mass of states (hops left, tempo), as far as heard."""
        tempi = mass.sum(0)
        support = self._same @ tempi
        best = int(support.argmax())
        if not self._period:
            self._begin(mass, tempi, best)
            return
        arrivals = mass @ self._same[self._tempo]
        around, offset = self._around(arrivals)
        elsewhere = np.convolve(mass @ self._same[best], self._box, "same")
        if trust > 0 and self._left_for(float(elsewhere.max()), around):
            self._leap(mass, tempi, best)
            return
        self._confidence = around
        expected = self._expected(tempi)
        self._tempo = int(np.abs(self._log - math.log(expected)).argmin())
        sure = around * trust
        self._period += (1.0 if self._given else _DRIFT * sure) * (expected - self._period)
        self._next = self._rested(self._next + _PULL * sure * offset)

    def _left_for(self, other: float, told: float) -> bool:
        """Whether what is told is given up for something else, by the mass of both.

        A beat that is between others looks better right after it was heard: hence the patience.
        """
        self._doubts = self._doubts + 1 if told < _KEPT * other else 0
        if self._hops - self._last > (2 - _REST) * self._period:
            return False
        return told < _GONE * other or self._doubts > _PATIENCE * self._period

    def _begin(self, mass: Array, tempi: Array, tempo: int) -> None:
        """Tell the first beat once enough mass agrees on one."""
        arrivals = np.convolve(mass @ self._same[tempo], self._box, "same")
        if arrivals.max() >= _TOLD:
            self._leap(mass, tempi, tempo)

    def _leap(self, mass: Array, tempi: Array, tempo: int) -> None:
        """Follow another tempo, or another place, where most of its mass arrives."""
        self._tempo, self._doubts = tempo, 0
        self._period = self._expected(tempi)
        arrivals = mass @ self._same[tempo]
        best = int(np.convolve(arrivals, self._box, "same").argmax())
        self._next = self._rested(self._arrival(arrivals, best))
        self._confidence, _ = self._around(arrivals)

    def _expected(self, tempi: Array) -> float:
        """The given period in hops, else the mean of the tempi near the one that is followed."""
        if self._given:
            return self._given
        weights = tempi * self._same[self._tempo]
        return math.exp(float(weights @ self._log) / max(float(weights.sum()), 1e-12))

    def _arrival(self, arrivals: Array, row: int) -> float:
        """When the mass around a row arrives, in hops of the sound's clock, the first ahead."""
        rows = slice(max(0, row - len(self._box) // 2), row + len(self._box) // 2 + 1)
        mass = arrivals[rows]
        left = float(mass @ self._left[rows]) / max(float(mass.sum()), 1e-12)
        arrives = self._hops - self._delay / self._dt + left
        return arrives + self._period * max(0, math.ceil((self._hops - arrives) / self._period))

    def _around(self, arrivals: Array) -> tuple[float, float]:
        """Mass that arrives near the next beat, and how many hops later than it."""
        off = self._left + (self._hops - self._delay / self._dt - self._next)
        off -= self._period * np.round(off / self._period)
        mass = arrivals * (np.abs(off) <= _NEAR / self._dt)
        whole = float(mass.sum())
        return whole, float(mass @ off) / max(whole, 1e-12)

    def _rested(self, beat: float) -> float:
        """The first beat in phase with one that is ahead, and far enough from the last one told."""
        beat -= self._period * max(0, math.ceil((beat - self._hops) / self._period) - 1)
        while beat - self._last < _REST * self._period:
            beat += self._period
        return beat


def _tempo_changes(periods: NDArray[np.float64]) -> Array:
    """Probability of each period (column) after each (row), at a beat."""
    change = np.exp(-_STEADY * np.abs(periods / periods[:, None] - 1))
    change /= change.sum(1, keepdims=True)
    return ((1 - _ANY_TEMPO) * change + _ANY_TEMPO / len(periods)).astype(np.float32)


def _succession(classes: list[tuple[int, int]]) -> Array:
    """Probability of each beat of a bar (row) after each (column)."""
    matrix = np.zeros((len(classes), len(classes)), np.float32)
    for column, (meter, beat) in enumerate(classes):
        if beat + 1 < meter:
            matrix[classes.index((meter, beat + 1)), column] = 1
            continue
        for other in METERS:
            stays = 1 - _OTHER_METER if other == meter else _OTHER_METER / (len(METERS) - 1)
            matrix[classes.index((other, 0)), column] = stays
    return matrix


def _clean(activation: float) -> float:
    """Within 0..1; what is no number is nothing."""
    return min(max(float(activation), 0.0), 1.0) if math.isfinite(activation) else 0.0


def _within(bpm: float) -> float:
    """The given tempo or its nearest octave that can be followed; 0 for none."""
    if not (math.isfinite(bpm) and bpm > 0):
        return 0.0
    while bpm < SLOWEST:
        bpm *= 2
    while bpm > FASTEST:
        bpm /= 2
    return bpm

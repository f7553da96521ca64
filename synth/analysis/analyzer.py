"""What is heard in each hop, causally and independent of gain. The only user of aubio.

Every feature is normalised by what was heard in the last seconds, never by the whole song, so a
microphone and a file give the same numbers.
"""

import math
from dataclasses import dataclass, replace

import aubio
import numpy as np
from scipy import signal

from ..constants import HOP, RATE
from ..errors import UserError
from ..settings.knobs import Hear
from .beat import Lead
from .chroma import Clarity, LowerPitches, sharpened, upper_bank
from .classic import ClassicEar
from .ear import Ear, Sound, Told
from .envelope import RunningPeak
from .hum import Hum
from .learned import LearnedEar
from .onsets import BANDS, band_weights
from .sections import Sections

PITCH_CLASSES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")
SHORT_WINDOW = 1024  # samples; for flux, onsets and levels
LONG_WINDOW = 8192  # samples; wide enough to tell semitones apart from octave 2 upward

_SILENCE = 10 ** (-90 / 20)  # RMS under which a room counts as silent
_QUIET_VENUE = 10 ** (-55 / 20)  # RMS expected of the music before any was heard
_LISTENING_LEVEL = 0.1  # RMS to which the loudest recent passage is brought, -20 dBFS
_MEMORY = 20.0  # seconds until a loud passage is forgotten
_AS_HEARD = Hear()
_BANDS = {"bass": (25.0, 180.0), "mid": (180.0, 2500.0), "treble": (2500.0, 16000.0)}  # Hz


@dataclass(frozen=True, slots=True)
class Features:
    """One hop as heard."""

    time: float  # seconds from the first sample to the end of this hop
    chroma: np.ndarray  # (12,) 0..1, C first; all zero in silence
    flux: float  # 0..1, how much the spectrum grew, 1 = most in the last seconds
    onset: bool  # a note or drum began, told in the hop in which it is heard
    onset_time: float  # seconds, when the last onset began; 0 before the first
    beat: bool  # a beat fell into this hop
    beat_phase: float  # 0..1 from one beat to the next
    next_beat: float  # seconds, when the next beat is expected; 0 while unknown
    bpm: float  # beats a minute, 0 while unknown
    loudness: float  # 0..1, Stevens' loudness against the loudest of the last seconds
    rise: float  # 0..1, how fast loudness grew
    bass: float  # 0..1, 25 to 180 Hz
    mid: float  # 0..1, 180 to 2500 Hz
    treble: float  # 0..1, 2.5 to 16 kHz
    section: int  # counts up at each drop and break
    beat_in_bar: int = 0  # of the last beat, from 1; 0 while unknown
    beat_confidence: float = 0.0  # 0..1, how likely it is that the next beat is right
    kick: float = 0.0  # 0..1, how sure it is that the drum was struck just now; so are
    snare: float = 0.0  # snare drums and claps,
    hat: float = 0.0  # and hi-hats


class Analyzer:
    """Eats hops of (hop,) float32 samples in order and tells what was heard in each.

    Knows no file and no device. Anything that is no number counts as silence.
    """

    def __init__(self, rate: int = RATE, hop: int = HOP) -> None:
        self.rate, self.hop = rate, hop
        self.dt = hop / rate
        self.delay = SHORT_WINDOW / 2 / rate  # seconds by which features trail a click
        self._hops = 0
        self._level = _Level(rate, hop)
        self._spectrum = aubio.pvoc(SHORT_WINDOW, hop)
        self._chroma = _Chroma(rate, hop)
        self._flux = _Flux(self.dt)
        self._bands = _Bands(rate, self.dt)
        self._loudness = _Loudness(self.dt)
        self._onset_bank = aubio.filterbank(BANDS, SHORT_WINDOW)
        self._onset_bank.set_coeffs(band_weights(SHORT_WINDOW // 2 + 1, rate))
        self._sections = Sections(self.dt)
        self._onset_time = 0.0
        self.trouble = ""  # why the wanted ear does not hear, and the one before does
        self._way, self._since = "", 0.0  # of the ear, and the seconds at which it began
        self._refused = ""  # the way that cannot be had
        self._ear: Ear

    def hear(self, hop: np.ndarray, knobs: Hear = _AS_HEARD, lead: Lead | None = None) -> Features:
        """Features of the next hop; a shorter one, a file's last, is filled up with silence.

        While there is a `lead`, its beats stand in for those that are heard.
        """
        if hop.ndim != 1 or len(hop) > self.hop:
            raise ValueError(f"a hop of shape {hop.shape} was given; use ({self.hop},) or shorter")
        if len(hop) < self.hop:
            hop = np.pad(hop, (0, self.hop - len(hop)))
        self._hops += 1
        samples, gain, level = self._level(hop)
        spectrum = self._spectrum(samples)
        as_played = np.array(self._onset_bank(spectrum))
        loudness, rise = self._loudness(level)
        bass, mid, treble = self._bands(spectrum, gain)
        time = self._hops * self.dt
        told = self._told(Sound(samples, gain, level, as_played), knobs, lead)
        if told.onset:
            self._onset_time = max(0.0, time - self._ear.delay)
        pulse = told.pulse
        return Features(
            time=time,
            chroma=self._chroma(samples, gain) * min(1.0, level / 0.01),
            flux=self._flux(spectrum, gain),
            onset=told.onset,
            onset_time=self._onset_time,
            beat=pulse.beat,
            beat_phase=pulse.phase,
            next_beat=pulse.next_beat,
            bpm=pulse.bpm,
            loudness=loudness,
            rise=rise,
            bass=bass,
            mid=mid,
            treble=treble,
            section=self._sections.step(as_played * gain),
            beat_in_bar=pulse.beat_in_bar,
            beat_confidence=pulse.confidence,
            kick=told.kick,
            snare=told.snare,
            hat=told.hat,
        )

    def _told(self, sound: Sound, knobs: Hear, lead: Lead | None) -> Told:
        """What the ear of the wanted way tells; one that is new begins to listen at this hop."""
        if knobs.way == self._way:
            self._refused = self.trouble = ""
        elif knobs.way != self._refused:
            self._change(knobs.way)
        if not self._since:
            return self._ear.step(sound, knobs, lead)
        if lead is not None:
            lead = replace(lead, beat_at=lead.beat_at - self._since)
        told = self._ear.step(sound, knobs, lead)
        if not told.pulse.next_beat:
            return told
        later = replace(told.pulse, next_beat=told.pulse.next_beat + self._since)
        return replace(told, pulse=later)

    def prepare(self, way: str) -> None:
        """Have the ear of a way before the first hop; UserError where it cannot be had."""
        self._ear, self._way = self._ear_of(way), way

    def _change(self, way: str) -> None:
        """Listen with another ear from this hop on, or go on with this one and say why."""
        try:
            self._ear = self._ear_of(way)
        except UserError as error:
            if not self._way:
                raise
            self._refused, self.trouble = way, str(error)
            return
        self._way, self._since = way, (self._hops - 1) * self.dt

    def _ear_of(self, way: str) -> Ear:
        if way == "classic":
            return ClassicEar(self.dt, self.delay)
        return LearnedEar(self.rate, self.hop)


class _Level:
    """Removes rumble, DC and hum; tells the gain that brings the recent peak to one level."""

    def __init__(self, rate: int, hop: int) -> None:
        self._dt = hop / rate
        b0, b1, b2, _, a1, a2 = signal.butter(2, 20, "highpass", fs=rate, output="sos")[0]
        self._high_pass = aubio.digital_filter(3)
        self._high_pass.set_biquad(b0, b1, b2, a1, a2)
        self._hum = Hum(rate, hop)
        self._rest: float | None = None  # where the input rests: its first sample
        self._peak = RunningPeak(release=_MEMORY, start=_QUIET_VENUE)

    def __call__(self, hop: np.ndarray) -> tuple[np.ndarray, float, float]:
        """The clean hop, its gain to listening level, and its share 0..1 of the recent peak.

        Samples and spectra stay as played; the gain sets the floors of what is measured in them.
        A window must not hold two gains, nor a running peak remember the gains of first moments.
        """
        finite = np.where(np.isfinite(hop), hop, 0).clip(-8, 8).astype(np.float32)
        if self._rest is None:
            self._rest = float(finite[0])
        clean = self._hum.without(np.array(self._high_pass(finite - np.float32(self._rest))))
        nothing = _SILENCE + self._hum.residue
        rms = max(0.0, math.sqrt(float(clean @ clean) / len(clean)) - nothing)
        peak = self._peak.update(rms, self._dt, floor=_SILENCE)
        gain = _LISTENING_LEVEL / peak
        return (clean, gain, rms / peak) if rms else (np.zeros_like(clean), gain, 0.0)


class _Chroma:
    """Chroma over a long window, the strongest pitch class 1; anew every second hop."""

    def __init__(self, rate: int, hop: int) -> None:
        self._spectrum = aubio.pvoc(LONG_WINDOW, 2 * hop)
        self._upper = aubio.filterbank(12, LONG_WINDOW)
        self._upper.set_coeffs(upper_bank(LONG_WINDOW, rate))
        self._lower = LowerPitches(LONG_WINDOW, 2 * hop, rate)
        self._clarity = Clarity(2 * hop / rate)
        self._first_half: np.ndarray | None = None
        self._chroma = np.zeros(12)

    def __call__(self, samples: np.ndarray, gain: float) -> np.ndarray:
        if self._first_half is None:
            self._first_half = samples
            return self._chroma
        spectrum = self._spectrum(np.concatenate([self._first_half, samples]))
        self._first_half = None
        peaks, tonality = sharpened(spectrum.norm * gain)
        lower = self._lower.step(peaks, spectrum.phas)
        spectrum.norm[:] = peaks
        energy = self._clarity.step(lower + self._upper(spectrum), tonality)
        self._chroma = energy / max(float(energy.max()), 1e-6)
        return self._chroma


class _Flux:
    _FLOOR = 0.05  # of spectral flux at listening level

    def __init__(self, dt: float) -> None:
        self._dt = dt
        self._describe = aubio.specdesc("specflux", SHORT_WINDOW)
        self._peak = RunningPeak(release=8.0)

    def __call__(self, spectrum: aubio.cvec, gain: float) -> float:
        return self._peak.normalised(
            float(self._describe(spectrum)[0]), self._dt, floor=self._FLOOR / gain
        )


class _Bands:
    """Mean magnitude in three bands, each against its own recent peak."""

    _FLOOR = 0.01  # a band quieter than this at listening level is shown as empty

    def __init__(self, rate: int, dt: float) -> None:
        self._dt = dt
        frequency = np.arange(SHORT_WINDOW // 2 + 1) * rate / SHORT_WINDOW
        rows = [(frequency >= low) & (frequency < high) for low, high in _BANDS.values()]
        weights = np.stack([row / max(1, row.sum()) for row in rows])
        self._bank = aubio.filterbank(len(_BANDS), SHORT_WINDOW)
        self._bank.set_coeffs(weights.astype(np.float32))
        self._peaks = [RunningPeak(release=_MEMORY) for _ in _BANDS]

    def __call__(self, spectrum: aubio.cvec, gain: float) -> tuple[float, float, float]:
        levels = [float(v) for v in self._bank(spectrum)]
        bass, mid, treble = (
            peak.normalised(v, self._dt, floor=self._FLOOR / gain)
            for peak, v in zip(self._peaks, levels, strict=True)
        )
        return bass, mid, treble


class _Loudness:
    def __init__(self, dt: float) -> None:
        self._dt = dt
        self._before = 0.0
        self._peak = RunningPeak(release=8.0)

    def __call__(self, level: float) -> tuple[float, float]:
        loudness = level**0.6  # Stevens: loudness grows as the 0.6th power of pressure
        growth = max(0.0, loudness - self._before) / self._dt
        self._before = loudness
        return loudness, self._peak.normalised(growth, self._dt, floor=1.0)

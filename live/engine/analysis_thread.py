"""Samples to moments, in a thread of its own: every hop is heard, in order, once."""

import math
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from synth.audio_file import Hopper
from synth.constants import HOP, RATE
from synth.engine import Engine
from synth.latents.latent import Embed, Latent
from synth.session import Event

from ..audio.ring_buffer import Ring
from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker
from .handoff import Moment, Moments

_FADING = math.exp(-HOP / RATE / 0.08)  # of drums in a hop

PART = "analysis"  # what its faults go by
_SILENCE_AFTER = 0.25  # seconds without samples after which silence is heard instead
_WAIT = 0.05  # seconds
_QUIETEST = 1e-5  # of the level that is told
_REST = 9  # hops that are not tried after the second failure in a row: beginning anew costs time


class Source(Protocol):
    """Where sound comes from: a microphone or a song."""

    name: str
    ring: Ring  # a new one when the source was opened anew
    overflows: int
    start_at: float | None  # seconds of the song at its first sample; None when it is no song

    @property
    def trouble(self) -> str:
        """What is wrong at this moment, in words."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no more sound will come."""
        ...

    def start(self, supervisor: Supervisor) -> None:
        """Fill the ring from now on."""
        ...

    def stop(self) -> None:
        """Fill it no more."""
        ...


class AnalysisThread:
    """Hears a source and keeps the newest moment; where no sound comes, it hears silence.

    `before_hop` is called in the analysis thread before each hop with the engine and the hop's
    number: there, and only there, knobs may be turned. `after_hop` is called with each hop and the
    latent at its end; `tell` hears of hops that could not be heard, as events of a session.
    """

    def __init__(
        self,
        source: Source,
        engine: Engine,
        before_hop: Callable[[Engine, int], None] = lambda _visual, _number: None,
        after_hop: Callable[[np.ndarray, Latent], None] = lambda _hop, _latent: None,
        space: str = "",
        tell: Callable[[Event], None] = lambda _event: None,
    ) -> None:
        """`space` names the generator whose class embeddings the engine mixes."""
        self.source, self.engine = source, engine
        self.moments = Moments()
        self.hops = 0
        self.beats = 0
        self.drums = np.zeros(3)  # kick, snare, hat as heard, and fading for whoever looks rarely
        self.level = 0.0  # of the newest hop, root mean square
        self.trouble = ""  # why the newest hop was not heard
        self._refused = ""  # why another ear than the wanted one hears
        self._latent: Latent | None = None
        self._before_hop, self.after_hop, self._tell = before_hop, after_hop, tell
        self._heard_since = True  # whether a hop was heard since it began anew
        self._space, self._coming_space = "", (space, engine.embed)
        self._ring = source.ring
        self._hopper = Hopper(self._ring.rate)
        self._sounded = 0  # hops of the source's own sound
        self._resting = 0  # hops that are not tried
        self._fed = 0.0  # when samples last came
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Hear from now on."""
        self._supervisor = supervisor
        self._fed = time.monotonic()
        self._worker = supervisor.employ(PART, self._listen, renew=self._take_over)

    def stop(self, seconds: float = 2.0) -> None:
        """Hear no more; a thread that does not end in so many seconds is told."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, seconds)

    @property
    def decibels(self) -> float:
        """The level of the newest hop, dBFS; at least -100, also where it is no number."""
        level = self.level if math.isfinite(self.level) else 0.0
        return 20 * math.log10(max(level, _QUIETEST))

    def play_on(self, space: str, embed: Embed) -> None:
        """From the next hop on, moments are for this generator's class embeddings."""
        self._coming_space = (space, embed)

    def _take_over(self) -> None:
        """For another thread's start: nothing that this one still uses is used any more."""
        self._begin_anew()
        self._hopper = Hopper(self._ring.rate)

    def _begin_anew(self) -> None:
        """Another engine with the same knobs: the old one may be broken, or still in use.

        What was cued is cued again, unless it was so before, and no hop has been heard since.
        """
        cues = self.engine.cues
        held = cues.held if cues is not None and self._heard_since else None
        self.engine, self._heard_since = self.engine.anew(), False
        self._tell({"hop": self.hops, "anew": True})
        if held is not None and self.engine.cues is not None:
            self.engine.cues.go(held)
            self._tell({"hop": self.hops, "cue": held})

    def _listen(self, shift: Shift) -> None:
        if self._ring is not self.source.ring:
            self._ring = self.source.ring
            self._hopper = Hopper(self._ring.rate)
        block = self._ring.read(_WAIT)
        now = time.monotonic()
        if len(block):
            self._fed = now
            for hop in self._hopper.push(block):
                self._sounded += 1
                self._hear(hop, now, shift)
        elif now - self._fed > _SILENCE_AFTER:
            missing = int((now - self._fed) * RATE / HOP)
            self._fed += missing * HOP / RATE
            for _ in range(min(missing, RATE // HOP)):
                self._hear(np.zeros(HOP, np.float32), now, shift)

    def _hear(self, hop: np.ndarray, now: float, shift: Shift) -> None:
        if shift.over:
            return  # another thread hears by now
        self._guarded(self._before_hop, self.engine, self.hops)
        space, embed = self._coming_space
        if space != self._space:
            self._space = space
            self.engine.play_on(space, embed)
        self.engine.embed = (
            embed  # the same one, or that of a generator made anew, with its classes
        )
        if self._resting:
            self._resting -= 1
            self._miss(hop)
            return
        try:
            latent = self.engine.hear(hop, self._position())
        except Exception as error:  # one bad hop must not end the show; say what it was
            if not shift.over:
                self._fail(error, hop)
            return
        if shift.over:
            return
        self._guarded(self.after_hop, hop, latent)
        self.trouble, self._heard_since = "", True
        self.hops += 1
        self.level = float(np.sqrt(np.mean(hop**2)))
        assert self.engine.heard is not None
        self.beats += self.engine.heard.beat
        if self.engine.analyzer.trouble != self._refused:
            self._refused = self.engine.analyzer.trouble
            if self._refused:
                self._supervisor.faults.tell(PART, self._refused, kind="way")
        heard = self.engine.heard
        struck = np.array([heard.kick, heard.snare, heard.hat])
        self.drums = np.maximum(struck, _FADING * self.drums)
        before = self._latent if self._space == self.moments.space else None
        self.moments.put(
            Moment(self.engine.heard, latent, now, 0, before, self.hops, space=self._space)
        )
        self._latent = latent

    def _position(self) -> float | None:
        """Seconds of the song at the end of this hop; silence in between does not count."""
        if self.source.start_at is None:
            return None
        return self.source.start_at + self._sounded * HOP / RATE + self._ring.lost / self._ring.rate

    def _guarded(self, function: Callable[..., None], *given: object) -> None:
        """What others do beside hearing must not keep a hop from being heard."""
        try:
            function(*given)
        except Exception as error:
            self._supervisor.faults.tell(PART, f"beside hearing: {reason_of(error)}")

    def _fail(self, error: Exception, hop: np.ndarray) -> None:
        """Tell it, and begin anew: nobody knows how far the instrument came with this hop."""
        self.trouble = f"hearing failed ({reason_of(error)}); it begins anew"
        self._supervisor.faults.tell(PART, self.trouble)
        self._miss(hop)
        self._resting = 0 if self._heard_since else _REST
        self._begin_anew()

    def _miss(self, hop: np.ndarray) -> None:
        """A hop that is not heard is kept as it sounded, and the picture stays as it was."""
        if self._latent is not None:
            self._tell({"hop": self.hops, "unheard": True})
            self._guarded(self.after_hop, hop, self._latent)
            self.hops += 1

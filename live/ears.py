"""Samples to moments, in a thread of its own: every hop is heard, in order, once."""

import threading
import time
from collections.abc import Callable
from typing import Protocol

import numpy as np

from synth.hop import HOP, RATE
from synth.latents import Latent
from synth.sound import Hopper
from synth.visual import Visual

from .mailbox import Moment, Moments
from .ring import Ring

_SILENCE_AFTER = 0.25  # seconds without samples after which silence is heard instead
_WAIT = 0.05  # seconds


class Source(Protocol):
    """Where sound comes from: a microphone or a song."""

    name: str
    ring: Ring  # a new one when the source was opened anew
    overflows: int
    faults: list[str]

    @property
    def trouble(self) -> str:
        """What is wrong at this moment, in words."""
        ...

    @property
    def ended(self) -> bool:
        """Whether no more sound will come."""
        ...

    def start(self) -> None: ...

    def stop(self) -> None: ...


class Ears:
    """Hears a source and keeps the newest moment; where no sound comes, it hears silence.

    `before_hop` is called in the ears' thread before each hop with the visual and the hop's
    number: there, and only there, knobs may be turned.
    """

    def __init__(
        self,
        source: Source,
        visual: Visual,
        before_hop: Callable[[Visual, int], None] = lambda _visual, _number: None,
        after_hop: Callable[[np.ndarray, Latent], None] = lambda _hop, _latent: None,
    ) -> None:
        self.source, self.visual = source, visual
        self.moments = Moments()
        self.hops = 0
        self.beats = 0
        self.level = 0.0  # of the newest hop, root mean square
        self.trouble = ""  # why the newest hop was not heard
        self.faults: list[str] = []
        self._latent: Latent | None = None
        self._before_hop, self.after_hop = before_hop, after_hop
        self._ring = source.ring
        self._hopper = Hopper(self._ring.rate)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="ears", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(2.0)

    def _listen(self) -> None:
        fed = time.monotonic()
        while not self._stop.is_set():
            if self._ring is not self.source.ring:
                self._ring = self.source.ring
                self._hopper = Hopper(self._ring.rate)
            block = self._ring.read(_WAIT)
            now = time.monotonic()
            if len(block):
                fed = now
                for hop in self._hopper.push(block):
                    self._hear(hop, now)
            elif now - fed > _SILENCE_AFTER:
                missing = int((now - fed) * RATE / HOP)
                fed += missing * HOP / RATE
                for _ in range(min(missing, RATE // HOP)):
                    self._hear(np.zeros(HOP, np.float32), now)

    def _hear(self, hop: np.ndarray, now: float) -> None:
        try:
            self._before_hop(self.visual, self.hops)
            latent = self.visual.hear(hop)
            self.after_hop(hop, latent)
        except Exception as error:  # one bad hop must not end the show; say what it was
            trouble = f"hearing failed ({type(error).__name__}: {error})"
            if trouble != self.trouble:
                self.faults.append(trouble)
            self.trouble = trouble
            return
        self.trouble = ""
        self.hops += 1
        self.level = float(np.sqrt(np.mean(hop**2)))
        assert self.visual.heard is not None
        self.beats += self.visual.heard.beat
        self.moments.put(Moment(self.visual.heard, latent, now, 0, self._latent, self.hops))
        self._latent = latent

"""Moments to frames, in a thread of its own: as fast as it goes, always from the newest moment."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synth.flashes import FlashLimiter
from synth.generators import Generator
from synth.generators.handover import Handover
from synth.hop import HOP, RATE
from synth.latents import Latent

from .governor import Governor
from .mailbox import Frame, Frames, Moment, Moments

_WAIT = 0.1  # seconds
_PAUSES = (0.1, 0.5, 2.0)  # seconds after a failure, the last one repeated
_FARTHEST = 9.0  # hops to look ahead; beyond, the guess is worse than none
_GIVEN_UP = 3  # failures in a row after which the next coarser step is taken


@dataclass(frozen=True, slots=True)
class Step:
    """One rung of the ladder of quality: how to get a generator, and its relative cost."""

    name: str
    cost: float
    make: Callable[[], Generator]


class Painter:
    """Draws for ever; a generator that fails is tried again and then replaced by a coarser one."""

    def __init__(
        self,
        moments: Moments,
        ladder: Sequence[Step],
        first: Generator,
        *,
        level: int = 0,
        governs: bool = True,
        ahead: int = 1,
    ) -> None:
        """`first` stands on the ladder's `level`; it steps down and up only if it `governs`.

        `ahead` frames are drawn in one batch, the later ones from latents that are foreseen.
        """
        self.frames = Frames()
        self.generator = first
        self.governor = Governor(tuple(step.cost for step in ladder), level)
        self.flashes = FlashLimiter()
        self.limits_flashes = True
        self.frozen = False
        self.delay = 0.0  # seconds from moment to screen, as the screen measures them
        self.drawn = 0
        self.notice = ""  # what the governor or a failure did last, in words
        self.faults: list[str] = []
        self._moments, self._ladder, self._governs = moments, ladder, governs
        self._ahead, self._pace = ahead, 0.0  # seconds from one frame of a batch to the next
        self._made: dict[int, Generator] = {level: first}
        self._handover = Handover()
        self._failures = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._paint, name="painter", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def _paint(self) -> None:
        while not self._stop.is_set():
            if self.frozen:
                self._stop.wait(_WAIT)
                continue
            moment = self._moments.take(_WAIT)
            if moment is None:
                continue
            begun = time.monotonic()
            latents = self._foreseen(moment)
            try:
                pictures = self._handover.fetch(self.generator.frames(latents))()
            except Exception as error:  # whatever a generator dies of, the show goes on
                self._failed(error)
                continue
            self._failures = 0
            self._hand_over(pictures, moment, begun)
            if self._governs:
                self._govern((time.monotonic() - begun) / len(latents))

    def _hand_over(self, pictures: np.ndarray, moment: Moment, begun: float) -> None:
        done = time.monotonic()
        self._pace = (done - begun) / len(pictures)
        batch = []
        for k, picture in enumerate(pictures):
            due = done + k * self._pace
            shown = self.flashes.limited(picture, due) if self.limits_flashes else picture
            self.drawn += 1
            onsets = moment.onsets if k == 0 else 0
            frame = Frame(self.drawn, shown, moment.captured, begun, done, onsets, moment.hop)
            batch.append(replace(frame, due=due, heard=moment.heard_onsets))
        self.frames.put(batch)

    def _foreseen(self, moment: Moment) -> list[Latent]:
        """The latents as they are likely to be when the frames reach the screen."""
        if moment.before is None:
            return [moment.latent]
        seconds = [self.delay + k * self._pace for k in range(self._ahead)]
        hops = [min(_FARTHEST, s * RATE / HOP) for s in seconds]
        return [moment.latent.ahead(moment.before, h) for h in hops]

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        self.notice = f"{self.generator.name} failed ({_reason(error)}); trying again"
        self.faults.append(self.notice)
        if self._failures >= _GIVEN_UP and self.governor.level < len(self._ladder) - 1:
            self._failures = 0
            self._step_to(self.governor.level + 1, "failed")
            return
        self._stop.wait(_PAUSES[min(self._failures, len(_PAUSES)) - 1])

    def _govern(self, seconds: float) -> None:
        before = self.governor.level
        self.governor = self.governor.after(seconds)
        if self.governor.level != before:
            self._step_to(self.governor.level, "late" if self.governor.level > before else "early")

    def _step_to(self, level: int, why: str) -> None:
        reasons = {
            "late": "frames came late",
            "early": "there is time for more",
            "failed": "the generator failed",
        }
        try:
            if level not in self._made:
                self._made[level] = self._ladder[level].make()
        except Exception as error:  # a rung that cannot be had is no rung
            self.notice = f"{self._ladder[level].name} cannot be used ({_reason(error)})"
            self.faults.append(self.notice)
            return
        self.generator = self._made[level]
        if self.governor.level != level:
            self.governor = Governor(self.governor.costs, level)
        self.notice = f"{reasons[why]}: {self._ladder[level].name} now"


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0][:120]}" if text else type(error).__name__

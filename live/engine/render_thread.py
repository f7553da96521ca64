"""Moments to frames, in a thread of its own: as fast as it goes, always from the newest moment."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from synth.constants import HOP, RATE
from synth.flashes import FlashLimiter
from synth.generators import Generator
from synth.generators.device_to_host import DeviceToHost
from synth.latents.latent import Latent
from synth.latents.walk import SIZE
from synth.memory import give_back_freed_blocks
from synth.settings.imagenet import CLASSES

from ..faults import reason_of
from ..supervisor import Shift, Supervisor, Worker
from .handoff import Frame, Frames, Moment, Moments
from .ladder import LONGEST, Ladder
from .quality import LONGEST_TRIAL, Governor

PART = "drawing"  # what its faults go by
_WAIT = 0.1  # seconds
_PAUSES = (0.1, 0.5, 2.0)  # seconds after a failure, the last one repeated
_FARTHEST = 9.0  # hops to look ahead; beyond, the guess is worse than none
_NEW = 0.2  # of each new delay in the mean
_GIVEN_UP = 3  # failures in a row after which the next coarser step is taken

Changed = Callable[[Generator], None]


class RenderThread:
    """Draws for ever; a generator that fails or hangs gives way to a coarser one."""

    def __init__(
        self,
        moments: Moments,
        ladder: Ladder,
        *,
        governs: bool = True,
        ahead: int = 1,
        changed: Changed = lambda _generator: None,
    ) -> None:
        """It steps down and up the ladder only if it `governs`.

        `ahead` frames are drawn in one batch, the later ones from latents that are foreseen.
        `changed` hears of every other generator that draws from now on.
        """
        self.frames = Frames()
        self.generator = ladder.first
        self._ladder = ladder
        self.governor = Governor(ladder.costs, ladder.level)
        self.flashes = FlashLimiter()
        self.limits_flashes = True
        self.frozen = False
        self.delay = 0.0  # seconds from moment to screen, as the screen measures them
        self.drawn = 0
        self._moments, self._governs = moments, governs
        self._ahead, self._pace = ahead, 0.0  # seconds from one frame of a batch to the next
        self.changed = changed
        self._handover = DeviceToHost()
        self._failures = 0
        self._making: int | None = None  # the level that this thread waits for
        self._owed = 0  # onsets that no frame holds yet
        self._hung = False  # whether the generator is one that never came back
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Draw from now on."""
        self._supervisor = supervisor
        self._ladder.start(supervisor)
        self._worker = supervisor.employ(PART, self._paint, renew=self._give_up_the_generator)

    def stop(self, seconds: float = 5.0) -> None:
        """Draw no more; a thread that does not end in so many seconds is told."""
        self._ladder.stop()
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, seconds)

    @property
    def title(self) -> str:
        """The generator that draws, and the height of its pictures."""
        return f"{self.generator.name} {self.generator.resolution}"

    def seen(self, frame: Frame, late: float) -> None:
        """A frame was shown, so many seconds after its sound."""
        if frame.due <= frame.done:  # the first of its batch
            self.delay += _NEW * (late - self.delay)

    # ---- a round

    def _paint(self, shift: Shift) -> None:
        if self._hung:
            self._hung = False
            self._ladder.hung.add(self.governor.level)
            self._step_down_or_anew("the generator hung", shift)
        if self.frozen:
            shift.wait(_WAIT)
            return
        moment = self._moments.take(_WAIT)
        if moment is None:
            return
        self._owed += moment.onsets
        if moment.space not in ("", self.generator.name):
            return
        begun, level = time.monotonic(), self.governor.level
        latents = self._foreseen(moment)
        try:
            pictures = self._drawn_by(self.generator, latents)
        except Exception as error:  # whatever a generator dies of, the show goes on
            if not shift.over:
                self._failed(error, shift)
            else:
                self._ladder.hung.discard(level)
            return
        if shift.over:  # another thread draws by now; what came back may be tried again
            self._ladder.hung.discard(level)
            return
        self._failures = 0
        moment, self._owed = replace(moment, onsets=self._owed), 0
        self._hand_over(pictures, moment, begun)
        if self._governs:
            self._govern((time.monotonic() - begun) / len(latents), shift)

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

    # ---- the ladder

    def _failed(self, error: Exception, shift: Shift) -> None:
        self._failures += 1
        self._supervisor.faults.tell(PART, f"{self.generator.name} failed ({reason_of(error)})")
        if self._failures >= _GIVEN_UP:
            self._failures = 0
            if self._step_down_or_anew("the generator failed", shift):
                return
        shift.wait(_PAUSES[min(self._failures, len(_PAUSES)) - 1])

    def _give_up_the_generator(self) -> None:
        """For another thread's start: what this one waits for may never come back."""
        making, self._making = self._making, None
        self._handover = DeviceToHost()
        if making is not None:  # what drew before is no worse for it
            self._ladder.hung.add(making)
            return
        self._ladder.forget(self.governor.level)
        self._hung = True

    def _step_down_or_anew(self, why: str, shift: Shift) -> bool:
        """To the next coarser step that can be had, and up again later each time.

        Where there is none, the same one is made anew. False where nothing can be had.
        """
        here = self.governor.level
        coarser = set(range(here + 1, len(self._ladder.steps))) - self._ladder.hung
        trial = min(LONGEST_TRIAL, 2 * self.governor.trial)
        if not any(self._step_to(level, why, shift) for level in sorted(coarser)):
            self._ladder.forget(here)
            if not self._step_to(here, f"{why}, made anew", shift):
                return False
        self.governor = replace(self.governor, trial=trial)
        return True

    def _govern(self, seconds: float, shift: Shift) -> None:
        wanted = self.governor.after(seconds)
        if wanted.level == self.governor.level:
            self.governor = wanted
            return
        late = wanted.level > self.governor.level
        why = "frames came late" if late else "there is time for more"
        before = self.governor
        there = wanted.level not in self._ladder.hung and self._ladder.asked(wanted.level)
        if there is None:
            return  # it is being made
        if there and self._step_to(wanted.level, why, shift):
            self.governor = wanted
        else:
            self.governor = before.refused()

    def _step_to(self, level: int, why: str, shift: Shift) -> bool:
        """Draw on another step of the ladder; False, and told, where it cannot be had.

        Its first frame, for which much may have to be loaded, is drawn within the time that a
        generator may take to load.
        """
        if shift.over:
            return False
        name = self._ladder.steps[level].name
        shift.allow(LONGEST)
        self._making = level
        try:
            generator = self._ladder.made(level)
            self._drawn_by(generator, [_first_latent(generator)])
        except Exception as error:  # a rung that cannot be had is no rung
            if not shift.over:
                self._making = None
                self._ladder.forget(level)
                self._supervisor.faults.tell(PART, f"{name} cannot be used ({reason_of(error)})")
            return False
        if shift.over:
            self._ladder.hung.discard(level)
            return False
        self._making = None
        self.generator = generator
        give_back_freed_blocks()  # of the one before
        self.governor = Governor(self.governor.costs, level)
        self.changed(self.generator)
        self._supervisor.notices.say(f"{why}: {name} now")
        return True

    def _drawn_by(self, generator: Generator, latents: Sequence[Latent]) -> np.ndarray:
        return _checked(self._handover.fetch(generator.frames(latents))())


def _first_latent(generator: Generator) -> Latent:
    """Any latent of a generator."""
    embedding = generator.embed(np.eye(1, CLASSES, dtype=np.float32))[0]
    return Latent(np.zeros(SIZE, np.float32), embedding, 0.5)


def _checked(pictures: np.ndarray) -> np.ndarray:
    """Pictures (B, h, w, 3) uint8 as a screen can show them; ValueError for anything else."""
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] != 3:
        raise ValueError(f"frames of shape {pictures.shape} and {pictures.dtype} came")
    if not pictures.size:
        raise ValueError(f"frames of shape {pictures.shape} hold no pixels")
    return pictures

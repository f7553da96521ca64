"""A file that plays as if it came from a microphone: in real time, and heard where it can be."""

import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from synth.audio_file import hops_of, song_of
from synth.constants import HOP, RATE
from synth.errors import UserError

from ..supervisor import Shift, Supervisor, Worker
from .ring_buffer import Ring
from .speaker import Speaker

PART = "song"  # what its faults go by
_SKIPPED = 1000  # hops that are skipped in one round on the way to the start
_BEHIND = 1.0  # seconds from which on a song that was held up goes on from where it was
_OUTPUT = 3.0  # seconds that a song waits for the output to open


class Playback:
    """Plays a song into a ring at the pace of the clock, and aloud where there is an output."""

    def __init__(self, song: Path, *, start: float = 0.0, aloud: bool = True) -> None:
        """UserError when the file holds no sound; `start` is in seconds."""
        song_of(song)
        self.name = song.name
        self.ring = Ring(RATE, 1)
        self.overflows = 0
        self.trouble = ""
        self.ended = False
        self._skip = round(start * RATE / HOP)
        self.start_at: float | None = self._skip * HOP / RATE
        self._hops: Iterator[np.ndarray] = iter(hops_of(song))
        self._speaker = Speaker() if aloud else None
        self._played = 0  # hops
        self._begun = 0.0  # when the first hop began to play
        self._supervisor = Supervisor()
        self._worker: Worker | None = None

    def start(self, supervisor: Supervisor) -> None:
        """Play from now on, aloud once the output is open."""
        self._supervisor = supervisor
        if self._speaker is not None:
            self._speaker.start(supervisor)
        self._worker = supervisor.employ(PART, self._play)

    def stop(self) -> None:
        """End; a decoder that hangs is left behind."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, 0.5)
        if self._speaker is not None:
            self._speaker.stop()

    def _play(self, shift: Shift) -> None:
        """One hop, when it is due."""
        try:
            if self._skip:
                self._skip_on()
                return
            hop = next(self._hops, None)
        except UserError as trouble:
            self._end(shift, str(trouble))
            return
        if hop is None:
            self._end(shift)
            return
        if not self._begun:
            if self._speaker is not None:
                self._speaker.wait(_OUTPUT, shift)
            self._begun = time.monotonic()
        self._wait(shift)
        if self._speaker is not None:
            self._speaker.play(hop)
        self.ring.write(hop[:, None])
        self._played += 1

    def _skip_on(self) -> None:
        """Some way towards the start."""
        step = min(self._skip, _SKIPPED)
        if sum(1 for _ in islice(self._hops, step)) < step:
            raise UserError(f"{self.name}: ends before {self.start_at:g} s; use an earlier --start")
        self._skip -= step

    def _wait(self, shift: Shift) -> None:
        """Until the next hop is due; where it was due long ago, the rest of the song is later."""
        due = self._begun + (self._played + 1) * HOP / RATE
        behind = time.monotonic() - due
        if behind > _BEHIND:
            self._begun += behind
        else:
            shift.wait(max(0.0, -behind))

    def _end(self, shift: Shift, trouble: str = "") -> None:
        if trouble:
            self.trouble = trouble
            self._supervisor.faults.tell(PART, trouble)
        self.ended = True
        shift.end()

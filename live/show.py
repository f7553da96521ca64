"""The live show: sound in, pictures out, for hours, and never black.

Capture, analysis, drawing and every server work in threads of their own under one supervisor; the
main one draws the window. What passes between them is the newest value; onsets add up until they
are seen.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import numpy as np

from synth.constants import HOP, RATE
from synth.sink import Sink

from .deck import Deck
from .ending import FADE, Ending
from .engine.handoff import Frame
from .faults import Fault, reason_of
from .keys import press
from .output.outlets import Outlets
from .output.writer_thread import Recording
from .panel import Panel
from .report import Report, Reporter, report_of
from .signals import stopping
from .statistics import Statistics

_TURN = 0.0002  # seconds that a Python thread may keep others waiting; a compiler is one of them
_PAUSE = 1 / 60  # seconds after a round of drawing that failed
_POLITE = 5.0  # seconds that threads have to end
_WRITING = 20.0  # seconds that files have to become whole, unless whoever plays is in a hurry
_REPORTING = 0.3, 2.0  # seconds that the report has, hurried and not


class Screen(Sink, Protocol):
    """The sink that the main thread draws; see `window`."""

    @property
    def is_open(self) -> bool:
        """Until it is closed by hand."""
        ...

    @property
    def trouble(self) -> str:
        """What is wrong with the screen at this moment, in words."""
        ...

    def toggle_full(self) -> None:
        """Full screen, or back into a window."""
        ...

    def panel(self, panel: np.ndarray | None) -> None:
        """What lies over the picture, uint8 (h, w, 4), or nothing."""
        ...

    def draw(self, fit: str, shade: float) -> bool:
        """Draw once, at the pace of the display; whether it could be drawn."""
        ...


class Show:
    """One evening."""

    def __init__(self, deck: Deck) -> None:
        self.deck: Deck = deck
        self.supervisor = deck.supervisor
        self.statistics = Statistics(time.monotonic())
        self.ending: Ending = Ending()
        self.panel: Panel = Panel(deck, self.statistics, self.ending)
        self.learn: Callable[[], None] | None = None  # what L does
        self.farewells: list[Callable[[], object]] = []  # what else ends with the show
        self.sinks: list[tuple[str, Sink]] = []  # by their names: who will be fed
        self._outlets = Outlets()
        self._loop = self.supervisor.guard("main loop")
        self._shade = 0.0
        self._newest: Frame | None = None  # that the screen has

    def key(self, screen: Screen, key: str) -> None:
        """What a key does; see `keys`. Nothing that it leads to is raised."""
        self._loop.do(lambda _shift: press(self, screen, key))

    def report(self) -> Report:
        """What became of the show so far."""
        return report_of(self.deck, self.statistics, self.ending.why)

    def run(
        self,
        screen: Screen,
        seconds: float | None = None,
        *,
        recordings: Callable[[], Sequence[Recording]] = lambda: (),
        report: Path | None = None,
    ) -> Report:
        """Play until the window closes, the song or the seconds end, or Ctrl-C is pressed.

        What `recordings` gives is written from the beginning; the report every ten seconds and at
        the end. UserError where the show cannot begin, and then nothing is left behind.
        """
        self.statistics.begin(time.monotonic())
        reporter = Reporter(report, self.report) if report is not None else None
        with _short_turns(), stopping(self.ending.signal, lambda: self._abandon(reporter)):
            try:
                self._start(recordings, reporter)
                while self._goes_on(screen, seconds):
                    self._once(screen)
            finally:
                self._stop(screen)
                outcome = self.report()
                if reporter is not None and reporter.is_begun:
                    reporter.finish(outcome, _REPORTING[not self.ending.is_hurried])
                self.supervisor.stop()
        return outcome

    # ---- its beginning and its end

    def _start(
        self, recordings: Callable[[], Sequence[Recording]], reporter: Reporter | None
    ) -> None:
        deck = self.deck
        deck.source.start(self.supervisor)
        deck.recordings.start(recordings(), self.supervisor)
        self.supervisor.faults.listeners.append(self._log)
        deck.start()
        self._outlets.start(self.sinks, self.supervisor)
        self.sinks = []  # they are the outlets' now, which close them
        if reporter is not None:
            reporter.start(self.supervisor)
        self.supervisor.start()

    def _log(self, fault: Fault) -> None:
        self.deck.recordings.event({"hop": self.deck.analysis.hops, "fault": str(fault)})

    def _goes_on(self, screen: Screen, seconds: float | None) -> bool:
        now = time.monotonic()
        if self.ending.is_due(now):
            return False
        if seconds is not None and now - self.statistics.begun >= seconds:
            self.ending.stop("its time")
            return False
        if not self._is_open(screen):
            self.ending.stop("the window was closed")
            return False
        if self.deck.source.ended:
            self.ending.fade(now, self.deck.source.trouble or "the end of the song")
        return True

    def _is_open(self, screen: Screen) -> bool:
        """Whether the window was not closed; one that cannot say so was not."""
        found = [True]
        self._loop.do(lambda _shift: found.append(screen.is_open))
        return found[-1]

    def _stop(self, screen: Screen) -> None:
        """End every thread side by side, then wait for what is still to be written."""
        threads = [
            threading.Thread(target=self._said_goodbye, args=(stop,), name="farewell", daemon=True)
            for stop in (*self.deck.stops, *self._outlets.stops, *self.farewells)
        ]
        for thread in threads:
            thread.start()
        if not self._waits(screen, lambda: not any(t.is_alive() for t in threads), _POLITE):
            self.supervisor.left_behind = True
        self.deck.recordings.close()
        self._waits(screen, lambda: self.deck.recordings.closed, _WRITING)
        self.deck.recordings.dismiss()

    def _waits(self, screen: Screen, over: Callable[[], bool], seconds: float) -> bool:
        """Whether it was over in time; pictures go on meanwhile."""
        latest = time.monotonic() + seconds
        while not over():
            self._once(screen)
            if time.monotonic() > self.ending.latest(latest):
                return False
        return True

    def _said_goodbye(self, stop: Callable[[], object]) -> None:
        try:
            stop()
        except Exception as error:  # the others end all the same
            self.supervisor.faults.tell("end", reason_of(error))

    def _abandon(self, reporter: Reporter | None) -> None:
        """A signal came and the main thread hangs: files and report are finished without it."""
        self.ending.stop("Ctrl-C or a signal")
        self.supervisor.faults.tell("main loop", "hangs; the show was ended without it")
        self.deck.recordings.close()
        latest = time.monotonic() + _POLITE
        while not self.deck.recordings.closed and time.monotonic() < latest:
            time.sleep(_PAUSE)
        if reporter is not None and reporter.is_begun:
            reporter.finish(self.report(), _REPORTING[1])

    # ---- a round

    def _once(self, screen: Screen) -> None:
        """One round; what fails in one of its parts keeps no other part from being done."""
        now = time.monotonic()
        taken: list[Frame] = []
        self._loop.do(lambda _shift: taken.extend(self._taken(screen, now)))
        self._loop.do(lambda _shift: self._tell(screen, now))
        before = self.statistics.drawn_at
        self._loop.do(lambda _shift: self._draw(screen, now, taken))
        if self.statistics.drawn_at == before:
            self.statistics.drawn_at = now
            time.sleep(_PAUSE)

    def _taken(self, screen: Screen, now: float) -> list[Frame]:
        """The frame that is due, if there is one; the screen has it from now on."""
        deck = self.deck
        deck.renderer.limits_flashes = deck.engine.knobs.look.flash_limit
        frame = deck.renderer.frames.take(now, deck.analysis.moments.heard)
        if frame is None:
            return []
        self.statistics.arrived(now, frozen=deck.frozen)
        screen.frame(frame.picture, self._shade, _seconds(frame))
        self._newest = frame
        return [frame]

    def _tell(self, screen: Screen, now: float) -> None:
        """Draw what lies over the picture anew, where it is time."""
        if self.panel.is_due(now):
            screen.panel(self.panel.draw(now, screen.trouble))

    def _draw(self, screen: Screen, now: float, taken: list[Frame]) -> None:
        deck, dt = self.deck, self.statistics.began_to_draw(now)
        aim = 0.0 if deck.black or self.ending.is_fading else 1.0
        self._shade += float(np.clip(aim - self._shade, -dt / FADE, dt / FADE))
        drawn = screen.draw(deck.engine.knobs.look.fit, self._shade)
        self.statistics.drawn(now, shown=drawn)
        for frame in taken:
            if drawn:
                deck.renderer.seen(frame, self.statistics.seen(frame, time.monotonic()))
            deck.recordings.frame(frame.picture, self._shade, _seconds(frame))
        if self._newest is not None:
            self._outlets.frame(self._newest.picture, self._shade, _seconds(self._newest))


@contextmanager
def _short_turns() -> Iterator[None]:
    """Python's threads take turns quickly meanwhile."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_TURN)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _seconds(frame: Frame) -> float:
    """Of the sound that a frame shows; those of a batch foresee what comes after it."""
    return frame.hop * HOP / RATE + max(0.0, frame.due - frame.done)

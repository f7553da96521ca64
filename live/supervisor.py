"""Supervision of every thread of a show, in one place.

A worker does one round after another in a thread of its own. What a round raises is told with the
worker's name, and the next round follows, a little later each time where faults come thick. A
thread that died, or has not come round for two seconds or five times its usual round, is told and,
where that can be, a new one takes its place; what the old one returns late it finds refused, for
its shift is over.
"""

import threading
import time
from collections.abc import Callable, Sequence

from .faults import Clock, Faults, Notices, reason_of

_LOOK = 0.25  # seconds between two looks at the workers
_SHORTEST = 2.0  # seconds without a round that are nobody's fault
_TIMES = 5.0  # the usual round, after which a worker counts as hung
_USUAL = 0.1  # of each new round in the mean
_THICK = 1.0  # seconds within which two faults count as thick
_PAUSES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # seconds after each, the last one repeated
_MOST_STUCK = 3  # threads of one worker that hang; beyond, another one is begun
_SELDOM = 60.0  # seconds after the last, for each costs memory that never comes back
_STOOD_STILL = 1.0  # seconds without a look: then it was the whole program that stood still

Work = Callable[["Shift"], None]


class Shift:
    """One thread's time as a worker; it is over when the show ends or another thread took over."""

    def __init__(self, clock: Clock) -> None:
        self._clock, self._over = clock, threading.Event()
        self.begun = clock()  # when the present round began
        self.allowance = 0.0  # seconds that the present round may take
        self.told = False  # that it hangs

    @property
    def over(self) -> bool:
        """Whether what this thread still brings is refused."""
        return self._over.is_set()

    def wait(self, seconds: float) -> bool:
        """Rest, but no longer than the shift; returns whether it is over."""
        return self._over.wait(seconds)

    def end(self) -> None:
        """Another thread takes over, or none."""
        self._over.set()

    def round(self) -> float:
        """A round ends and another one begins; returns the seconds that it took."""
        now = self._clock()
        took, self.begun = now - self.begun, now
        self.allowance, self.told = 0.0, False
        return took

    def allow(self, seconds: float) -> None:
        """The present round may take so long: a model is loaded, a driver is asked."""
        self.begun, self.allowance = self._clock(), seconds


class Worker:
    """Does `work` again and again under supervision; `renew` prepares another thread's start.

    Without `renew` a thread that hangs is told and left alone, for a second one would do harm.
    """

    def __init__(
        self,
        name: str,
        work: Work,
        faults: Faults,
        clock: Clock,
        renew: Callable[[], None] | None,
        pauses: Sequence[float] = _PAUSES,
    ) -> None:
        self.name, self.rounds, self.restarts = name, 0, 0
        self._pauses = pauses
        self._work, self._faults, self._clock, self._renew = work, faults, clock, renew
        self._usual = 0.0  # seconds of a round
        self._thick, self._failed = 0, -_THICK  # faults in close succession, and the last one
        self._shift = Shift(clock)
        self._thread: threading.Thread | None = None
        self._stuck: list[threading.Thread] = []
        self._replaced = -_SELDOM  # when another thread took over last
        self._ended = False
        self._death = "for no reason known"
        self._lock = threading.Lock()  # between replacing its thread and ending it

    # ---- in the worker's thread

    def start(self) -> None:
        """Begin in a thread of its own."""
        self._shift = Shift(self._clock)
        self._thread = threading.Thread(
            target=self._rounds, args=(self._shift,), name=self.name, daemon=True
        )
        self._thread.start()

    def _rounds(self, shift: Shift) -> None:
        try:
            while not shift.over:
                self.do(self._work, shift)
        except BaseException as error:  # SystemExit and its like; the supervisor finds it dead
            self._death = reason_of(error)

    def do(self, work: Work, shift: Shift | None = None) -> None:
        """One guarded round, in this thread; for loops that have a thread already."""
        shift = shift or self._shift
        shift.round()
        try:
            work(shift)
        except Exception as error:  # whatever it was: it is told, and the show goes on
            if not shift.over:
                self._fail(error, shift)
        else:
            if not (shift.over or shift.allowance):
                self._usual += _USUAL * (shift.round() - self._usual)
        self.rounds += 1

    def _fail(self, error: Exception, shift: Shift) -> None:
        now = self._clock()
        self._thick = self._thick + 1 if now - self._failed < _THICK else 0
        self._failed = now
        self._faults.tell(self.name, reason_of(error))
        shift.wait(self._pauses[min(self._thick, len(self._pauses) - 1)])

    # ---- in the supervisor's thread

    @property
    def alive(self) -> bool:
        """Whether its thread runs and comes round."""
        return self._thread is not None and self._thread.is_alive() and not self._shift.told

    @property
    def patience(self) -> float:
        """Seconds that the present round may take."""
        return max(_SHORTEST, _TIMES * self._usual, self._shift.allowance)

    def forgive(self, seconds: float) -> None:
        """The whole program stood still so long."""
        self._shift.begun += seconds

    def look(self) -> None:
        """Tell a thread that died or hangs, and have another one take its place."""
        with self._lock:
            if not self._ended:
                self._look()

    def _look(self) -> None:
        if self._thread is not None and not self._thread.is_alive():
            if self._shift.over:
                self._ended = True  # it had done all that there was to do
                return
            text = f"its thread died ({self._death}); started anew"
            self._faults.tell(self.name, text, kind="died")
            self._replace()
            return
        late = self._clock() - self._shift.begun
        if late > self.patience and not self._shift.told:
            self._shift.told = True
            self._faults.tell(self.name, f"has not come round for {late:.1f} s", kind="hangs")
        if self._shift.told and self._renew is not None and self._thread is not None:
            self._replace()

    def _replace(self) -> None:
        self._stuck = [thread for thread in self._stuck if thread.is_alive()]
        if len(self._stuck) >= _MOST_STUCK and self._clock() - self._replaced < _SELDOM:
            return  # tried again at the next look
        self._replaced = self._clock()
        assert self._thread is not None
        self._shift.end()
        if self._thread.is_alive():
            self._stuck.append(self._thread)
        try:
            if self._renew is not None:
                self._renew()
        except Exception as error:  # what is left may still do
            self._faults.tell(self.name, f"could not be made anew ({reason_of(error)})")
        self.restarts += 1
        self.start()

    def end(self) -> None:
        """No further round, and no further look."""
        self._shift.end()
        with self._lock:
            self._ended = True
            self._shift.end()  # of a thread that took over meanwhile

    def join(self, seconds: float) -> bool:
        """Wait for its thread; whether it ended."""
        if self._thread is None or self._thread is threading.current_thread():
            return True
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()


class Supervisor:
    """Starts, watches and ends the workers of a show, and keeps its faults."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.clock = clock
        self.faults, self.notices = Faults(clock), Notices(clock)
        self.left_behind = False  # whether a thread did not end when it should
        self.restarts = 0  # threads that another one took the place of
        self._workers: list[Worker] = []
        self._lock = threading.Lock()
        self._looked = clock()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def worker(self, name: str, work: Work, *, renew: Callable[[], None] | None = None) -> Worker:
        """A worker that is watched from now on; it begins when its `start` is called."""
        return self._taken_on(Worker(name, work, self.faults, self.clock, renew))

    def guard(self, name: str) -> Worker:
        """A worker for a loop that has a thread already: each round goes through its `do`."""
        return self._taken_on(
            Worker(name, lambda _shift: None, self.faults, self.clock, None, (0.0,))
        )

    def _taken_on(self, worker: Worker) -> Worker:
        with self._lock:
            self._workers.append(worker)
        return worker

    def employ(self, name: str, work: Work, *, renew: Callable[[], None] | None = None) -> Worker:
        """A worker that is watched, and begins now."""
        worker = self.worker(name, work, renew=renew)
        worker.start()
        return worker

    @property
    def workers(self) -> list[Worker]:
        """Every worker that was not dismissed."""
        with self._lock:
            return list(self._workers)

    def dismiss(self, worker: Worker, seconds: float) -> bool:
        """End a worker and wait for it; one that does not end in time is told and left behind."""
        worker.end()
        ended = worker.join(seconds)
        if not ended:
            self.left_behind = True
            self.faults.tell(worker.name, "did not end in time and was left behind", kind="left")
        with self._lock:
            if worker in self._workers:
                self._workers.remove(worker)
        return ended

    def look(self) -> None:
        """Look at every worker once."""
        now = self.clock()
        gap, self._looked = now - self._looked, now
        if gap > _LOOK + _STOOD_STILL:
            text = f"the whole program stood still for {gap:.1f} s"
            self.faults.tell("supervisor", text, kind="stood still")
            for worker in self.workers:
                worker.forgive(gap)
        for worker in self.workers:
            before = worker.restarts
            try:
                worker.look()
            except Exception as error:  # no thread can be begun, say; the others are looked at
                self.faults.tell("supervisor", f"{worker.name}: {reason_of(error)}")
            self.restarts += worker.restarts - before

    def start(self) -> None:
        """Look four times a second, in a thread of its own."""
        self._looked = self.clock()
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(_LOOK):
            try:
                self.look()
            except Exception as error:  # it must not be the one that dies
                self.faults.tell("supervisor", reason_of(error))

    def stop(self) -> None:
        """Look no further."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(1.0)

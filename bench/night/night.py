"""A night: one fault after another, what the show made of each, and what it held meanwhile."""

import json
import random
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from live.control.osc_packets import packet_of
from live.faults import reason_of

from .faults import FIRST, KINDS, Hall, Kind
from .measures import Usage, unexplained
from .misbehaviour import LONG
from .player import Answer, Dead
from .venue import deaf_to_interrupts

_LOOK = 0.2  # seconds between two looks while something is wrong
_REST = 1.0  # seconds between two looks while nothing is
_SAMPLE = 10.0  # seconds between two measurements
_PATIENCE = 25.0  # seconds that a fault has to be told and got over
_SETTLING = 4  # looks in which onsets that were just heard come to the screen
_FAILURES = OSError, RuntimeError, AssertionError, subprocess.SubprocessError
_TOO_MANY = "messages a second; the rest is dropped"
RATE = 3000.0  # messages a second; the show takes 4000


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault and what became of it."""

    kind: Kind
    at: float  # monotonic seconds
    told: bool
    gap: float  # seconds between two drawings at most that no stop of the whole explains
    pictures: float  # seconds between two new pictures at most, likewise
    recovered: float | None  # seconds from its mending until all was well; None for never
    memory: float  # MB more than before
    onsets: int  # that were heard meanwhile and did not come to the screen
    wrong: str  # of what was checked, or why it could not be done
    done: bool = True  # whether it could be


@dataclass
class Fuzz:
    """Messages of the grammar, and what the show made of them."""

    asked: int  # messages
    sent: int = 0  # messages,
    packets: int = 0  # in so many packets
    too_many: int = 0  # times that the show told of more messages than it takes
    seconds: float = 0.0
    gap: float = 0.0  # seconds between two drawings at most
    pictures: float = 0.0
    received: int = 0  # packets
    dropped: int = 0  # messages
    malformed: int = 0  # packets
    ill: list[str] = field(default_factory=list)  # what did not work afterwards


class Night:
    """Plays one; every list in it grows with its length alone."""

    def __init__(self, hall: Hall, seed: int, missing: set[str], only: str = "") -> None:
        """Kinds that need what is `missing` are left out, and those without `only` in their names.

        `only` is a pattern.
        """
        self.injections: list[Injection] = []
        self.fuzz: Fuzz | None = None
        self.samples: list[Usage] = []  # while nothing was wrong
        self.gaps: list[float] = []  # seconds between drawings, long ones, that nothing explains
        self.gap = 0.0  # seconds between two drawings, the longest that nothing explains
        self.still = 0.0  # seconds between two new pictures, while no fault was on
        self.last: Answer = {}  # the newest status
        self.death = ""  # how the show died
        self.begun = time.monotonic()
        self.kinds = [k for k in KINDS if k.needs not in missing and re.search(only, k.name)]
        self._hall, self._seed = hall, seed
        self._sampled = 0.0

    # ---- the course of it

    def play(self, seconds: float, every: float, first: float) -> None:
        """A fault each `every` seconds from the `first` on, until the seconds are over."""
        end = self.begun + seconds
        due = self.begun + first
        self._status()  # what came before the first picture is no gap
        for kind in self._kinds():
            if due > end:
                break
            self._rest_until(due)
            self._inject(kind)
            due = max(due + every, time.monotonic())
        self._rest_until(end)

    def _kinds(self) -> Iterator[Kind]:
        """Each once in an order of chance, some first, then each in another order, and so on."""
        chance = random.Random(self._seed)
        order = chance.sample(self.kinds, len(self.kinds))
        yield from sorted(order, key=lambda kind: kind not in FIRST)
        while self.kinds:
            yield from chance.sample(self.kinds, len(self.kinds))

    def _rest_until(self, due: float) -> None:
        while (left := due - time.monotonic()) > 0:
            time.sleep(min(_REST, left))
            self.still = max(self.still, self._status()["pictures"])
            if time.monotonic() - self._sampled >= _SAMPLE:
                self._sampled = time.monotonic()
                self.samples.append(self._hall.player.usage)

    def _status(self) -> Answer:
        self.last = self._hall.ask("status")
        self.last["gap"], gaps = self._loose("drawings")
        self.last["pictures"], _ = self._loose("pictures")
        self.gaps += gaps
        self.gap = max(self.gap, self.last["gap"])
        return self.last

    def _loose(self, watched: str) -> tuple[float, list[float]]:
        """The longest time that nothing explains since this was asked last, and every long one."""
        most, gaps = self.last[watched]
        loose = [unexplained((begin, end), self._hall.player.stops) for begin, end in gaps]
        return max(loose, default=most), [gap for gap in loose if gap > LONG]

    # ---- one fault

    def _inject(self, kind: Kind) -> None:
        status = self._status()
        before, lost = _counts(status), self._lost_for_good()
        looks, memory = _Looks(), self._hall.player.usage.memory
        begun = time.monotonic()
        try:
            self._do(kind, begun, looks)
        except _FAILURES as error:
            reason = reason_of(error)
            self.injections.append(
                Injection(kind, begun, False, 0.0, 0.0, None, 0.0, 0, reason, False)
            )
            return
        recovered = self._recover(kind, before, looks)
        told = not kind.is_told or tells(kind, before, self.last)
        wrong = "; ".join(self.last["ill"]) if recovered is None else self._checked(kind)
        looks.add(self._status())
        memory = self._hall.player.usage.memory - memory
        self.injections.append(
            Injection(
                kind,
                begun,
                told,
                looks.gap,
                looks.pictures,
                recovered,
                memory,
                self._lost_for_good() - lost,
                wrong,
            )
        )

    def _lost_for_good(self) -> int:
        """Onsets that are not on their way to the screen either."""
        found = _lost(self.last)
        for _ in range(_SETTLING):
            time.sleep(_LOOK)
            found = min(found, _lost(self._status()))
        return found

    def _checked(self, kind: Kind) -> str:
        try:
            return kind.check(self._hall)
        except _FAILURES as error:
            return f"could not be checked ({reason_of(error)})"

    def _do(self, kind: Kind, begun: float, looks: "_Looks") -> None:
        try:
            kind.do(self._hall)
            while time.monotonic() < begun + kind.seconds:
                time.sleep(_LOOK)
                looks.add(self._status())
        finally:
            kind.undo(self._hall)

    def _recover(
        self, kind: Kind, before: dict[tuple[str, str], int], looks: "_Looks"
    ) -> float | None:
        """Seconds until the show was well and had told; None when it did not come to that."""
        mended, well = time.monotonic(), None
        while time.monotonic() < mended + _PATIENCE:
            looks.add(self._status())
            if self.last["ill"]:
                well = None
            elif well is None:
                well = time.monotonic() - mended
            if well is not None and (not kind.is_told or tells(kind, before, self.last)):
                return well
            time.sleep(_LOOK)
        return well

    # ---- messages

    def talk(self, count: int) -> None:
        """So many messages of the grammar, below the show's limit, and a look at it meanwhile."""
        self.fuzz = Fuzz(count)
        before = self._status()["doors"]
        too_many = _told(self.last, _TOO_MANY)
        asked = self._hall.ask("addresses")
        asked |= {
            "port": self._hall.venue.osc,
            "count": count,
            "rate": RATE,
            "seed": self._seed,
        }
        begun = time.monotonic()
        sender = self._sender(asked)
        try:
            while sender.poll() is None:
                time.sleep(_LOOK)
                self._listen(self.fuzz, begun, before)
        finally:
            if sender.poll() is None:
                sender.kill()
            said = sender.communicate()[0]
        self.fuzz.sent, self.fuzz.packets = json.loads(said or "[0, 0]")
        self.fuzz.too_many = _told(self.last, _TOO_MANY) - too_many
        self._calm()
        self.fuzz.ill = self.last["ill"]

    def _sender(self, asked: dict[str, Any]) -> "subprocess.Popen[str]":
        with deaf_to_interrupts():
            sender = subprocess.Popen(
                [sys.executable, "-m", "bench.night.packets"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        assert sender.stdin is not None
        sender.stdin.write(json.dumps(asked))
        sender.stdin.close()
        sender.stdin = None
        return sender

    def _listen(self, fuzz: Fuzz, begun: float, before: dict[str, int]) -> None:
        status = self._status()
        fuzz.seconds = time.monotonic() - begun
        fuzz.gap = max(fuzz.gap, status["gap"])
        fuzz.pictures = max(fuzz.pictures, status["pictures"])
        for name, count in status["doors"].items():
            setattr(fuzz, name, count - before[name])

    def _calm(self) -> None:
        """All as the preset has it, and pictures that move again."""
        for address, given in (("/freeze", [0]), ("/blackout", [0]), ("/panic", [])):
            self._hall.send([packet_of(address, given)])
        latest = time.monotonic() + _PATIENCE
        while self._status()["ill"] and time.monotonic() < latest:
            time.sleep(_LOOK)

    # ---- its end

    def end(self) -> None:
        """Have the show end as by hand; what it says then is kept."""
        try:
            ended = self._hall.player.end()
        except Dead as death:
            self.death = str(death)
            return
        report = ended["report"]
        for name in ("onsets_heard", "onsets_shown", "screen_ms"):
            self.last[name] = report[name]
        self.last["shown"], self.last["drawn"] = report["frames_shown"], report["frames_generated"]


class _Looks:
    """The worst of what was seen while a fault was on."""

    def __init__(self) -> None:
        self.gap = self.pictures = 0.0

    def add(self, status: Answer) -> None:
        self.gap = max(self.gap, status["gap"])
        self.pictures = max(self.pictures, status["pictures"])


def _told(status: Answer, words: str) -> int:
    """How often something was told."""
    return sum(count for _, _, count, latest in status["faults"] if words in latest)


def _counts(status: Answer) -> dict[tuple[str, str], int]:
    return {(part, kind): count for part, kind, count, _ in status["faults"]}


def _lost(status: Answer) -> int:
    return int(status["onsets_heard"] - status["onsets_shown"])


def tells(kind: Kind, before: dict[tuple[str, str], int], now: Answer) -> bool:
    """Whether the show has told this fault since."""
    return any(
        count > before.get((part, sort), 0)
        and re.search(kind.part, part)
        and re.search(kind.words, latest)
        for part, sort, count, latest in now["faults"]
    )

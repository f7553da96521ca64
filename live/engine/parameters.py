"""Where hands and files meet the instrument: knobs, presets, tempo, turned between two hops.

Anything may ask at any time from any thread; the analysis thread carries it out before the next
hop, so that what is heard and what is turned have one order, which can be written down and played
again.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from synth.constants import HOP, RATE
from synth.engine import Engine
from synth.errors import UserError
from synth.session import Event, changed
from synth.settings.knobs import SLOWEST_GIVEN, Knobs, coerced, knob_of, value_of, with_values
from synth.settings.preset import Preset, is_file, preset_of, shipped

from ..faults import Faults, reason_of
from ..supervisor import Supervisor
from ..sync.clock import HAND, TAP, Clock, Conductor, Tempo
from ..sync.tapping import Tapping
from .preset_files import PART, Asked, PresetFiles

_LONGEST_WAIT = 2 * RATE // HOP  # hops that a look waits for its beat
_LONGEST_RAMP = 3600.0  # seconds
_CUES = 64  # that may wait for the next hop
_BPM = "hear.bpm"  # the knob that shows the tempo that is given
_SAME_TEMPO = 0.15  # beats a minute by which a steady clock seems to waver

Told = Callable[[Event], None]
Cue = int | Literal["next", "release"]


@dataclass(slots=True)
class _Ramp:
    """A knob on its way."""

    start: float
    target: float
    hops: int
    load: int  # looks that had been asked for when it set out
    begun: int | None = None  # the hop at which it set out

    def at(self, number: int) -> float:
        """Where the knob is at a hop; exactly on its target in the end."""
        self.begun = number if self.begun is None else self.begun
        gone = number + 1 - self.begun
        if gone >= self.hops:
            return self.target
        return self.start + (self.target - self.start) * gone / self.hops


@dataclass(slots=True)
class _LookChange:
    """A preset that was asked for, and what was turned since, which is laid over it."""

    knobs: Knobs
    fade: float | None  # seconds; the preset's own when None
    turned: dict[str, Any] = field(default_factory=dict)


_Turn = dict[str, Any] | Knobs | _LookChange  # single knobs, all of them, or another look


class Parameters:
    """Holds the current preset, what its knobs shall be, and queues what is to be turned.

    A hand wins over the look that was asked for before it. What is turned while a look waits for
    its file or for its beat changes the look that still plays at once, and is laid over the new
    one when that comes. `tell` hears of everything that changed, as events of a session.
    """

    def __init__(
        self,
        preset: Preset,
        settings: list[str],
        path: Path | None,
        tell: Told = lambda _event: None,
    ) -> None:
        self.preset = preset
        self.playing = path  # the preset's file; None when it came with the program
        self.wanted = preset.knobs  # every knob as it was asked for last
        self.trouble = ""  # why a look that was asked for, or saved, does not play
        self.tell = tell
        self.faults = Faults()
        self.now: Callable[[], float] = time.monotonic
        self._settings = settings
        self._lock = threading.Lock()
        self._loads = 0  # looks that were asked for,
        self._asked = str(path) if path is not None else preset.name  # the last of them,
        self._turned: dict[str, Any] = {}  # and what was turned since
        self._turns: deque[_Turn] = deque()
        self._waiting: _LookChange | None = None  # for its beat,
        self._latest = 0  # and until this hop at most
        self._ramps: dict[str, _Ramp] = {}
        self._cues: deque[Cue] = deque(maxlen=_CUES)
        self.clock = Clock()
        self._state_by_hand(preset.knobs)
        self._taps, self._conductor, self._led = Tapping(), Conductor(), ""
        self.files = PresetFiles(path.parent if path is not None else None, settings, self)

    def start(self, supervisor: Supervisor) -> None:
        """From now on the preset's file is watched, and files are read in a thread of their own.

        Before, `load` reads a file in the caller's thread.
        """
        for fault in self.faults:  # of the time before
            supervisor.faults.tell(fault.part, fault.latest, kind=fault.kind)
        self.faults = supervisor.faults
        self.files.start(supervisor)

    def stop(self) -> None:
        """Watch no file any more."""
        self.files.stop()

    # ---- in the analysis thread

    def before_hop(self, engine: Engine, number: int) -> None:
        """Carry out what was asked for; the analysis thread calls this.

        What fails is told, and keeps neither the rest nor the hop from going on.
        """
        jump, engine.jump = engine.jump, None
        if jump is not None:
            self._guarded(self.tell, {"hop": max(0, number - 1)} | jump)
        with self._lock:
            for name in list(self._ramps):
                self._guarded(self._advance, name, number)
            turns, self._turns = self._turns, deque()
            cues, self._cues = self._cues, deque(maxlen=_CUES)
        for turn in turns:
            self._guarded(self._take, turn, engine, number)
        if self._waiting is not None and self._is_due(engine, number):
            look, self._waiting = self._waiting, None
            self._guarded(self._change, look, engine, number)
        for cue in cues:
            self._guarded(self._begin, cue, engine, number)
        self._guarded(self._conduct, engine, number)

    def _guarded(self, action: Callable[..., None], *given: object) -> None:
        try:
            action(*given)
        except Exception as error:
            text = str(error) if isinstance(error, UserError) else reason_of(error)
            self.faults.tell("controls", text)

    def _conduct(self, engine: Engine, number: int) -> None:
        """Have the analysis follow the beats of whoever leads, and tell who that is."""
        leader, tempo = self.clock.leading
        if leader != self._led:
            self._led = leader
            self.tell({"hop": number, "clock": leader})
        if engine.heard is None:  # it has begun, and its time with it
            self._conductor = Conductor()
        heard = engine.heard.time if engine.heard is not None else 0.0
        lead = self._conductor.lead(tempo, self.now(), heard, engine.lead)
        if lead != engine.lead:
            engine.lead = lead
            self.tell({"hop": number, "lead": asdict(lead) if lead is not None else None})

    def _advance(self, name: str, number: int) -> None:
        """Bring a ramp one hop further; one that cannot go on is over."""
        ramp = self._ramps.pop(name)
        value = ramp.at(number)
        self._put(name, coerced(knob_of(name), value))
        if value != ramp.target:
            self._ramps[name] = ramp

    def _take(self, turn: _Turn, engine: Engine, number: int) -> None:
        match turn:
            case _LookChange() if engine.knobs.preset.on_beat:
                self._waiting, self._latest = turn, number + _LONGEST_WAIT
                self._turn(turn.turned, engine, number)
            case _LookChange():
                self._waiting = None
                self._change(turn, engine, number)
            case Knobs() if self._waiting is not None:
                self._waiting.knobs, self._waiting.turned = turn, {}
            case Knobs():
                self._telling(lambda: engine.turn(turn), engine, number)
            case _:
                if self._waiting is not None:
                    self._waiting.turned |= turn
                self._turn(turn, engine, number)

    def _turn(self, turned: Mapping[str, Any], engine: Engine, number: int) -> None:
        """Turn single knobs, at once or, where that fails, each for itself."""

        def turn(values: Mapping[str, Any]) -> None:
            knobs = with_values(engine.knobs, values, "parameters")
            self._telling(lambda: engine.turn(knobs), engine, number)

        try:
            turn(turned)
        except Exception:
            for name, value in turned.items():
                self._guarded(turn, {name: value})

    def _change(self, look: _LookChange, engine: Engine, number: int) -> None:
        knobs = with_values(look.knobs, look.turned, "parameters")
        self._telling(lambda: engine.change(knobs, look.fade), engine, number, look.fade)

    def _telling(
        self, turn: Callable[[], None], engine: Engine, number: int, fade: float | None = None
    ) -> None:
        """Turn, and tell what became different."""
        before, changes = engine.knobs, engine.changes
        turn()
        another = engine.changes != changes
        if another or engine.knobs != before:
            seconds = engine.knobs.preset.fade if fade is None else fade
            values = changed(before, engine.knobs)
            self.tell({"hop": number, "set": values, "fade": seconds if another else None})

    def _is_due(self, engine: Engine, number: int) -> bool:
        """Whether a look that waits may begin: with the predicted beat, or at last."""
        heard = engine.heard
        if heard is None or not heard.bpm:
            return True
        return heard.next_beat - heard.time <= engine.dt or number >= self._latest

    def _begin(self, cue: Cue, engine: Engine, number: int) -> None:
        if engine.cues is None:
            raise UserError("no keyframe can come: there is no bank; begin the show with --bank")
        if cue == "release":
            engine.cues.release()
            self.tell({"hop": number, "cue": None})
            return
        chosen = engine.cues.position + 1 if cue == "next" else cue
        engine.cues.go(chosen)
        self.tell({"hop": number, "cue": chosen})

    # ---- for hands, from any thread

    def turn(self, name: str, value: object) -> None:
        """Set one knob, `group.knob`; UserError when the value is none of its."""
        if knob_of(name).read_only:
            raise UserError(f"{name}: only the command line may set it: --set {name}=…")
        with_values(
            Knobs(), {name: value}, name
        )  # what is refused keeps the analysis thread from nothing
        with self._lock:
            self._put(name, value)
            self._ramps.pop(name, None)

    def ramp(self, name: str, target: float, seconds: float) -> None:
        """Bring a knob there in so many seconds; a turn of the same knob ends it."""
        aim = float(coerced(knob_of(name), target))  # type: ignore[arg-type]
        if math.isnan(seconds):
            raise UserError(f"{name}: a ramp of no number of seconds; use 0 to {_LONGEST_RAMP:g}")
        hops = max(1, round(min(max(0.0, seconds), _LONGEST_RAMP) * RATE / HOP))
        with self._lock:
            self._ramps[name] = _Ramp(value_of(self.wanted, name), aim, hops, self._loads)

    def _put(self, name: str, value: object) -> None:
        """Turn one knob by hand; to a tempo of 0, the music is listened to."""
        self._turned[name] = self._queue(name, value)
        if name == _BPM:
            self._state_by_hand(self.wanted)
            if not self.wanted.hear.bpm:
                self.clock.state("tapped", TAP, None)
            self._show_tempo()

    def _queue(self, name: str, value: object) -> Any:
        """Have one knob turned before the next hop; returns its value as it is taken."""
        self.wanted = with_values(self.wanted, {name: value}, name)
        checked = value_of(self.wanted, name)
        if not self._turns or not isinstance(self._turns[-1], dict):
            self._turns.append({})
        last = self._turns[-1]
        assert isinstance(last, dict)
        last[name] = checked
        return checked

    def reset(self) -> None:
        """All knobs as the preset has them."""
        with self._lock:
            self.clock.state("tapped", TAP, None)
            self.wanted, self._turned = self._state_by_hand(self.preset.knobs), {}
            self._turns = deque(turn for turn in self._turns if isinstance(turn, _LookChange))
            self._turns.append(self.wanted)
            self._ramps.clear()

    def cue(self, cue: Cue) -> None:
        """Cue a keyframe of the bank by number, the next one, or let all go."""
        with self._lock:
            self._cues.append(cue)

    # ---- tempo, from any thread

    def tap(self, now: float) -> float:
        """One tap of the tempo; returns the beats a minute that follow, 0 after the first tap.

        Where what is set by hand or another clock leads, that goes on.
        """
        with self._lock:
            bpm = self._taps.tap(now)
            if bpm is not None:
                self.clock.state("tapped", TAP, _tempo(bpm))
                self._show_tempo()
            return float(value_of(self.wanted, _BPM))

    def follow(self, who: str, tempo: Tempo | None) -> None:
        """What another machine's clock states; None once it states nothing any more."""
        with self._lock:
            self.clock.state("external", who, tempo)
            self._show_tempo(_SAME_TEMPO)

    def _show_tempo(self, slack: float = 0.0) -> None:
        """Turn the knob to what leads, unless it is there within so many beats a minute."""
        tempo, shown = self.clock.tempo, value_of(self.wanted, _BPM)
        bpm = tempo.bpm if tempo is not None else 0.0
        if abs(bpm - shown) > slack or (shown and not bpm):
            self._queue(_BPM, bpm)

    def _state_by_hand(self, knobs: Knobs) -> Knobs:
        """What knobs say of the tempo is set by hand; returns them with what leads then."""
        self.clock.state("set by hand", HAND, _tempo(knobs.hear.bpm))
        tempo = self.clock.tempo
        return with_values(knobs, {_BPM: tempo.bpm}, "the clock") if tempo is not None else knobs

    # ---- looks, from any thread

    def presets(self) -> dict[str, str]:
        """Every preset that may be loaded, and what `load` calls it: shipped ones, and those in
        the folder of the file that the show began with."""
        return {name: name for name in shipped()} | self.files.names

    def step(self, by: int) -> None:
        """The next preset by name after the one that was asked for last, or the one before."""
        there = self.presets()
        names, calls = list(there), list(there.values())
        if self._asked in calls:
            here = calls.index(self._asked)
        else:
            here = names.index(self.preset.name) if self.preset.name in names else -by
        self.load(calls[(here + by) % len(calls)])

    def number(self, number: int) -> None:
        """The preset of a number key, from 1; one beyond the last does nothing."""
        calls = list(self.presets().values())
        if 1 <= number <= len(calls):
            self.load(calls[number - 1])

    def load(self, name: str, fade: float | None = None) -> None:
        """Fade to another preset; trouble is told and the old look stays."""
        if is_file(name):
            self.files.ask(Asked(Path(name), fade, self._ask_for(name)))
            return
        try:
            preset = preset_of(name, self._settings)
        except UserError as trouble:
            self.complain(str(trouble))
            return
        self._play(preset, None, fade, self._ask_for(name))

    def _ask_for(self, name: str) -> int:
        with self._lock:
            self._loads += 1
            self._asked, self._turned = name, {}
            return self._loads

    def _play(self, preset: Preset, path: Path | None, fade: float | None, load: int) -> bool:
        """Change the look, unless another one was asked for meanwhile."""
        with self._lock:
            if load != self._loads:
                return False
            self.trouble, self.preset, self.playing = "", preset, path
            knobs = self._state_by_hand(with_values(preset.knobs, self._turned, preset.name))
            self.wanted = knobs
            self._ramps = {n: ramp for n, ramp in self._ramps.items() if ramp.load >= load}
            self._turns.clear()  # what was turned before is over with the look
            led = {} if self.clock.leader in ("", HAND) else {_BPM: knobs.hear.bpm}
            turned = self._turned | led  # the look's own tempo comes with it
            self._turns.append(_LookChange(preset.knobs, fade, turned))
            return True

    # ---- from the files, see `preset_files`

    def loaded(self, asked: Asked, preset: Preset) -> bool:
        """A file that was asked for is read; false when it is no longer wanted."""
        return self._play(preset, asked.path, asked.fade, asked.number)

    def saved(self, path: Path, preset: Preset) -> None:
        """The file that plays was saved: its values are the newest."""
        with self._lock:
            if path == self.playing:
                self.trouble, self.preset = "", preset
                self.wanted = self._state_by_hand(preset.knobs)
                self._turns.append(self.wanted)

    def complain(self, trouble: str) -> None:
        """A look cannot be had; the old one stays."""
        self.trouble = trouble
        self.faults.tell(PART, trouble)

    def relieve(self) -> None:
        """What was complained of is over."""
        self.trouble = ""


def _tempo(bpm: float) -> Tempo | None:
    """A tempo as a knob has it: 0 is none."""
    return Tempo(max(bpm, SLOWEST_GIVEN)) if bpm else None

"""A show on disk, exactly: the sound as it was heard, and every hand on the instrument.

A session is a folder `NAME.ljlog` that is whole at any moment, also after a crash:

    show.json      versions, generator, preset and every knob at the first hop
    sound.wav      mono float32 at RATE, hop after hop
    events.jsonl   one JSON object a line: `hop`, and `set` (knobs that changed, with `fade` in
                   seconds when the look changed), `freeze`, `blackout`, `cue` (a keyframe's
                   number in the bank, null for its release), `at` (seconds of the song at the
                   hop's end, where counting hops says otherwise; `still` when it stands there),
                   `unheard` (analysis failed at this hop, and the latent stood) or `anew` (after
                   such a failure the instrument began anew), `lead` (another clock's beats that
                   are followed from here on: `bpm`, and `beat_at`, the seconds of any one of them
                   since the first hop, or since the instrument began anew; null for those that are
                   heard), `clock` (who states the tempo from here on; empty where it is heard);
                   `fault` is what was told

Latents follow from these alone, bit for bit, for sound and hands meet in one order: hops. Where
analysis failed they follow from the next `anew` on; another generator that took over in the middle
of a show is not told, for a film of it is drawn by one.
"""

import json
import shutil
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from .analysis.beat import Lead
from .constants import RATE
from .engine import Engine
from .errors import UserError, shown
from .files import OwnFile
from .latents.keyframes import Cues
from .latents.latent import Embed, Latent
from .settings.knobs import FASTEST_GIVEN, SLOWEST_GIVEN, Knobs, knob_of, with_values
from .sink import Takes, Wants

SUFFIX = ".ljlog"
FORMAT = 1
_HEARD = {"hear.way": "classic"}  # where a log does not say: it was the only way
_AGES = 1e12  # seconds that no show reaches, nor a clock that counts from 1970
BLACKOUT = 1.0  # seconds that a blackout takes to come and to go

Event = dict[str, Any]


def changed(before: Knobs, after: Knobs) -> dict[str, Any]:
    """What differs, as `group.knob: value`."""
    old, new = before.model_dump(), after.model_dump()
    return {
        f"{group}.{key}": value
        for group, part in new.items()
        for key, value in part.items()
        if value != old[group][key]
    }


class SessionWriter:
    """Appends to a new folder; not for the analysis thread, for a disk may take its time."""

    wants = Wants(Takes.QUEUED)

    def __init__(self, folder: Path, about: dict[str, Any], knobs: Knobs) -> None:
        """`about` is what to know of the show besides its knobs, as JSON values.

        UserError where the folder cannot be written; then nothing of it is left.
        """
        check_new(folder)
        self.path = folder
        self._open = ExitStack()
        self._samples = 0
        try:
            folder.mkdir()
        except OSError as error:
            raise unwritable(folder, error) from error
        try:
            head = {"format": FORMAT, **about, "knobs": knobs.model_dump()}
            (folder / "show.json").write_text(json.dumps(head, indent=2) + "\n", "utf-8")
            events = (folder / "events.jsonl").open("w", encoding="utf-8", buffering=1)
            self._events = self._open.enter_context(events)
            options = {"rf64": "auto", "flush_packets": "1"}
            disk = self._open.enter_context(OwnFile(folder / "sound.wav"))
            sound = av.open(disk, "w", format="wav", options=options)
            self._file = self._open.enter_context(sound)
            self._stream = self._file.add_stream("pcm_f32le", rate=RATE, layout="mono")
            self._file.start_encoding()
        except BaseException as error:
            self._remove()
            if isinstance(error, OSError | av.FFmpegError):
                raise unwritable(folder, error) from error
            raise

    def hop(self, samples: np.ndarray) -> None:
        """The next hop (n,) float32, as it was heard."""
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples)[None], "flt", "mono")
        frame.rate, frame.pts, frame.time_base = RATE, self._samples, Fraction(1, RATE)
        self._samples += len(samples)
        for packet in self._stream.encode(frame):
            self._file.mux(packet)

    def event(self, event: Event) -> None:
        """One event; `hop` is the number of the hop that it comes before."""
        self._events.write(json.dumps(event) + "\n")

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """Pictures follow from the rest; nothing is written."""

    def close(self) -> None:
        """Close sound and events; a second time is nothing."""
        self._open.close()

    def discard(self) -> None:
        """Take back what was created, unless sound was heard."""
        if not self._samples:
            self._remove()

    def _remove(self) -> None:
        with suppress(OSError, av.FFmpegError):  # what cannot be finished is thrown away
            self._open.close()
        shutil.rmtree(self.path, ignore_errors=True)


def unwritable(path: Path, error: Exception) -> UserError:
    """What a failure to write means to a person."""
    reason = getattr(error, "strerror", None) or str(error)
    return UserError(f"{path}: cannot be written ({reason}); free space or name another place")


def check_new(folder: Path) -> None:
    """UserError where a session cannot be written."""
    if folder.suffix != SUFFIX:
        raise UserError(f"{folder}: a session's name ends in {SUFFIX}")
    if folder.exists():
        raise UserError(f"{folder}: is there already; name another, so that nothing is lost")
    if not folder.parent.is_dir():
        raise UserError(f"{folder}: the folder {folder.parent} does not exist; make it first")


@dataclass(frozen=True, slots=True)
class Session:
    """A show that was written down."""

    folder: Path
    about: dict[str, Any]
    knobs: Knobs  # at the first hop
    events: tuple[Event, ...]  # in order
    _shades: "_Shades" = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_shades", _Shades(self.events))

    @property
    def sound(self) -> Path:
        """The file with what was heard: mono float32 at RATE."""
        return self.folder / "sound.wav"

    @property
    def darkens(self) -> bool:
        """Whether it was ever blacked out."""
        return self._shades.any

    def shade(self, seconds: float) -> float:
        """How bright the picture is at a time of the sound: 1, less around blackouts."""
        return self._shades.at(seconds)


class _Shades:
    """Where each blackout came and went, so that a frame's shade needs no look at the others."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._times = [0.0]  # seconds at which the aim changed
        self._states = [(1.0, 1.0)]  # the shade then, and its aim from then on
        for event in events:
            if "blackout" in event:
                at = event["hop"] * Engine.HOP_SECONDS
                state = (self._since(-1, at), 0.0 if event["blackout"] else 1.0)
                self._times.append(at)
                self._states.append(state)

    @property
    def any(self) -> bool:
        return len(self._times) > 1

    def at(self, seconds: float) -> float:
        """The shade at a time; at least 0."""
        return self._since(max(0, bisect_right(self._times, seconds) - 1), seconds)

    def _since(self, change: int, seconds: float) -> float:
        shade, aim = self._states[change]
        return _faded(shade, aim, seconds - self._times[change])


def _faded(shade: float, aim: float, seconds: float) -> float:
    step = seconds / BLACKOUT
    return max(aim, shade - step) if aim < shade else min(aim, shade + step)


def load_session(folder: Path) -> Session:
    """Read what `SessionWriter` wrote, also where a crash cut it short."""
    place = folder / "show.json"
    try:
        about = json.loads(place.read_text("utf-8"))
        knobs = _knobs_in(about.pop("knobs"), str(place))
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UserError(
            f"{folder}: is no session ({error}); name a folder that lj live --log wrote"
        ) from error
    if about.get("format") != FORMAT:
        raise UserError(f"{place}: has format {about.get('format')}; this lj reads {FORMAT}")
    events = sorted(_events(folder / "events.jsonl"), key=lambda event: int(event["hop"]))
    return Session(folder, about, knobs, tuple(events))  # two threads wrote: a hop may be late


def _knobs_in(values: dict[str, dict[str, Any]], place: str) -> Knobs:
    flat = {f"{group}.{key}": v for group, part in values.items() for key, v in part.items()}
    return with_values(Knobs(), _HEARD | _recorded(flat), place)


def _recorded(values: dict[str, Any]) -> dict[str, Any]:
    """Knobs by name as this version takes them; an older one took tempi below the floor."""
    floor, bpm = knob_of("hear.bpm").floor, values.get("hear.bpm")
    if isinstance(bpm, (int, float)) and floor is not None and 0 < bpm < floor:
        return values | {"hear.bpm": floor}
    return values


def _events(path: Path) -> Iterator[Event]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({error})") from error
    for number, line in enumerate(lines, 1):
        try:
            event = json.loads(line)
            event["hop"]  # what has none was cut short, or is no event
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            if number == len(lines):
                return  # cut short by a crash
            raise UserError(f"{path}: line {number} is no event") from error
        _check(event, f"{path}: line {number}")
        yield event


def _check(event: Event, place: str) -> None:
    """UserError where an event has a value that no writer gives it."""
    for name, (fits, words) in _VALUES.items():
        if name in event and not fits(event[name]):
            raise UserError(f"{place}: {name} is {shown(event[name])}; it must be {words}")


def _is_count(value: object) -> bool:
    return type(value) is int and 0 <= value < 2**53


def _is_switch(value: object) -> bool:
    return isinstance(value, bool)


def _is_seconds(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _AGES


def _is_lead(value: object) -> bool:
    if not (isinstance(value, dict) and value.keys() == {"bpm", "beat_at"}):
        return False
    bpm, beat_at = value["bpm"], value["beat_at"]
    return _is_seconds(bpm) and SLOWEST_GIVEN <= bpm <= FASTEST_GIVEN and _is_seconds(beat_at)


_VALUES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "hop": (_is_count, "a whole number from 0"),
    "set": (lambda value: isinstance(value, dict), "knobs and their values"),
    "fade": (
        lambda value: value is None or (_is_seconds(value) and value >= 0),
        "seconds from 0, or null",
    ),
    "unheard": (_is_switch, "true or false"),
    "anew": (_is_switch, "true or false"),
    "freeze": (_is_switch, "true or false"),
    "blackout": (_is_switch, "true or false"),
    "cue": (lambda value: value is None or _is_count(value), "a keyframe's number, or null"),
    "at": (_is_seconds, "seconds"),
    "still": (_is_switch, "true or false"),
    "clock": (lambda value: isinstance(value, str), "a name"),
    "lead": (lambda value: value is None or _is_lead(value), "null, or bpm and beat_at"),
}


class Replay(Engine):
    """An engine on which a session's hands play again; fed with its sound from the start."""

    def __init__(self, session: Session, embed: Embed, cues: Cues | None = None) -> None:
        super().__init__(session.knobs, embed, cues)
        self._place = str(session.folder / "events.jsonl")
        self._coming = list(reversed(session.events))
        self._hop = 0
        self._frozen = False
        self._unheard = -1  # the newest hop that was not heard
        self._shown: Latent | None = None

    def hear(self, hop: np.ndarray, at: float | None = None) -> Latent:
        """The latent at the end of the next hop (hop,), with every hand that turned before it.

        UserError where an event cannot be carried out.
        """
        while self._coming and self._coming[-1]["hop"] <= self._hop:
            self._carry_out(self._coming.pop())
        self._hop += 1
        if self._shown is not None and self._unheard == self._hop - 1:
            return self._shown
        latent = super().hear(hop, at)
        if self._shown is None or not self._frozen:
            self._shown = latent
        return self._shown

    def _carry_out(self, event: Event) -> None:
        if "set" in event:
            knobs = with_values(self.knobs, _recorded(event["set"]), self._place)
            if event.get("fade") is None:
                self.knobs = knobs
            else:
                self.change(knobs, event["fade"])
        self._frozen = event.get("freeze", self._frozen)
        if event.get("unheard"):
            self._unheard = event["hop"]
        if event.get("anew"):
            vars(self).update(vars(self.anew()))  # what only a replay has stays
        if "lead" in event:
            self.lead = Lead(**event["lead"]) if event["lead"] is not None else None
        if "at" in event:
            self.position.jump(event["at"], still=bool(event.get("still")))
        if "cue" in event and self.cues is not None:
            if event["cue"] is None:
                self.cues.release()
            else:
                self.cues.go(event["cue"])

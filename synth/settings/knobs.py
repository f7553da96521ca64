"""The one table of knobs. Preset keys, `--set` and the README's table all come from here.

A knob is a field of its group: `steer.truncation` is `Knobs().steer.truncation`.
"""

import difflib
import functools
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args, get_origin

import pydantic
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.fields import FieldInfo

from ..errors import UserError, cut, shown
from .imagenet import class_number, class_numbers

SLOWEST_GIVEN, FASTEST_GIVEN = 20.0, 300.0  # beats a minute that may be tapped or known
_MOST_CLASSES, _MOST_AVOIDED = 12, 100


def _knob(default: Any, sentence: str, low: float, high: float, unit: str = "") -> Any:
    return Field(default, ge=low, le=high, description=sentence, json_schema_extra={"unit": unit})


def _tempo(bpm: float) -> float:
    if 0 < bpm < SLOWEST_GIVEN:
        raise ValueError("too slow to be counted")
    return bpm


def _class_numbers(wanted: object) -> tuple[int, ...]:
    return _numbers_of(wanted, _MOST_CLASSES, lambda item: (class_number(item),))


def _numbers_of(
    wanted: object, most: int, meant: Callable[[int | str], tuple[int, ...]]
) -> tuple[int, ...]:
    items = wanted.split(",") if isinstance(wanted, str) else wanted
    if not isinstance(items, (list, tuple)) or not all(
        isinstance(item, (int, str)) and not isinstance(item, bool) for item in items
    ):
        raise ValueError("use a list of ImageNet class names or numbers")
    if len(items) > most:
        raise ValueError(f"has {len(items)} classes; use {most} or fewer")
    try:
        return tuple(number for item in items for number in meant(item))
    except UserError as trouble:
        raise ValueError(str(trouble)) from trouble


def _avoided_numbers(wanted: object) -> tuple[int, ...]:
    return _numbers_of(wanted, _MOST_AVOIDED, class_numbers)


Tempo = Annotated[float, AfterValidator(_tempo)]
Classes = Annotated[tuple[int, ...], BeforeValidator(_class_numbers)]
Avoided = Annotated[tuple[int, ...], BeforeValidator(_avoided_numbers)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Hear(_Group):
    """How beats, drums and onsets are heard."""

    way: Literal["classic", "learned"] = Field(
        "classic",
        description="Whether beats and onsets are computed from how the bands grow, or told as "
        "learnt from much music; the learned way knows drums and bars as well.",
    )
    octave: Literal["as heard", "half", "double"] = Field(
        "as heard", description="Count the beat as heard, half as fast or twice as fast."
    )
    bpm: Tempo = Field(
        0.0,
        ge=0,
        le=FASTEST_GIVEN,
        description="Beats a minute when the tempo is tapped or known; 0 listens.",
        json_schema_extra={"floor": SLOWEST_GIVEN},
    )


class Steer(_Group):
    """How music moves the latent."""

    pitch_sensitivity: float = _knob(
        220.0, "How fast chords change the picture's subject; 300 would be at once.", 1, 299
    )
    tempo_sensitivity: float = _knob(0.25, "How fast loud and rising sound moves it.", 0, 1)
    jitter: float = _knob(0.5, "How unevenly its parts move; 0 moves all alike.", 0, 1)
    truncation: float = _knob(
        0.7, "How far from the average picture it may go: low is calm, high is wild.", 0.02, 1
    )
    smoothing: float = _knob(0.25, "Time constant that softens all steering but kicks.", 0, 5, "s")
    depth: float = _knob(1.0, "How strongly the classes show.", 0, 1)
    kick: float = _knob(
        0.5,
        "How far a kick drum pushes the picture before it springs back; without one, "
        "any sudden sound does.",
        0,
        1,
    )
    drift: float = _knob(0.25, "How far the picture breathes by itself, also in silence.", 0, 1)
    classes: Classes = Field(
        (),
        description="Up to 12 ImageNet classes, shared out over the pitch classes; "
        "none draws twelve from the seed.",
    )
    avoid: Avoided = Field(
        (), description="ImageNet classes or whole groups (spiders, snakes …) that never show."
    )
    seed: int = _knob(0, "Which of all possible shows this is.", 0, 2**32 - 1)


class Bands(_Group):
    """Sound's bands, each moving what is of its own size in the picture."""

    bass: float = _knob(0.0, "How far bass pushes the coarse shapes, and nothing else.", 0, 1)
    mid: float = _knob(0.0, "How far the middle of the sound pushes the middle sizes.", 0, 1)
    treble: float = _knob(0.0, "How far treble pushes the fine textures and the light.", 0, 1)


class Change(_Group):
    """How one look becomes another."""

    fade: float = _knob(2.0, "How long one look takes to become another, live.", 0, 30, "s")
    on_beat: bool = Field(False, description="Another look begins with the next beat, live.")


class Cue(_Group):
    """How keyframes of a bank take the picture."""

    strength: float = _knob(1.0, "How far a keyframe takes the picture's subject.", 0, 1)
    grip: float = _knob(0.8, "How little the music moves the picture meanwhile.", 0, 1)
    attack_time: float = _knob(0.8, "How long a keyframe takes to come.", 0, 30, "s")
    release_time: float = _knob(1.5, "How long it takes to go.", 0, 30, "s")
    quantise: Literal["off", "beat", "bar"] = Field(
        "off", description="A cue by hand waits for the next beat or bar."
    )


class Look(_Group):
    """How frames fill the screen."""

    fit: Literal["crop", "pad", "mirror", "kaleidoscope", "blur"] = Field(
        "crop",
        description="How a picture fills another shape: cut off, black bars, mirrored sides, "
        "four mirrored pictures, or its own blur beside it.",
    )
    flash_limit: bool = Field(
        True,
        description="No more than three flashes in any second (WCAG 2.3.1); "
        "only --set turns it off.",
        json_schema_extra={"read_only": True},
    )
    wide: Literal["off", "stretch", "repeat", "mirror"] = Field(
        "off",
        description="BigGAN alone: draw 7 to 4 instead of square, its first columns stretched, "
        "repeated or mirrored (no seam). Experimental; read at start.",
    )


class Knobs(_Group):
    """Every knob's value."""

    hear: Hear = Hear()
    steer: Steer = Steer()
    bands: Bands = Bands()
    look: Look = Look()
    preset: Change = Change()
    cue: Cue = Cue()


@dataclass(frozen=True, slots=True)
class Knob:
    """One row of the table."""

    name: str
    default: Any
    sentence: str
    unit: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    floor: float | None = None  # the lowest value above `low`
    read_only: bool = False  # no hand may turn it in a show, and no preset may turn it off

    @property
    def cure(self) -> str:
        """What may stand there, in words."""
        if self.choices:
            return "use " + " or ".join(self.choices)
        if isinstance(self.default, bool):
            return "use true or false"
        if self.low is not None and self.high is not None:
            span = f"{self.low if self.floor is None else self.floor:g} to {self.high:.10g}"
            alone = f"{self.low:g} or " if self.floor is not None else ""
            return f"use {alone}{span}" + (f" {self.unit}" if self.unit else "")
        most = _MOST_AVOIDED if self.name == "steer.avoid" else _MOST_CLASSES
        return f"use a list of up to {most} ImageNet class names or numbers"


def coerced(knob: Knob, value: object) -> object:
    """A value from a controller as the knob wants it: numbers are clipped, words are matched.

    Choices are taken by word or by number from 0, switches by anything that is a number or a word
    for true or false. UserError for what cannot be meant.
    """
    if knob.choices:
        return _choice(knob, value)
    if isinstance(knob.default, bool):
        return switched(knob.name, value)
    if knob.low is None or knob.high is None:
        return value  # classes: the table's own check reads names and numbers
    return _clipped(knob, value)


def stepped(knob: Knob, now: float, by: float) -> float:
    """The value of a number `by` further on; a step down from its floor ends below the gap."""
    if knob.floor is not None and knob.low is not None and by < 0 and now + by < knob.floor:
        return float(knob.low)
    return float(_clipped(knob, now + by))


def _clipped(knob: Knob, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise UserError(f"{knob.name} is {shown(value)}; {knob.cure}")
    try:
        number = float(value) if isinstance(value, str) else value
    except ValueError as error:
        raise UserError(f"{knob.name} is {shown(value)}; {knob.cure}") from error
    if number != number:  # noqa: PLR0124 - math.isnan fails at huge integers
        raise UserError(f"{knob.name} is no number; {knob.cure}")
    assert knob.low is not None and knob.high is not None
    clipped = min(max(number, knob.low), knob.high)
    if knob.floor is not None and clipped > knob.low:
        clipped = max(clipped, knob.floor)
    return round(clipped) if isinstance(knob.default, int) else as_sent(float(clipped))


def as_sent(number: float) -> float:
    """The shortest decimal that is the same 32 bit float, where the number is such a float.

    OSC carries 32 bits: whoever sent 0.37 shall read 0.37, not 0.3700000047683716. It is done
    where values come in, so that knobs, logs, pages and answers all hold the same number.
    """
    try:
        if _rounded(number) != number:
            return number
    except OverflowError:
        return number
    decimals = (float(f"{number:.{digits}g}") for digits in range(1, 9))
    return next((short for short in decimals if _rounded(short) == number), number)


def _rounded(number: float) -> float:
    rounded: float = struct.unpack("f", struct.pack("f", number))[0]
    return rounded


def _choice(knob: Knob, value: object) -> str:
    if isinstance(value, str) and value in knob.choices:
        return value
    if isinstance(value, (int, float)) and value in range(len(knob.choices)):
        return knob.choices[int(value)]
    raise UserError(f"{knob.name} is {shown(value)}; {knob.cure}")


def switched(name: str, value: object) -> bool:
    """On or off, by a number or a word; UserError, beginning with the name, for anything else."""
    if isinstance(value, (bool, int, float)) and value == value:  # noqa: PLR0124 - NaN is neither
        return bool(value)
    words = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    raise UserError(f"{name} is {shown(value)}; use true or false")


def value_of(knobs: Knobs, name: str) -> Any:
    """The value of `group.knob`."""
    group, _, key = name.partition(".")
    return getattr(getattr(knobs, group), key)


def with_values(knobs: Knobs, values: Mapping[str, Any], place: str) -> Knobs:
    """The knobs with `group.knob: value` laid over them; UserError begins with `place`."""
    tree: dict[str, Any] = knobs.model_dump()
    for name, value in values.items():
        group, _, key = name.partition(".")
        tree.setdefault(group, {})[key] = value
    return knobs_of(tree, place)


@functools.cache
def table() -> tuple[Knob, ...]:
    """Every knob in order."""
    return tuple(
        _row(f"{group}.{key}", field)
        for group, group_field in Knobs.model_fields.items()
        for key, field in _fields_of(group_field).items()
    )


def _fields_of(group: FieldInfo) -> dict[str, FieldInfo]:
    model = group.annotation
    assert isinstance(model, type) and issubclass(model, BaseModel)
    return model.model_fields


def _row(name: str, field: FieldInfo) -> Knob:
    limits = {k: getattr(m, k) for m in field.metadata for k in ("ge", "le") if hasattr(m, k)}
    extra: Any = field.json_schema_extra or {}
    return Knob(
        name=name,
        default=field.default,
        sentence=field.description or "",
        unit=extra.get("unit", ""),
        low=limits.get("ge"),
        high=limits.get("le"),
        choices=get_args(field.annotation) if get_origin(field.annotation) is Literal else (),
        floor=extra.get("floor"),
        read_only=extra.get("read_only", False),
    )


@functools.cache
def knob_of(name: str) -> Knob:
    """The knob `group.knob`; KeyError when there is none."""
    return {knob.name: knob for knob in table()}[name]


def markdown() -> str:
    """The table as README shows it."""
    rows = ["| knob | range | default | what it does |", "|---|---|---|---|"]
    for knob in table():
        span = knob.cure.removeprefix("use ").replace(" or ", ", ")
        default = knob.default if knob.default != () else "none"
        rows.append(f"| `{knob.name}` | {span} | {default} | {knob.sentence} |")
    return "\n".join(rows) + "\n"


def knobs_of(values: Mapping[str, Any], place: str) -> Knobs:
    """Check a tree of values, as a preset file holds it; `place` begins every complaint."""
    try:
        return Knobs.model_validate(values)
    except pydantic.ValidationError as error:
        raise UserError(f"{place}: {_sentence(error)}") from error


def _sentence(error: pydantic.ValidationError) -> str:
    """Name the first offence, its value and its cure, and count the others."""
    first, *others = error.errors(include_url=False)
    more = f" (and {len(others)} more)" if others else ""
    name = ".".join(str(part) for part in first["loc"][:2])
    known = {knob.name: knob for knob in table()}
    if first["type"] == "extra_forbidden":
        close = difflib.get_close_matches(name, known, 1)
        cure = f"did you mean {close[0]}?" if close else f"use {', '.join(known)}"
        return f"{cut(name)} is no knob; {cure}{more}"
    if name not in known:
        return f"{name} is {shown(first['input'])}; it must be a table of knobs{more}"
    if first["type"] == "value_error" and known[name].low is None:
        return f"{name}: {first['msg'].removeprefix('Value error, ')}{more}"
    return f"{name} is {shown(first['input'])}; {known[name].cure}{more}"

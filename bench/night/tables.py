"""The table of a night, and whether it was a good one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from bench.report import machine, table

from .disk import Left
from .faults import KINDS, Kind
from .measures import Slope, Usage, slope
from .night import Injection, Night
from .player import Answer

GAP = 1.0  # seconds without a drawing that nothing explains
FUZZ_GAP = 0.25  # seconds, while messages of the grammar come
GROWTH = 10.0  # MB an hour, the upper end of the interval
_WARM, _WARM_PART = 600.0, 0.25  # seconds, or the part of a short night, before slopes are counted
_LONG = 3600.0  # seconds after it from which on a slope is judged


@dataclass(frozen=True, slots=True)
class Verdict:
    """One criterion."""

    words: str
    value: str
    holds: bool | None  # None where it could not be judged

    def __str__(self) -> str:
        said = {True: "holds", False: "FAILS", None: "not judged"}[self.holds]
        return f"* **{said}**: {self.words}: {self.value}"


def warm(samples: Sequence[Usage], begun: float, seconds: float) -> list[Usage]:
    """Measurements after the time in which everything is allocated once."""
    after = begun + min(_WARM, _WARM_PART * seconds)
    return [sample for sample in samples if sample.at >= after]


def growth(samples: Sequence[Usage], of: Callable[[Usage], float]) -> Slope | None:
    return slope([sample.at for sample in samples], [of(sample) for sample in samples])


def verdicts(night: Night, left: Left | None, seconds: float) -> list[Verdict]:
    """Every criterion of a night of so many seconds."""
    samples = warm(night.samples, night.begun, seconds)
    memory = growth(samples, lambda sample: sample.memory)
    judged = bool(samples) and samples[-1].at - samples[0].at >= _LONG - 60
    done = [one for one in night.injections if one.done]
    untold = [one.kind.name for one in done if not one.told]
    unwell = [one.kind.name for one in done if one.recovered is None or one.wrong]
    still = [one.kind.name for one in done if one.pictures > one.kind.still]
    told = sum(one.told and one.kind.is_told for one in done)
    asked = sum(one.kind.is_told for one in done)
    undone = [one.kind.name for one in night.injections if not one.done]
    rows = [
        Verdict("the show lives until it is ended", night.death or "yes", not night.death),
        Verdict(
            f"no gap over {GAP:g} s between two drawings that no stop of the whole explains",
            f"{night.gap:.2f} s at most",
            night.gap <= GAP,
        ),
        Verdict(
            f"a new picture every {GAP:g} s; where what makes them fails, within the time named",
            f"{night.still:.2f} s at most while nothing was wrong; {len(done) - len(still)} of "
            f"{len(done)} faults{_named(still)}",
            not still and night.still <= GAP,
        ),
        Verdict(
            f"memory grows by less than {GROWTH:g} MB an hour (95 %)",
            f"{memory or 'too short'}",
            memory.high < GROWTH if memory is not None and judged else None,
        ),
        Verdict(
            "every fault can be done to the show",
            f"{len(done)} of {len(night.injections)}{_named(undone)}",
            not undone,
        ),
        Verdict("every fault is told", f"{told} of {asked}{_named(untold)}", not untold),
        Verdict(
            "the show is well after each, and whatever is checked holds",
            f"{len(done) - len(unwell)} of {len(done)}{_named(unwell)}",
            not unwell,
        ),
        Verdict(
            "nothing is lost on disk",
            "not read" if left is None else "; ".join(left.wrong) or "nothing",
            None if left is None else not left.wrong,
        ),
    ]
    return [*rows, *_fuzz_verdicts(night)]


def _fuzz_verdicts(night: Night) -> list[Verdict]:
    fuzz = night.fuzz
    if fuzz is None:
        return []
    return [
        Verdict("all messages were sent", f"{fuzz.sent} of {fuzz.asked}", fuzz.sent >= fuzz.asked),
        Verdict(
            "every packet arrives, and none is dropped because there are too many",
            f"{fuzz.received} of {fuzz.packets}; told {fuzz.too_many} times",
            fuzz.received >= fuzz.packets and not fuzz.too_many,
        ),
        Verdict(
            f"new pictures come every {FUZZ_GAP:g} s meanwhile, but where a message held them",
            f"{1000 * fuzz.pictures:.0f} ms at most",
            fuzz.pictures <= FUZZ_GAP,
        ),
        Verdict("the show is well afterwards", "; ".join(fuzz.ill) or "yes", not fuzz.ill),
    ]


def _named(names: Sequence[str]) -> str:
    return f" (not: {', '.join(sorted(set(names)))})" if names else ""


def text(night: Night, left: Left | None, seconds: float, missing: Sequence[str]) -> str:
    """Everything in Markdown."""
    done = [one for one in night.injections if one.done]
    parts = [
        "# A whole night on stage",
        f"{machine()}; a virtual screen, drawn by the processor; PulseAudio and JACK without a "
        "sound card.",
        f"{_long(seconds)}: {len(done)} faults of {len({one.kind.name for one in done})} kinds. "
        "The show listens to the demo song round and round through a sound server and draws the "
        "embedded generator at 256 px in a window of 640x360, with OSC, OSCQuery, the control "
        "page, MIDI, a film, a log and a report. *Gap* is the longest time between two drawings "
        "of the window, *pictures* that between two new pictures in it, and what it may be: more "
        "than a second only where what makes pictures fails or hangs, for a thread counts as hung "
        "after two. Times at which the whole process was stopped are left out. *Well again* is the "
        "time from the end of the fault until sound, threads and pictures are as they should be, "
        "median and longest; *onsets lost* were heard and never came to the screen (a window of "
        "0x0 shows none); *memory* is what more the program holds then, in all its processes, in "
        "the median.",
        "## What must hold",
        "\n".join(map(str, verdicts(night, left, seconds))),
        "## Fault by fault",
        table(_HEAD, [_row(kind, night.injections) for kind in KINDS if _ran(kind, night)]),
    ]
    for title, lines in (
        ("The night in numbers", _numbers(night, left, seconds)),
        ("What went wrong", _wrongs(night)),
        ("All that was told", told(night.last)),
        ("Not run", [*missing, *(f"{kind.name}: never its turn" for kind in _unrun(night))]),
    ):
        if lines:
            parts += [f"## {title}", "\n".join(f"* {line}" for line in lines)]
    return "\n\n".join(parts)


_HEAD = (
    "fault",
    "times",
    "told",
    "gap, ms",
    "pictures, s",
    "well again, s",
    "onsets lost",
    "memory, MB",
)


def _ran(kind: Kind, night: Night) -> bool:
    return any(one.kind is kind and one.done for one in night.injections)


def _unrun(night: Night) -> list[Kind]:
    return [kind for kind in KINDS if not _ran(kind, night)]


def _row(kind: Kind, injections: Sequence[Injection]) -> list[object]:
    here = [one for one in injections if one.kind is kind and one.done]
    well = [one.recovered for one in here if one.recovered is not None]
    again = f"{median(well):.1f} / {max(well):.1f}" if well else ""
    return [
        kind.name,
        len(here),
        f"{sum(one.told for one in here)}" if kind.is_told else "need not",
        f"{1000 * max(one.gap for one in here):.0f}",
        f"{max(one.pictures for one in here):.1f} of {kind.still:.1f}",
        again if len(well) == len(here) else f"{again} ({len(here) - len(well)} never)",
        max(0, sum(one.onsets for one in here)),
        f"{median(one.memory for one in here):+.1f}",
    ]


def _numbers(night: Night, left: Left | None, seconds: float) -> list[str]:
    last, samples = night.last, warm(night.samples, night.begun, seconds)
    if not last:
        return []
    lines = [
        f"{last['shown']} frames shown, {last['drawn']} drawn; from one drawing to the next "
        f"{last['screen_ms']['p50']:.1f} ms in the median, p99 {last['screen_ms']['p99']:.1f}, "
        f"p99.9 {last['screen_ms']['p99.9']:.1f}",
        f"longest gap that nothing explains {night.gap:.2f} s; {len(night.gaps)} over 0.25 s",
        f"{last['onsets_heard'] - last['onsets_shown']} of {last['onsets_heard']} onsets lost on "
        f"their way to the screen; {last['lost']} samples lost before they were heard",
    ]
    if samples:
        first, end = samples[0], samples[-1]
        lines += [
            f"memory {first.memory:.0f} MB after warming up, {end.memory:.0f} MB at last; slope, "
            f"MB an hour: {growth(samples, lambda s: s.memory) or 'too short'}",
            f"descriptors {first.descriptors}, {end.descriptors}; slope an hour: "
            f"{growth(samples, lambda s: s.descriptors) or 'too short'}",
            f"threads {first.threads}, {end.threads}; slope an hour: "
            f"{growth(samples, lambda s: s.threads) or 'too short'}",
            f"processes beside the show {first.children}, {end.children}",
        ]
    if left is not None:
        lines.append(
            f"on disk: a film of {left.film:.0f} s ({left.frames} frames), a log of {left.hops} "
            f"hops and {left.events} events; {left.replayed} hops replayed"
        )
    return lines + _messages(night)


def _messages(night: Night) -> list[str]:
    fuzz = night.fuzz
    if fuzz is None:
        return []
    return [
        f"{fuzz.sent} messages of the grammar in {fuzz.packets} packets and {fuzz.seconds:.0f} s; "
        f"the show took {fuzz.received} packets, called {fuzz.malformed} malformed and dropped "
        f"{fuzz.dropped} messages; "
        f"{1000 * fuzz.gap:.0f} ms between two drawings at most, {1000 * fuzz.pictures:.0f} ms "
        "between two new pictures"
    ]


def _wrongs(night: Night) -> list[str]:
    bad = [one for one in night.injections if one.wrong or not one.told or one.recovered is None]
    return [
        f"{one.kind.name}, {_long(one.at - night.begun)} in: "
        + ("not done; " if not one.done else "" if one.told else "not told; ")
        + (one.wrong or ("" if one.recovered is not None else "never well again"))
        for one in bad
    ]


def told(last: Answer) -> list[str]:
    """Every kind of fault that the show told."""
    return [
        f"{part}: {latest} ({count} times)" if count > 1 else f"{part}: {latest}"
        for part, _, count, latest in last.get("faults", ())
    ]


def _long(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min {rest:02} s"

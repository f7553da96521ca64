"""What was measured, as text: a summary for each part of the pieces, and a row for each piece."""

from collections.abc import Sequence

import numpy as np

from bench.records.measure import Heard
from bench.records.scores import interval
from bench.records.trackers import AUBIO, ONLINE
from bench.records.truth import Map
from bench.report import table

_NOT_THERE = "not there"
_BINS = 10  # of confidence


def summary(heard: Sequence[Heard], ways: Sequence[str]) -> str:
    """All tables of one part of the pieces."""
    beats = [piece for piece in heard if piece.beats]
    onsets = [piece for piece in heard if piece.onsets]
    bars = [piece for piece in heard if piece.downbeats]
    parts = [
        f"Beats of {len(beats)} pieces are known, {sum(p.human for p in beats)} of them from a "
        f"person; downbeats of {len(bars)}, onsets of {len(onsets)}.",
        beat_table(beats),
        "F by kind:",
        kind_table(beats),
        "Downbeats, F within 70 ms after 10 s:",
        downbeat_table(bars, ways),
        "Onsets, F within 50 ms:",
        onset_table(onsets),
        confidence_table(beats, ways),
    ]
    return "\n\n".join(parts)


def beat_table(heard: Sequence[Heard]) -> str:
    """A row for each tracker."""
    if not heard:
        return "No beats."
    head = (
        "beats, F 70 ms after 10 s",
        "mean (95 %)",
        "either octave",
        f"pieces above {AUBIO}",
        f"worst against {ONLINE}",
        "first right beat, s, median",
        "never right",
    )
    return table(head, [_beat_row(name, heard) for name in heard[0].beats])


def _beat_row(name: str, heard: Sequence[Heard]) -> tuple[str, ...]:
    scores = [piece.beats[name] for piece in heard]
    above = sum(piece.beats[name].f > piece.beats[AUBIO].f for piece in heard)
    behind = {p.name: p.beats[name].f - p.beats[ONLINE].f for p in heard}
    worst = min(behind, key=behind.__getitem__)
    firsts = np.array([score.first for score in scores])
    return (
        name,
        with_interval([score.f for score in scores]),
        with_interval([score.octave for score in scores]),
        "" if name == AUBIO else f"{100 * above / len(heard):.0f} %",
        "" if name == ONLINE else f"{behind[worst]:+.3f} {worst}",
        seconds(float(np.median(firsts))),
        f"{np.isinf(firsts).sum()} of {len(heard)}",
    )


def with_interval(values: Sequence[float]) -> str:
    """The mean and its bootstrap interval over pieces."""
    if not values:
        return "none"
    low, high = interval(values)
    return f"{np.mean(values):.3f} ({low:.3f} to {high:.3f})"


def seconds(value: float) -> str:
    return "never" if np.isinf(value) else f"{value:.1f}"


def kind_table(heard: Sequence[Heard]) -> str:
    """Mean F of each tracker for each kind of music."""
    if not heard:
        return "No beats."
    names = list(heard[0].beats)
    rows = []
    for kind in sorted({piece.kind for piece in heard}):
        members = [piece for piece in heard if piece.kind == kind]
        means = (np.mean([piece.beats[name].f for piece in members]) for name in names)
        rows.append((kind, len(members), *(f"{mean:.3f}" for mean in means)))
    return table(("kind", "pieces", *names), rows)


def downbeat_table(heard: Sequence[Heard], ways: Sequence[str]) -> str:
    """Mean F of each of our ways."""
    rows = []
    for way in ways:
        told = [f for piece in heard if (f := piece.downbeats[way]) is not None]
        rows.append((way, with_interval(told) if told else _NOT_THERE))
    return table(("downbeats", "mean (95 %)"), rows)


def onset_table(heard: Sequence[Heard]) -> str:
    """A row for each method, the best of aubio's in bold."""
    if not heard:
        return "No onsets."
    means = {name: np.mean([piece.onsets[name] for piece in heard]) for name in heard[0].onsets}
    best = max((name for name in means if name.startswith("aubio")), key=means.__getitem__)
    rows = []
    for name in means:
        delays = [1000 * delay for piece in heard for delay in piece.delays[name]]
        p50, p95 = np.percentile(delays, [50, 95]) if delays else (np.nan, np.nan)
        scores = with_interval([piece.onsets[name] for piece in heard])
        shown = f"**{name}**" if name == best else name
        rows.append((shown, scores, f"{p50:.0f}", f"{p95:.0f}"))
    return table(("onsets", "mean (95 %)", "told after, p50 ms", "p95 ms"), rows)


def confidence_table(heard: Sequence[Heard], ways: Sequence[str]) -> str:
    """Of each of our ways the share of right beats in each tenth of confidence, and how many."""
    told = {way: [pair for piece in heard for pair in piece.confidence[way]] for way in ways}
    if not any(told.values()):
        return f"Confidence: {_NOT_THERE}."
    columns = [_reliability(t) if t else [_NOT_THERE] * _BINS for t in told.values()]
    bins = [f"{k / _BINS:.1f} to {(k + 1) / _BINS:.1f}" for k in range(_BINS)]
    return table(
        ("beats that were right, by confidence", *ways), list(zip(bins, *columns, strict=True))
    )


def _reliability(told: Sequence[tuple[float, bool]]) -> list[str]:
    tenth = np.minimum(_BINS - 1, (np.array([c for c, _ in told]) * _BINS).astype(int))
    right = np.array([r for _, r in told])
    groups = (right[tenth == k] for k in range(_BINS))
    return [f"{group.mean():.2f} of {len(group)}" if len(group) else "none" for group in groups]


def piece_table(heard: Sequence[Heard], reserved: set[str], ways: Sequence[str]) -> str:
    """A row for each piece: F of beats of each tracker, our first right beat, F of onsets."""
    trackers = (*ways, AUBIO, ONLINE)
    head = ("piece", "kind", "part", "beats by", *trackers)
    head += (*(f"{way}, first right, s" for way in ways), *(f"{way}, onsets" for way in ways))
    rows = []
    for piece in sorted(heard, key=lambda piece: (piece.name in reserved, piece.name)):
        part = "reserved" if piece.name in reserved else "development"
        beats = [piece.beats[name] for name in trackers] if piece.beats else []
        row = [piece.name, piece.kind, part, _source(piece)]
        row += [f"{score.f:.3f}" for score in beats] or [""] * len(trackers)
        row += [seconds(score.first) for score in beats[: len(ways)]] or [""] * len(ways)
        row += [f"{piece.onsets[way]:.3f}" if piece.onsets else "" for way in ways]
        rows.append(row)
    return table(head, rows)


def _source(piece: Heard) -> str:
    if not piece.beats:
        return "not known"
    return "a person" if piece.human else "trackers"


def map_table(maps: dict[str, Map]) -> str:
    """How people's tempo maps agree with what trackers say."""
    head = (
        "tempo map",
        "BPM",
        "sound later by, ms",
        "beats with an onset",
        "F to silver beats",
        "F, moved",
        "two trackers agree",
        "believed",
    )
    rows = [
        (
            name,
            f"{60 / np.median(np.diff(m.beats)):.1f}",
            f"{1000 * m.offset:+.0f}",
            f"{100 * m.share:.0f} %",
            f"{m.silver:.3f}",
            f"{m.moved:.3f}",
            "yes" if m.steady else "no",
            "yes" if m.believed else "no",
        )
        for name, m in maps.items()
    ]
    return table(head, rows) if rows else "No tempo maps."

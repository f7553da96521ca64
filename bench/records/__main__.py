"""Measure how well real recordings are heard, and write bench/records.md."""

import argparse
import fnmatch
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from bench.records import pieces, tables, truth
from bench.records.measure import Heard, measure
from bench.records.pieces import PACKAGES, Piece
from bench.records.trackers import WAYS
from bench.report import machine, publish

_ABOUT = """\
Real music: a minute from the 20th second on of pieces in Debian packages. Silver truth is \
madmom's, offline, kept where two of its trackers agree (beats: F 0.9; downbeats: those of each \
quarter tracked alone and of the whole, F 0.8; onsets: F 0.8 of two methods, and those that both \
have). Beats of Frets on Fire's songs are a person's tempo map, moved by one constant each onto \
the onsets of its song. Our beats are predicted, each taken from the hop before it. Every third \
piece of a kind is reserved: nothing of the classic ear was chosen by it. The epoch of the \
learned ear's weights was chosen by the development part, the constants of its bar pointer on \
madmom's activations of most pieces, reserved ones among them: to judge that ear, others have to \
be kept apart. Intervals are of the mean over pieces, by bootstrap. The first right beat begins \
four in a row that are four true ones in a row. Kinds go by tags, copyright files and names; \
nobody listened. No piece is known to be sung all through."""

PARTS = "development", "reserved", "all"


def main() -> None:
    given = _arguments()
    known, there = truth.silver(), pieces.found()
    held = pieces.reserved(known["chosen"])
    ways = tuple(given.way or WAYS)
    wanted = [
        there[name]
        for name in known["pieces"]
        if name in there
        and given.part in ("all", "reserved" if name in held else "development")
        and fnmatch.fnmatch(name, given.piece)
    ]
    if not wanted:
        print(f"Nothing to hear. {_missing(known, set(there))}")
        return
    heard = _heard(wanted, ways, given.workers)
    text = _report(heard, held, ways, _maps(wanted), _missing(known, set(there)))
    if given.piece == "*" and not given.way:
        publish("records", text)
    else:
        print(text)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.records", description=__doc__)
    parser.add_argument("--part", choices=PARTS, default=PARTS[0])
    parser.add_argument("--piece", default="*", help="only pieces like this; writes no report")
    parser.add_argument("--way", choices=WAYS, action="append", help="of ours; writes no report")
    parser.add_argument("--workers", type=int, default=2)
    return parser.parse_args()


def _heard(wanted: list[Piece], ways: tuple[str, ...], workers: int) -> list[Heard]:
    os.environ["OMP_NUM_THREADS"] = "1"  # each process has one core
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(partial(measure, ways=ways), wanted))


def _maps(wanted: list[Piece]) -> dict[str, truth.Map]:
    records = truth.silver()["pieces"]
    found = {piece.name: truth.map_of(piece, records[piece.name]) for piece in wanted}
    return {name: m for name, m in found.items() if m is not None}


def _missing(known: dict[str, list[str]], there: set[str]) -> str:
    """What could not be measured here, and what to install."""
    packages = [package.name for package in PACKAGES if not package.root.exists()]
    gone = sorted(set(known["pieces"]) - there)
    bare = sorted(set(known["chosen"]) - set(known["pieces"]))
    lines = []
    if packages:
        lines.append(f"Packages that are not installed: {', '.join(packages)}.")
    if gone:
        lines.append(f"Pieces that are not there: {', '.join(gone)}.")
    if bare:
        lines.append(f"Pieces without annotations yet: {len(bare)} of {len(known['chosen'])}.")
    return " ".join(lines) or "Every piece is there and annotated."


def _report(
    heard: list[Heard],
    held: set[str],
    ways: tuple[str, ...],
    maps: dict[str, truth.Map],
    missing: str,
) -> str:
    parts = {
        "Development": [piece for piece in heard if piece.name not in held],
        "Reserved": [piece for piece in heard if piece.name in held],
    }
    sections = [f"# What the instrument hears in records\n\n{machine()}", _ABOUT, missing]
    for title, members in parts.items():
        if members:
            sections.append(f"## {title}\n\n{tables.summary(members, ways)}")
    sections.append(f"## Human tempo maps\n\n{tables.map_table(maps)}")
    sections.append(f"## Pieces\n\n{tables.piece_table(heard, held, ways)}")
    return "\n\n".join(sections)


if __name__ == "__main__":
    main()

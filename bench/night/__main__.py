"""A whole night on stage, with a fault each minute.

    python -m bench.night [--hours H] [--every SECONDS] [--messages N] [--help]

Plays a real show (sound server, virtual screen, OSC, page, MIDI, film and log), does to it what can
be done to a show, and writes bench/night.md. Ends with status 1 where a criterion fails. Ctrl-C
ends the night early; the table is written all the same.
"""

import argparse
import random
import shutil
import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench.report import publish
from live.faults import reason_of
from synth.cache import private_folder as in_private
from synth.generators.procedural.builder import Builder
from synth.generators.procedural.building import folder as built_folder
from synth.generators.procedural.building import is_complete

from .disk import Left, left
from .faults import Hall
from .night import Night
from .player import Dead, Player
from .tables import text, verdicts
from .venue import Venue, private_folder

EVERY = 60.0  # seconds from one fault to the next
_LONG = 600.0  # seconds from which on a night is worth building for
_FIRST = 20.0  # seconds before the first fault


def arguments(words: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.night", description=__doc__)
    parser.add_argument("--hours", type=float, default=2.1, help="how long the night is")
    parser.add_argument("--every", type=float, default=EVERY, help="seconds between faults")
    parser.add_argument("--messages", type=int, default=0, help="OSC messages at its end")
    parser.add_argument("--seed", type=int, default=0, help="of the order and of the messages")
    parser.add_argument("--only", default="", help="kinds of faults whose names this pattern finds")
    parser.add_argument("--no-midi", action="store_true", help="leave JACK and the controller out")
    parser.add_argument("--to", type=Path, default=None, help="write the table there instead")
    return parser.parse_args(words)


def main() -> int:
    asked = arguments()
    for number in (signal.SIGINT, signal.SIGTERM):  # a shell in the background ignores the first
        signal.signal(number, signal.default_int_handler)
    if asked.hours * 3600 > _LONG:
        _build()
    with private_folder() as folder:
        night, found, seconds, missing = played(folder, asked)
        report = text(night, found, seconds, missing)
        if asked.to is None:
            publish("night", report)
        else:
            print(report)
            asked.to.write_text(report + "\n", "utf-8")
        return int(any(one.holds is False for one in verdicts(night, found, seconds)))


def _build() -> None:
    """What a first show on a machine builds behind itself shall not be measured."""
    place = built_folder()
    if not is_complete(place):
        print("building the functions that draw: some minutes", file=sys.stderr)
        if why := Builder(in_private(place)).complete():
            print(f"they cannot be built ({why}); the plain ones draw", file=sys.stderr)


def played(folder: Path, asked: argparse.Namespace) -> tuple[Night, Left | None, float, list[str]]:
    """The night, what it left on disk, its seconds, and what was not here."""
    found = None
    with ExitStack() as stack:
        venue = stack.enter_context(Venue(folder, midi=not asked.no_midi))
        player = stack.enter_context(Player(folder, venue.environment))
        hall = Hall(venue, player, random.Random(asked.seed))
        night = Night(hall, asked.seed, _lacking(venue), asked.only)
        try:
            night.play(3600 * asked.hours, asked.every, min(_FIRST, asked.every))
            seconds = time.monotonic() - night.begun
            if asked.messages:
                night.talk(asked.messages)
        except KeyboardInterrupt:
            seconds = time.monotonic() - night.begun
            venue.missing.append("the night was cut short by hand")
        except Dead as death:
            seconds = time.monotonic() - night.begun
            night.death = str(death)
        except Exception as error:  # of the bench itself; the table shall say so
            seconds = time.monotonic() - night.begun
            night.death = f"the bench failed: {reason_of(error)}"
        hall.crowd.leave()
        if not night.death:
            night.end()
        if player.ended is not None:
            found = left(folder, venue.bank, player.ended)
        return night, found, seconds, venue.missing
    raise AssertionError  # an exit stack swallows nothing


def _lacking(venue: Venue) -> set[str]:
    lacking = set()
    if not venue.has_midi:
        lacking.add("midi")
    if shutil.which("xdotool") is None:
        lacking.add("xdotool")
        venue.missing.append("window to odd sizes: xdotool is missing")
    return lacking


if __name__ == "__main__":
    sys.exit(main())

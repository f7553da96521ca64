"""What a night left on disk, read back whole."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import av

from synth.audio_file import hops_of
from synth.constants import HOP, RATE
from synth.errors import UserError
from synth.generators.procedural.generator import Procedural
from synth.latents.bank import Bank
from synth.latents.keyframes import Cues
from synth.session import Replay, Session, load_session

from .measures import Digests
from .player import Answer

_SHORT = 2.0  # seconds of a film's end that may be missing


@dataclass
class Left:
    """What is there, and what is wrong with it."""

    film: float = 0.0  # seconds
    frames: int = 0  # of the film
    hops: int = 0  # of the log
    events: int = 0
    replayed: int = 0  # hops whose latents are again those of the show, bit for bit
    wrong: list[str] = field(default_factory=list)


def left(folder: Path, bank: Path, ended: Answer) -> Left:
    """Read everything back; `ended` is what the show said of itself."""
    found = Left()
    for read in (_film, _log):
        try:
            read(found, folder, bank, ended)
        except (OSError, UserError, ValueError, av.FFmpegError) as error:
            found.wrong.append(f"{type(error).__name__}: {error}")
    return found


def _film(found: Left, folder: Path, _bank: Path, ended: Answer) -> None:
    with av.open(folder / "night.mp4") as film:
        for frame in film.decode(video=0):
            found.frames += 1
            found.film = frame.time or 0.0
    played = ended["hops"] * HOP / RATE
    if abs(played - found.film) > _SHORT:
        found.wrong.append(f"the film ends at {found.film:.1f} s of {played:.1f} s")


def _log(found: Left, folder: Path, bank: Path, ended: Answer) -> None:
    session = load_session(folder / "night.ljlog")
    found.events = len(session.events)
    if found.events != ended["events_written"]:
        found.wrong.append(f"the log has {found.events} of {ended['events_written']} events")
    digests = ended["digests"]
    found.hops, again = _replayed(session, bank)
    same = [a == b for a, b in zip(digests, again, strict=False)]
    found.replayed = Digests.BLOCK * sum(same)
    if not all(same) or len(again) != len(digests):
        first = Digests.BLOCK * (same.index(False) if False in same else len(same))
        found.wrong.append(f"latents differ from those of the show from hop {first} on")
    for what, count in (("log", found.hops), ("writer", ended["hops_written"])):
        if count != ended["hops"]:
            found.wrong.append(f"the {what} has {count} hops, {ended['hops']} were heard")


def _replayed(session: Session, bank: Path) -> tuple[int, list[int]]:
    """Hops that the log holds, and digests of the latents that they make."""
    moving = tuple(event for event in session.events if "freeze" not in event)
    unfrozen = replace(session, events=moving)  # what froze on screen moved on beneath it
    engine = Replay(unfrozen, Procedural(64).embed, Cues(Bank(bank), follows=False))
    digests, hops = Digests(), 0
    for hop in hops_of(session.sound):
        digests.add(engine.hear(hop))
        hops += 1
    return hops, digests.found

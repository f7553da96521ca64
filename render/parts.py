"""The folder beside a film in which its chunks stand: found, gone on with, put away, cleared.

Nothing that took time is ever thrown away unasked: finished chunks of another film, and what cannot
be read, are put away under another name.
"""

from collections.abc import Callable, Iterator
from itertools import chain, count
from pathlib import Path
from typing import Any

from synth.errors import UserError
from synth.settings.knobs import knobs_of

from . import disk, lock
from .film import check_film
from .manifest import NAME, Inputs, Manifest, Unreadable, differences, read_manifest, verified
from .plan import is_apart
from .song import Job

Say = Callable[[str], None]

_BEFORE, _UNREADABLE = "before", "unreadable"  # what is put away becomes NAME.parts.before
# What renders write into the folder; what says that there are finished chunks goes last.
_OURS = (
    "chunk-[0-9]*.mp4",
    "chunk-[0-9]*.sha256",
    ".chunk-*",
    "plan.f32",
    ".plan.f32.*",
    f".{NAME}.*",
    NAME,
)


def folder_of(film: Path) -> Path:
    """Where a film's chunks stand until it is whole."""
    return film.with_name(f"{film.stem}.parts")


def chunk_of(film: Path, say: Say) -> int | None:
    """Frames of a chunk in the render that was begun for this film; None where there is none."""
    manifest = _begun(film, say)
    return manifest.inputs.chunk if manifest is not None else None


def opened(job: Job, inputs: Inputs, call: dict[str, Any], say: Say) -> Manifest:
    """The render that was begun before, if it is the same one; else a new one.

    It is this process's until `cleared` or the process ends; UserError where it is another's.
    """
    check_film(job.film, job.size, job.song)
    folder = folder_of(job.film)
    try:
        _claimed(folder)
        manifest = _begun(job.film, say)
        if manifest is not None and (changes := _changes(manifest, inputs, job)):
            _give_way(manifest, changes, say)
            manifest = None
        if manifest is None:
            manifest = _brought_back(folder, inputs, job, say) or Manifest(folder, inputs)
            _claimed(folder)
    except OSError as error:
        raise disk.unwritable(folder, error) from error
    _tell(manifest, say)
    manifest.call = call
    manifest.save()
    return manifest


def cleared(folder: Path) -> None:
    """Remove what renders wrote there, and the folder when nothing else is in it."""
    for path in chain.from_iterable(folder.glob(pattern) for pattern in _OURS):
        path.unlink(missing_ok=True)
    for name in (lock.RENDER, lock.HANDS):
        (folder / name).unlink(missing_ok=True)
    lock.release(folder)
    if not any(folder.iterdir()):  # another tool's parts may stand there too
        folder.rmdir()


def _claimed(folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    disk.settle(folder.parent)
    lock.claim(folder)


def _begun(film: Path, say: Say) -> Manifest | None:
    """The render in a film's folder; what cannot be read is put away, and told."""
    folder = folder_of(film)
    if not (folder / NAME).exists() and not any(folder.glob("chunk-*.sha256")):
        return None
    try:
        return read_manifest(folder)
    except Unreadable as trouble:
        place = _put_away(folder, _UNREADABLE)
        say(f"{trouble}; {folder} is {place.name} now, and the render begins anew")
        return None


def _changes(manifest: Manifest, inputs: Inputs, job: Job) -> list[str]:
    changes = differences(manifest.inputs, inputs)
    knobs = knobs_of(inputs.knobs, str(manifest.folder / NAME))
    if not changes and manifest.plan and is_apart(job, knobs) and not manifest.apart:
        changes.append("noise for each size, which it left out")  # lj 0.1.0 did, with such a bank
    return changes


def _give_way(manifest: Manifest, changes: list[str], say: Say) -> None:
    """Make room for another film under the same name, at the cost of no finished chunk."""
    folder, done = manifest.folder, len(manifest.chunks) - len(manifest.missing())
    said = f"{folder}: was begun with another {', '.join(changes)}"
    if not done:
        lock.alone(folder)
        cleared(folder)
        say(f"{said}; no chunk was done, and it begins anew")
        return
    place = _put_away(folder, _BEFORE)
    say(
        f"{said}; its {done} finished chunks are in {place.name} now, and the render begins anew; "
        f"to go on with them use the former settings, else remove {place.name}"
    )


def _put_away(folder: Path, word: str) -> Path:
    """Give a folder a name that is free; UserError where somebody is at work on it."""
    try:
        lock.alone(folder)
        place = next(place for place in _places(folder, word) if not place.exists())
        lock.release(folder)
        folder.rename(place)
        disk.settle(folder.parent)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be put away ({error.strerror or error}); move it by hand"
        ) from error
    return place


def _places(folder: Path, word: str) -> Iterator[Path]:
    """NAME.parts.before, NAME.parts.before-2 and so on."""
    for number in count(1):
        yield folder.with_name(f"{folder.name}.{word}" + (f"-{number}" if number > 1 else ""))


def _brought_back(folder: Path, inputs: Inputs, job: Job, say: Say) -> Manifest | None:
    """The same render where it was put away before, back in its place."""
    for place in folder.parent.iterdir():
        if not place.name.startswith(f"{folder.name}.{_BEFORE}"):
            continue
        try:
            if _changes(read_manifest(place), inputs, job):
                continue
        except UserError:
            continue  # it stays where it is
        if folder.is_dir():
            cleared(folder)
        if folder.exists():
            return None  # another tool's parts stand there
        place.rename(folder)
        disk.settle(folder.parent)
        say(f"{folder}: was put away in {place.name}, and is back")
        return read_manifest(folder)
    return None


def _tell(manifest: Manifest, say: Say) -> None:
    """Say how far it is, after a look at every finished chunk."""
    if spoiled := verified(manifest):
        say(f"{len(spoiled)} chunks were damaged and are made again")
    if manifest.plan:
        there = len(manifest.chunks)
        say(f"going on: {there - len(manifest.missing())} of {there} chunks are done")

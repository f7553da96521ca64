"""The user's own cache, and what may be run from it.

Compiled code runs as soon as it is loaded, so nothing is loaded that others own or may write.
Where users have no numbers (Windows) a user's cache is private by the system's own rules: there
nothing is looked at.
"""

import os
import stat
from contextlib import suppress
from pathlib import Path

import platformdirs

from synth.errors import UserError

_OTHERS = stat.S_IWGRP | stat.S_IWOTH
_CURE = "remove it, or set XDG_CACHE_HOME to a folder of your own"


def cache_place(*names: str) -> Path:
    """Where something that can be made or fetched again is kept; makes nothing."""
    return Path(platformdirs.user_cache_dir("latent-jockey"), *names).absolute()


def private_folder(place: Path) -> Path:
    """`place`, made where it is missing, for this user alone (mode 700), as the cache above it is.

    A folder of this user's that is open to others is closed. UserError names the folder and the
    cure where one of these belongs to somebody else or stays open, where everyone may replace a
    folder on the way, and where something in `place` belongs to somebody else.
    """
    try:
        levels = _levels(place)
        for folder in reversed(levels[0].parents):
            if not folder.exists():
                folder.mkdir(0o700, exist_ok=True)
        for folder in levels:
            _claim(folder)
        _check_way(place)
        _check_contents(place)
    except OSError as error:
        what, why = error.filename or place, error.strerror or error
        raise UserError(f"{what}: cannot be a private folder ({why}); {_CURE}") from error
    return place


def check_own(file: Path) -> None:
    """UserError unless `file` is a plain file that nobody but this user and root may change."""
    if _me() is None:
        return
    try:
        opened = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # never waits, whatever lies there
        try:
            facts = os.fstat(opened)
        finally:
            os.close(opened)
        around = file.parent.stat()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror or error}); remove it") from error
    if not stat.S_ISREG(facts.st_mode):
        raise UserError(f"{file}: is no plain file; remove it")
    for what, found in ((file, facts), (file.parent, around)):
        if found.st_uid not in (_me(), 0):
            raise UserError(f"{what}: belongs to user {found.st_uid}; remove it")
        if found.st_mode & _OTHERS and not _keeps_names(found.st_mode):
            raise UserError(f"{what}: others may write it; run chmod go-w on it if it is yours")


def _me() -> int | None:
    return os.geteuid() if hasattr(os, "geteuid") else None


def _levels(place: Path) -> list[Path]:
    """The cache's own folders from the first one down to `place`."""
    first = cache_place()
    own = [folder for folder in place.parents if folder == first or first in folder.parents]
    return [*reversed(own), place]


def _claim(folder: Path) -> None:
    """Make a folder this user's alone."""
    with suppress(FileExistsError):
        folder.mkdir(0o700)
    if (me := _me()) is None:
        return
    link, facts = folder.lstat(), folder.stat()
    if not stat.S_ISDIR(facts.st_mode):
        raise UserError(f"{folder}: is no folder; {_CURE}")
    for found in (link, facts):
        if found.st_uid != me:
            raise UserError(f"{folder}: belongs to user {found.st_uid}; {_CURE}")
    if stat.S_IMODE(facts.st_mode) & 0o077:
        folder.chmod(0o700)
        if folder.stat().st_mode & _OTHERS:
            raise UserError(
                f"{folder}: stays open to others (chmod changes nothing there); {_CURE}"
            )


def _check_way(place: Path) -> None:
    """Whoever may rename a folder on the way may put another one in its place."""
    if _me() is None:
        return
    for folder in place.resolve().parents:
        mode = folder.stat().st_mode
        if mode & stat.S_IWOTH and not _keeps_names(mode):
            raise UserError(
                f"{folder}: everyone may replace what lies in it; run chmod o-w on it, or set "
                "XDG_CACHE_HOME to a folder of your own"
            )


def _check_contents(place: Path) -> None:
    """What was put there while the folder was open stays its owner's."""
    if (me := _me()) is None:
        return
    for inside, folders, files in os.walk(place):
        for entry in (Path(inside, name) for name in (*folders, *files)):
            with suppress(FileNotFoundError):  # others of this user's programs come and go
                if (owner := entry.lstat().st_uid) not in (me, 0):
                    raise UserError(f"{entry}: belongs to user {owner}; remove it")


def _keeps_names(mode: int) -> bool:
    """Whether a folder is like /tmp: everyone writes, but renames nothing of anybody else's."""
    return bool(stat.S_ISDIR(mode) and mode & stat.S_ISVTX)

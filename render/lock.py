"""Who is at work on a folder of chunks: one `lj render` at a time, and any number of hands.

The locks are `fcntl.lockf`'s: they belong to a process and end with it, however it ends. Where
there are none (Windows, some network folders) nobody is kept out.
"""

import errno
import os
from pathlib import Path

from synth.errors import UserError

from .disk import unwritable

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

RENDER, HANDS = ".render", ".hands"  # files in the folder
_TAKEN = (errno.EACCES, errno.EAGAIN)
_held: dict[Path, int] = {}  # open files by path: closing a second one would let go of the first


def claim(folder: Path) -> None:
    """Be the render at work in a folder until `release`; UserError where another one is."""
    if not _locked(folder / RENDER, shared=False):
        raise UserError(
            f"{folder}: another lj render is at work on it; wait for it, or name another film"
        )


def lend_a_hand(folder: Path) -> None:
    """Be one of the hands at work, so that nobody puts the folder away meanwhile."""
    if not _locked(folder / HANDS, shared=True):
        raise UserError(f"{folder}: is being put away by lj render; look again when it is done")


def alone(folder: Path) -> None:
    """UserError where another process is at work in a folder, as render or as hand."""
    claim(folder)
    if not _locked(folder / HANDS, shared=False):
        raise UserError(
            f"{folder}: lj render-chunk is at work on it; wait for it, or name another film"
        )


def release(folder: Path) -> None:
    """Let go of a folder."""
    for name in (RENDER, HANDS):
        _close((folder / name).absolute())


def _locked(path: Path, *, shared: bool) -> bool:
    """Lock a file, or keep it locked; false where another process has it."""
    path = path.absolute()
    while fcntl is not None:
        if path not in _held:
            _held[path] = _opened(path)
        try:
            fcntl.lockf(_held[path], (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _TAKEN:
                _close(path)
                return False
        if _stands(path):
            return True
        _close(path)  # its folder was cleared away just then
    return True


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise unwritable(path, error) from error


def _stands(path: Path) -> bool:
    """Whether the file that is open is the one that has the name."""
    try:
        return os.path.samestat(os.fstat(_held[path]), path.stat())
    except FileNotFoundError:
        return False


def _close(path: Path) -> None:
    if path in _held:
        os.close(_held.pop(path))

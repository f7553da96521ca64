"""Files that may be anything, read whole, and files that are written while others work."""

import io
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import UserError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_AT_ONCE = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class OwnFile(io.FileIO):
    """A new file for PyAV, which keeps Python's lock while it writes and closes one of its own: on
    a disk that hangs that would stop every thread.
    """

    def __init__(self, path: Path) -> None:
        """OSError where it cannot be written."""
        super().__init__(path, "w")

    def write(self, data: "ReadableBuffer", /) -> int:
        """All of it; FileIO writes what there is room for, and says so."""
        left = memoryview(data)
        while left:
            left = left[super().write(left) :]
        return len(memoryview(data))


def bytes_of(path: Path, most: int, *, what: str) -> bytes:
    """What a regular file of at most so many bytes holds; `what` it shall be, for complaints.

    Folders, pipes and devices are not opened. UserError for those, and for what cannot be read.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path}: is no file; name {what}")
        with os.fdopen(os.open(path, os.O_RDONLY | _AT_ONCE), "rb") as file:
            data = file.read(most + 1)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such {what.split(' ', 1)[1]}") from error
    except (OSError, ValueError) as error:  # ValueError: a name that no system takes
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(f"{path}: cannot be read ({reason})") from error
    if len(data) > most:
        size = f"{most >> 20} MB" if most >> 20 else f"{most >> 10} kB"
        raise UserError(f"{path}: is larger than {size}; name {what}")
    return data

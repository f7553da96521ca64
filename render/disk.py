"""Files that are still there after a power cut: whole, or as they were before."""

import errno
import os
import secrets
from pathlib import Path

from synth.errors import UserError

_CANNOT = (errno.EINVAL, errno.ENOTSUP, errno.EACCES)  # file systems that sync no folders


def beside(path: Path) -> Path:
    """A name of our own in the same folder, for a file that is not whole yet."""
    return path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(3)}")


def replace(working: Path, path: Path) -> None:
    """Give a whole file its name; once this returns, no power cut takes it back."""
    with working.open("r+b") as file:
        os.fsync(file.fileno())
    working.replace(path)
    settle(path.parent)


def settle(folder: Path) -> None:
    """Bring a folder's names to the disk, where the file system can do that."""
    if os.name == "nt":
        return
    try:
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise


def write(path: Path, data: bytes) -> None:
    """Replace a file's content at once; UserError where that cannot be done."""
    working = beside(path)
    try:
        working.write_bytes(data)
        replace(working, path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        working.unlink(missing_ok=True)


def unwritable(path: Path, error: Exception) -> UserError:
    """What a failure to write means to a person."""
    reason = getattr(error, "strerror", None) or str(error)
    return UserError(f"{path}: cannot be written ({reason}); free space or name another place")

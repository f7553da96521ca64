"""When faster forms are made, who is told of it, and memory as all forms want it."""

import ctypes
import platform
from collections.abc import Callable
from typing import Literal

Compiles = Literal["never", "first", "background"]
Say = Callable[[str], None]


def keep_large_blocks() -> None:
    """Let glibc keep what it was given: new pages for each layer cost more than some layers."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD

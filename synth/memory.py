"""How the C library keeps memory: large blocks for the next frame, and back to the system at turns.

Where it is not glibc, both do nothing.
"""

import ctypes
import platform
from functools import cache

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
_ARENAS = 2


def keep_large_blocks() -> None:
    """Keep what was freed: new pages for each layer cost more than some layers.

    And keep it in few arenas, where any thread finds it: one for each of forty threads would hold
    the most that each of them ever needed.
    """
    if (libc := _glibc()) is not None:
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        libc.mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back_freed_blocks() -> None:
    """Give the system what was freed; for when something large is gone for good.

    An arena never shrinks by itself while anything lies behind what was freed.
    """
    if (libc := _glibc()) is not None:
        libc.malloc_trim(ctypes.c_size_t(0))


@cache
def _glibc() -> ctypes.CDLL | None:
    return ctypes.CDLL("libc.so.6") if platform.libc_ver()[0] == "glibc" else None

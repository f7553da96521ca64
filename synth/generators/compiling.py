"""What the generators share where torch compiles their functions."""

import ctypes
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Compiles = Literal["never", "first", "background"]
Say = Callable[[str], None]


@contextmanager
def lowering(*, freezing: bool = False) -> Iterator[None]:
    """torch's compiler as it is wanted here, for the first call of what is compiled."""
    from torch._dynamo import config as tracing
    from torch._inductor import config

    # torch counts the forms of all networks and batches as recompilations of one function
    with tracing.patch(recompile_limit=256), config.patch(freezing=freezing):
        yield


def failure(error: Exception) -> str:
    """One sentence about a compiler that failed, in any of the ways in which they do."""
    reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
    return f"compilation failed ({reason[:160]}); the plain form goes on"


def keep_large_blocks() -> None:
    """Let glibc keep what it was given: new pages for each layer cost more than some layers."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD

"""Memory that one thread freed comes back to the system, not only to that thread."""

import platform
import threading
from pathlib import Path

import pytest

from synth.memory import give_back_freed_blocks, keep_large_blocks

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries keep memory in their own way"
)
_BLOCKS, _BLOCK = 200, 300_000  # bytes, each of them below what is mapped on its own


def held() -> int:
    """Bytes that this process has touched."""
    fields = Path("/proc/self/statm").read_text("ascii").split()
    return int(fields[1]) * 4096


def test_what_a_hung_thread_freed_is_given_back() -> None:
    freed, over = threading.Event(), threading.Event()

    def hangs() -> None:
        blocks = [bytearray(b"\1" * _BLOCK) for _ in range(_BLOCKS)]
        some = blocks[::10]  # between those that are freed: nothing shrinks by itself
        del blocks
        freed.set()
        over.wait()
        del some

    keep_large_blocks()
    thread = threading.Thread(target=hangs)
    thread.start()
    try:
        assert freed.wait(30)
        kept = held()
        give_back_freed_blocks()
        assert kept - held() > _BLOCKS * _BLOCK / 2
    finally:
        over.set()
        thread.join()

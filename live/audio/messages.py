"""What the processes of sound inputs and outputs tell the show, on their standard output."""

import os
import struct
from collections.abc import Iterator
from typing import IO, BinaryIO

OPENED, SAMPLES, LOST, FAILED = b"n", b"s", b"o", b"f"
_HEAD = struct.Struct("<cI")  # of each message: its kind, and how many bytes follow
_LONGEST = 1 << 20  # bytes of a message


def messages(stream: IO[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Everything that is told: OPENED with {"name", "rate"} as JSON, then SAMPLES as mono float32
    and LOST with how often some were lost as JSON, or FAILED with the reason.

    It ends where the process does; ValueError for what no such process tells.
    """
    while len(head := stream.read(_HEAD.size)) == _HEAD.size:
        kind, length = _HEAD.unpack(head)
        if length > _LONGEST:
            raise ValueError(f"a message of {length} bytes")
        if len(body := stream.read(length)) == length:
            yield kind, body


class Teller:
    """The process's side."""

    def __init__(self) -> None:
        """Standard output is for messages alone from now on: libraries write there as well."""
        self._output: BinaryIO = os.fdopen(os.dup(1), "wb", buffering=0)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def say(self, kind: bytes, body: bytes) -> None:
        """One message; the process ends where nobody reads."""
        try:
            self._output.write(_HEAD.pack(kind, len(body)) + body)
        except OSError:
            os._exit(0)

    def fail(self, error: Exception) -> None:
        """Say why nothing can be opened, and end the process."""
        self.say(FAILED, (str(error).strip().splitlines() or [type(error).__name__])[0].encode())
        os._exit(1)

"""OSC packets: messages and bundles to Python's values and back.

Whatever arrives is hostile until shown otherwise: sizes, depths and counts are capped before
anything is read, and the one error that a packet can raise is ValueError. Values are read and
written by python-osc; what is around them is read here, for its own reader bounds neither arrays
nor bundles. The format is that of https://opensoundcontrol.stanford.edu/spec-1_0.html, with the
further types of OSC 1.1.
"""

import struct
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pythonosc.parsing import osc_types

LARGEST = 8192  # bytes of a packet
MOST = 256  # messages in a packet
_BUNDLES = 4  # within one another
_ARRAYS = 4  # within one another
_NTP = 2208988800  # seconds from 1900 to 1970
_AT_ONCE = (0, 1)  # the time tag of a bundle that does not wait

_READERS: dict[str, Callable[[bytes, int], tuple[Any, int]]] = {
    "i": osc_types.get_int,
    "h": osc_types.get_int64,
    "f": osc_types.get_float,
    "d": osc_types.get_double,
    "s": osc_types.get_string,
    "S": osc_types.get_string,
    "r": osc_types.get_rgba,
    "m": osc_types.get_midi,
    "t": osc_types.get_date,
    "c": osc_types.get_int,
    "b": osc_types.get_blob,
}
_FIXED = {"i": 4, "f": 4, "h": 8, "d": 8, "r": 4, "m": 4, "t": 8, "c": 4}  # bytes
_FLOATS: Sequence[tuple[str, Callable[[Any], bytes]]] = (
    ("f", osc_types.write_float),
    ("d", osc_types.write_double),
)
_INTEGERS: Sequence[tuple[str, Callable[[Any], bytes]]] = (
    ("i", osc_types.write_int),
    ("h", osc_types.write_int64),
    ("d", osc_types.write_double),
)
_CONSTANTS = {"T": True, "F": False, "N": None, "I": True}  # I is an impulse: a button's press


def messages(packet: bytes) -> Iterator[tuple[float | None, str, list[Any]]]:
    """Every message in a packet as (seconds since 1970 or None for at once, address, arguments).

    Raises ValueError for what is no OSC, too deep or too much; messages before it stand.
    """
    if len(packet) > LARGEST:
        raise ValueError(f"more than {LARGEST} bytes")
    waiting: list[tuple[bytes, int, float | None]] = [(packet, 0, None)]
    count = 0
    while waiting:
        data, depth, when = waiting.pop()
        if data.startswith(b"#bundle\0"):
            waiting.extend(reversed(_elements(data, depth)))
            continue
        count += 1
        if count > MOST:
            raise ValueError(f"more than {MOST} messages")
        yield (when, *_message(data))


def _elements(bundle: bytes, depth: int) -> list[tuple[bytes, int, float | None]]:
    if depth >= _BUNDLES or len(bundle) < 16:
        raise ValueError("a bundle that is too deep or too short")
    seconds, fraction = struct.unpack_from(">II", bundle, 8)
    when = None if (seconds, fraction) == _AT_ONCE else _time(seconds, fraction)
    found, place = [], 16
    while place + 4 <= len(bundle):
        (size,) = struct.unpack_from(">i", bundle, place)
        if size <= 0 or place + 4 + size > len(bundle):
            raise ValueError("an element that is no element")
        found.append((bundle[place + 4 : place + 4 + size], depth + 1, when))
        place += 4 + size
        if len(found) > MOST:
            raise ValueError(f"more than {MOST} messages")
    return found


def _time(seconds: int, fraction: int) -> float:
    return seconds - _NTP + fraction / 2**32


def _message(data: bytes) -> tuple[str, list[Any]]:
    if not data.startswith(b"/"):
        raise ValueError("no address")
    address, place = _word(data, 0)
    if place >= len(data):
        return address, []
    tags, place = _word(data, place)
    if not tags.startswith(","):
        raise ValueError("no types")
    stack: list[list[Any]] = [[]]
    for tag in tags[1:]:
        if tag == "[":
            if len(stack) > _ARRAYS:
                raise ValueError("arrays that are too deep")
            stack.append([])
        elif tag == "]":
            if len(stack) < 2:
                raise ValueError("an array that ends and never began")
            array = stack.pop()
            stack[-1].append(array)
        else:
            value, place = _argument(tag, data, place)
            stack[-1].append(value)
    if len(stack) > 1:
        raise ValueError("an array that never ends")
    return address, stack[0]


def _argument(tag: str, data: bytes, place: int) -> tuple[Any, int]:
    """One argument and where the next one begins."""
    if tag in _CONSTANTS:
        return _CONSTANTS[tag], place
    if tag not in _READERS:
        raise ValueError(f"unknown type {tag!r}")
    if place + _FIXED.get(tag, 0) > len(data):
        raise ValueError("arguments that are cut short")
    if tag == "b" and int.from_bytes(data[place : place + 4], "big", signed=True) < 0:
        raise ValueError("a blob of less than nothing")
    try:
        value, place = _READERS[tag](data, place)
    except osc_types.ParseError as error:
        raise ValueError(str(error)) from error
    return _character(value) if tag == "c" else value, place


def _word(data: bytes, place: int) -> tuple[str, int]:
    try:
        return osc_types.get_string(data, place)
    except osc_types.ParseError as error:
        raise ValueError(f"a word that never ends ({error})") from error


def _character(number: int) -> str:
    if not 0 <= number <= 0x10FFFF:
        raise ValueError("a character that is none")
    return chr(number)


def packet_of(address: str, arguments: Sequence[Any]) -> bytes:
    """One OSC message: words are `s`, bytes `b`, switches `T` `F`, nothing `N`, numbers `i` `f`.

    What 32 bits cannot hold is sent in 64, `h` or `d`; sequences are arrays.
    """
    tags, data = [","], bytearray()
    for argument in arguments:
        _add(argument, tags, data)
    return _written(address) + _written("".join(tags)) + bytes(data)


def _add(value: Any, tags: list[str], data: bytearray) -> None:
    match value:
        case None | True | False:
            tags.append("N" if value is None else "T" if value else "F")
        case str():
            tags.append("s")
            data += _written(value)
        case bytes():
            tags.append("b")
            data += osc_types.write_blob(value) if value else osc_types.write_int(0)
        case list() | tuple():
            tags.append("[")
            for one in value:
                _add(one, tags, data)
            tags.append("]")
        case _:
            tag, packed = _number(value)
            tags.append(tag)
            data += packed


def _number(value: Any) -> tuple[str, bytes]:
    for tag, write in _INTEGERS if isinstance(value, int) else _FLOATS:
        try:
            return tag, write(value)
        except (osc_types.BuildError, OverflowError):
            continue
    raise ValueError(f"{str(value)[:40]} is no number that OSC can hold")


def _written(word: str) -> bytes:
    return osc_types.write_string(word.replace("\0", "").encode("utf-8", "replace").decode())

"""What a person is told when something cannot be done."""

import reprlib

_LONGEST = 80  # characters of a bad value that are shown
_READABLE = 10**40  # numbers from here on are told by their length


class UserError(Exception):
    """One sentence that names the place, the value and the cure. The command line prints it."""


class _Brief(reprlib.Repr):
    """Writes values as Python does, the middle of long ones left out; no value is too much."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 4, _LONGEST, _LONGEST
        self.maxlist = self.maxtuple = self.maxdict = self.maxset = 12

    def repr_int(self, x: int, level: int) -> str:
        if abs(x) < _READABLE:
            return super().repr_int(x, level)
        return f"a number of {int(x.bit_length() * 0.30103) + 1} digits"  # Python writes no longer


_BRIEF = _Brief()


def shown(value: object) -> str:
    """A bad value in a complaint: as Python writes it, in 80 characters or fewer."""
    return cut(_BRIEF.repr(value))


def cut(text: str, most: int = _LONGEST) -> str:
    """Words from outside in a complaint: one line of printable characters, and so many at most."""
    line = "".join(c if c.isprintable() else "�" for c in text[:most])
    return line if len(text) <= most else f"{line[: most - 1]}…"

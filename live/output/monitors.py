"""Monitors, which come and go while a show is on: where the picture can be seen."""

import ctypes
from typing import Any

from synth.errors import UserError

_CORNER = 60  # pixels from a monitor's corner to the window's

Size = tuple[int, int]


class Monitors:
    """The monitors of this moment, and the one that was chosen.

    GLFW numbers them anew as they come and go, so the chosen one is known by its name as well.
    """

    def __init__(self, glfw: Any, number: int = 0) -> None:
        self._glfw, self._number = glfw, number
        self._name = ""  # of the chosen one, once it was there
        self._seen: list[int] = []
        self._chosen()
        self.changed()

    def present(self) -> list[Any]:
        """The primary one first."""
        return list(self._glfw.get_monitors() or [])

    def changed(self) -> bool:
        """Whether one came or went since this was asked last."""
        before, self._seen = self._seen, [address(monitor) for monitor in self.present()]
        return before != self._seen

    def mode(self, monitor: Any) -> tuple[Size, int] | None:
        """Size and Hz; None without a monitor, and where one is just going."""
        try:
            mode = self._glfw.get_video_mode(monitor) if monitor else None
        except ValueError:  # GLFW answered with a null pointer
            mode = None
        return ((mode.size.width, mode.size.height), mode.refresh_rate) if mode else None

    def rate(self, monitor: Any) -> float:
        """Hz of a monitor, of the primary one for None; 60 where it does not say."""
        mode = self.mode(monitor or next(iter(self.present()), None))
        return float(mode[1] or 60) if mode else 60.0

    def described(self, number: int) -> str:
        """A monitor in words: number, name, size and rate."""
        monitor = self.present()[number]
        mode = self.mode(monitor)
        how = f" {mode[0][0]}x{mode[0][1]} at {mode[1]} Hz" if mode else ""
        return f"{number} {self._name_of(monitor)}{how}"

    def check(self) -> None:
        """UserError where the chosen one does not exist."""
        number, there = self._number, range(len(self.present()))
        if not there:
            raise UserError(
                f"--monitor {number}: no monitor is there; use --windowed or --no-window"
            )
        if number not in there:
            listed = "; ".join(self.described(known) for known in there)
            raise UserError(f"--monitor {number}: there is no such one; use {listed}")

    def to_fill(self) -> tuple[Any, str]:
        """The chosen one; else the primary one or None, and words that say so."""
        chosen = self._chosen()
        if self.mode(chosen) is not None:
            return chosen, ""
        gone = f"monitor {self._number}{f' ({self._name})' if self._name else ''} is gone"
        for monitor in self.present():
            if self.mode(monitor) is not None:
                return monitor, f"{gone}; the picture fills the primary one"
        return None, f"{gone}, and no other is there; the picture is in a window"

    def corner(self) -> tuple[int, int]:
        """Where a window can be seen."""
        primary = next(iter(self.present()), None)
        x, y = self._glfw.get_monitor_pos(primary) if primary else (0, 0)
        return x + _CORNER, y + _CORNER

    def _chosen(self) -> Any:
        there = self.present()
        numbered = there[self._number] if 0 <= self._number < len(there) else None
        if numbered and self._name in ("", self._name_of(numbered)):
            self._name = self._name_of(numbered)
            return numbered
        return next((known for known in there if self._name_of(known) == self._name), None)

    def _name_of(self, monitor: Any) -> str:
        return (self._glfw.get_monitor_name(monitor) or b"?").decode("utf-8", "replace")


def address(pointer: Any) -> int:
    """Ctypes makes a new object of a pointer each time; 0 for none."""
    return ctypes.cast(pointer, ctypes.c_void_p).value or 0

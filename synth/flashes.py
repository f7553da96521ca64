"""No more than three flashes in any second, on the frames that are shown.

As WCAG 2.2 success criterion 2.3.1 has it: a flash is a pair of opposing changes of relative
luminance by a tenth or more where the darker side is below 0.8, or any such pair to and from a
saturated red; what counts is when more than a quarter of some 10 degree field flashes at once,
taken here as a third of the screen's width and height. A frame that would be one flash too many
is held back towards the one before it, as far as needed and no further.
"""

from collections import deque

import numpy as np

LIMIT = 3  # flashes in a second
ROWS, COLUMNS = 18, 24
_FIELD = (ROWS // 3, COLUMNS // 3)
_AREA = 0.25  # of a field
_CHANGE, _BRIGHT = 0.1, 0.8  # relative luminance
_RED_CHANGE, _RED_SHARE = 20 / 320, 0.8
_HOLDS = (0.0, 0.3, 0.6, 0.8, 0.9, 1.0)  # shares of the frame before, tried in order
_CURVE = ((np.arange(256) / 255 + 0.055) / 1.055) ** 2.4
_LINEAR = np.where(np.arange(256) <= 0.04045 * 255, np.arange(256) / 255 / 12.92, _CURVE)


class FlashLimiter:
    """Holds frames back where they would flash too often."""

    def __init__(self) -> None:
        self._light = _Swings(_CHANGE, ceiling=_BRIGHT)
        self._red = _Swings(_RED_CHANGE, ceiling=np.inf)
        self._before: np.ndarray | None = None
        self.held = 0  # frames that were held back

    @property
    def rate(self) -> float:
        """Flashes in the last second where there were most, 0 to LIMIT."""
        return max(self._light.rate, self._red.rate)

    def limited(self, frame: np.ndarray, time: float) -> np.ndarray:
        """The frame (h, w, 3) uint8 to show at `time` seconds, held back if need be."""
        shown = frame
        if self._before is not None and self._before.shape == frame.shape:
            for hold in _HOLDS:
                shown = frame if hold == 0 else _between(frame, self._before, hold)
                light, red = _measured(shown)
                if not (self._light.too_many(light, time) or self._red.too_many(red, time)):
                    break
            self.held += shown is not frame
        light, red = _measured(shown)
        self._light.take(light, time)
        self._red.take(red, time)
        self._before = shown
        return shown


class _Swings:
    """Opposing changes of one measure in each cell, within the last second.

    A change between two values above `ceiling` counts as none.
    """

    def __init__(self, change: float, *, ceiling: float) -> None:
        self._change, self._ceiling = change, ceiling
        self._turning: np.ndarray | None = None  # the extreme since the last change
        self._rising = np.zeros((ROWS, COLUMNS), np.int8)  # +1, -1, or 0 before the first change
        self._lately: deque[tuple[float, np.ndarray]] = deque()
        self._count = np.zeros((ROWS, COLUMNS), np.int16)

    @property
    def rate(self) -> float:
        return min(float(LIMIT), float(_field_quantile(self._count)) / 2)

    def _swung(self, value: np.ndarray) -> np.ndarray:
        """+1 or -1 where `value` is a change against the running direction, else 0."""
        if self._turning is None:
            return np.zeros((ROWS, COLUMNS), np.int8)
        off = value - self._turning
        way = np.where(np.abs(off) >= self._change, np.sign(off), 0).astype(np.int8)
        dark_enough = np.minimum(value, self._turning) < self._ceiling
        return np.where((way != self._rising) & dark_enough, way, 0).astype(np.int8)

    def too_many(self, value: np.ndarray, time: float) -> bool:
        """Whether showing `value` (ROWS, COLUMNS) would be a flash over the limit somewhere."""
        self._forget(time)
        swung = self._swung(value) != 0
        return bool(_exceeds(swung & (self._count + swung > 2 * LIMIT)))

    def take(self, value: np.ndarray, time: float) -> None:
        self._forget(time)
        if self._turning is None:
            self._turning = value.copy()
            return
        way = self._swung(value)
        swung = way != 0
        self._rising = np.where(swung, way, self._rising)
        further = np.where(
            self._rising >= 0,
            np.maximum(self._turning, value),
            np.minimum(self._turning, value),
        )
        self._turning = np.where(swung, value, further)
        if swung.any():
            self._lately.append((time, swung))
            self._count = self._count + swung

    def _forget(self, time: float) -> None:
        while self._lately and time - self._lately[0][0] >= 1.0:
            self._count = self._count - self._lately.popleft()[1]


def _field_sums(cells: np.ndarray) -> np.ndarray:
    """How many cells are set in every field."""
    table = np.pad(cells.astype(np.int32).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    rows, columns = _FIELD
    sums: np.ndarray = (
        table[rows:, columns:] - table[:-rows, columns:] - table[rows:, :-columns]
    ) + table[:-rows, :-columns]
    return sums


def _exceeds(cells: np.ndarray) -> bool:
    return bool((_field_sums(cells) > _AREA * _FIELD[0] * _FIELD[1]).any())


def _field_quantile(count: np.ndarray) -> int:
    """The largest number of changes that more than a quarter of some field has made."""
    most = int(count.max(initial=0))
    return next((n for n in range(most, 0, -1) if _exceeds(count >= n)), 0)


def _between(frame: np.ndarray, before: np.ndarray, hold: float) -> np.ndarray:
    mixed = frame * np.float32(1 - hold) + before * np.float32(hold)
    return np.rint(mixed).astype(np.uint8)


def _measured(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Cells' relative luminance, and their redness where red is saturated, else 0."""
    linear = _LINEAR[_cells(frame)]  # (ROWS, COLUMNS, 3)
    red, green, blue = np.moveaxis(linear, 2, 0)
    light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    saturated = red >= _RED_SHARE * (red + green + blue + 1e-6)
    return light, np.where(saturated, np.maximum(0.0, red - green - blue), 0.0)


def _cells(frame: np.ndarray) -> np.ndarray:
    """Mean levels (ROWS, COLUMNS, 3) of a frame, from every few pixels."""
    step = max(1, min(frame.shape[0] // (4 * ROWS), frame.shape[1] // (4 * COLUMNS)))
    small = frame[::step, ::step]
    rows = np.linspace(0, small.shape[0], ROWS + 1).astype(int)[:-1]
    columns = np.linspace(0, small.shape[1], COLUMNS + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(small, rows, 0, np.uint32), columns, 1)
    ones = np.ones(small.shape[:2], np.uint32)
    counts = np.add.reduceat(np.add.reduceat(ones, rows, 0), columns, 1)
    return np.rint(sums / counts[..., None]).astype(np.uint8)

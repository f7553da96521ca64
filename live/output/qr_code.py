"""An address as a QR code, for phones: in the terminal and over the picture."""

import numpy as np

from synth.errors import UserError

_QUIET = 4  # modules of white around it, as the standard wants
_BLOCKS = {(False, False): "█", (False, True): "▀", (True, False): "▄", (True, True): " "}
_COLOURS = "\x1b[38;5;231m\x1b[48;5;16m"  # white on black, whatever the terminal's are


def modules(text: str) -> np.ndarray:
    """Its modules, bool (n, n), true where dark, with white around; UserError without segno."""
    try:
        import segno
    except ImportError as error:
        raise UserError("a QR code needs segno; pip install 'latent-jockey[live]'") from error
    dark = np.array(segno.make(text, error="m", micro=False).matrix, dtype=bool)
    return np.pad(dark, _QUIET)


def lines(dark: np.ndarray) -> list[str]:
    """For a terminal: two rows of modules a line, in black and white."""
    even = np.pad(dark, ((0, len(dark) % 2), (0, 0)))
    return [
        _COLOURS
        + "".join(_BLOCKS[bool(a), bool(b)] for a, b in zip(upper, lower, strict=True))
        + "\x1b[0m"
        for upper, lower in zip(even[::2], even[1::2], strict=True)
    ]


def picture(dark: np.ndarray, side: int) -> np.ndarray:
    """For the overlay: opaque RGBA, uint8 (h, h, 4), as large as whole pixels go into `side`."""
    scale = max(1, side // len(dark))
    grey = np.where(np.kron(dark, np.ones((scale, scale), bool)), 0, 255).astype(np.uint8)
    return np.dstack([grey, grey, grey, np.full_like(grey, 255)])

"""What the artist sees over the picture: levels, chroma, beat, pace, and any trouble in words."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synth.features import PITCH_CLASSES

_GROUND = (8, 8, 12, 170)
_INK = (235, 235, 240, 255)
_DIM = (120, 120, 130, 255)
_LIT = (255, 176, 59, 255)
_BAD = (255, 92, 92, 255)
_LINE = 20  # pixels
_WIDTH = 420


@dataclass(frozen=True, slots=True)
class Status:
    """The show at one moment, as it is told."""

    source: str
    level: float  # dBFS
    chroma: np.ndarray  # (12,) 0..1
    onset: bool  # one came within the last tenth of a second
    beat_phase: float  # 0..1
    bpm: float  # 0 while unknown
    drawn_rate: float  # frames a second made
    shown_rate: float  # frames a second shown
    latency: float  # milliseconds from sound to screen, median of the last
    generator: str
    preset: str
    flashes: float  # in the last second
    state: str  # freeze, blackout, tapped tempo; empty when plain
    notice: str  # what changed last
    trouble: str


class Overlay:
    """Draws a status as RGBA with straight alpha."""

    def __init__(self) -> None:
        self._font, self._small = ImageFont.load_default(15), ImageFont.load_default(11)

    def draw(self, status: Status) -> np.ndarray:
        """uint8 (h, w, 4)."""
        lines = self._lines(status)
        height = _LINE * len(lines) + 78
        panel = Image.new("RGBA", (_WIDTH, height), _GROUND)
        pen = ImageDraw.Draw(panel)
        self._level(pen, status)
        self._chroma(pen, status)
        self._beat(pen, status)
        for k, (text, ink) in enumerate(lines):
            pen.text((10, 70 + _LINE * k), text, fill=ink, font=self._font)
        return np.asarray(panel)

    def _lines(self, s: Status) -> list[tuple[str, tuple[int, int, int, int]]]:
        tempo = f"{s.bpm:.1f} BPM" if s.bpm else "no tempo yet"
        lines = [
            (f"{s.source}   {s.level:.0f} dBFS   {tempo}", _INK),
            (
                f"{s.drawn_rate:.0f} drawn, {s.shown_rate:.0f} shown a second   "
                f"{s.latency:.0f} ms late",
                _INK,
            ),
            (f"{s.generator}   {s.preset}   flashes {s.flashes:.0f}/3", _INK),
        ]
        if s.state:
            lines.append((s.state, _LIT))
        lines += [(part, _DIM) for part in _wrapped(s.notice)]
        lines += [(part, _BAD) for part in _wrapped(s.trouble)]
        return lines

    def _level(self, pen: ImageDraw.ImageDraw, s: Status) -> None:
        share = min(1.0, max(0.0, (s.level + 60) / 60))
        pen.rectangle((10, 10, 210, 18), outline=_DIM)
        pen.rectangle((10, 10, 10 + 200 * share, 18), fill=_BAD if s.level > -0.5 else _LIT)

    def _chroma(self, pen: ImageDraw.ImageDraw, s: Status) -> None:
        for k, (name, value) in enumerate(zip(PITCH_CLASSES, s.chroma, strict=True)):
            x = 10 + 17 * k
            pen.rectangle((x, 50 - 26 * float(value), x + 13, 50), fill=_LIT)
            if len(name) == 1:  # the white keys are enough to find one's way
                pen.text((x + 2, 51), name, fill=_DIM, font=self._small)

    def _beat(self, pen: ImageDraw.ImageDraw, s: Status) -> None:
        pen.ellipse((232, 10, 256, 34), outline=_DIM, fill=_LIT if s.onset else None)
        if s.bpm:
            pen.arc((270, 10, 294, 34), -90, -90 + 360 * s.beat_phase, fill=_INK, width=4)


def _wrapped(text: str, columns: int = 56) -> list[str]:
    words, lines, line = text.split(), [], ""
    for word in words:
        if line and len(line) + len(word) + 1 > columns:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*lines, line] if line else lines

"""What the artist sees over the picture: levels, chroma, beat, pace, and any trouble in words."""

import math
import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from synth.analysis.analyzer import PITCH_CLASSES

from . import qr_code

_GROUND = (8, 8, 12, 170)
_INK = (235, 235, 240, 255)
_DIM = (120, 120, 130, 255)
_LIT = (255, 176, 59, 255)
_BAD = (255, 92, 92, 255)
_LINE = 20  # pixels
_WIDTH = 420
_LINES = 12  # at most
_NAME, _SENTENCE = 60, 200  # characters that are shown of one
_FARTHEST = 99999  # number that is written out

Ink = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class Status:
    """The show at one moment, as it is told."""

    source: str
    level: float  # dBFS
    chroma: np.ndarray  # (12,) 0..1
    onset: bool  # one came within the last tenth of a second
    beat_phase: float  # 0..1
    bpm: float  # 0 while unknown
    clock: str  # who states it; empty where it is heard
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
    """Draws a status as RGBA with straight alpha, whatever its texts and numbers are."""

    def __init__(self) -> None:
        self._font, self._small = ImageFont.load_default(15), ImageFont.load_default(11)
        self._advance = lru_cache(self._font.getlength)  # of one character, pixels

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

    def card(self, address: str, code: np.ndarray) -> np.ndarray:
        """An address and its QR code (see `qr`) for phones, uint8 (h, w, 4)."""
        square = qr_code.picture(code, _WIDTH - 20)
        lines = self._wrapped(_plain(address))
        panel = Image.new("RGBA", (_WIDTH, len(square) + 20 + _LINE * len(lines)), _GROUND)
        panel.paste(Image.fromarray(square), (10, 10))
        pen = ImageDraw.Draw(panel)
        for k, text in enumerate(lines):
            pen.text((10, len(square) + 14 + _LINE * k), text, fill=_INK, font=self._font)
        return np.asarray(panel)

    def _lines(self, s: Status) -> list[tuple[str, Ink]]:
        by = f" ({_plain(s.clock, _NAME)})" if s.clock else ""
        tempo = f"{_number(s.bpm, 1)} BPM{by}" if _within(s.bpm, _FARTHEST) else "no tempo yet"
        told = (
            (f"{_plain(s.source, _NAME)}   {_number(s.level)} dBFS   {tempo}", _INK),
            (
                f"{_number(s.drawn_rate)} drawn, {_number(s.shown_rate)} shown a second   "
                f"{_number(s.latency)} ms late",
                _INK,
            ),
            (
                f"{_plain(s.generator, _NAME)}   {_plain(s.preset, _NAME)}   "
                f"flashes {_number(s.flashes)}/3",
                _INK,
            ),
            (_plain(s.state), _LIT),
            ("; ".join(_plain(part) for part in s.trouble.split("; ", _LINES)), _BAD),
            (_plain(s.notice), _DIM),
        )
        lines = [(line, ink) for text, ink in told for line in self._wrapped(text)]
        if len(lines) <= _LINES:
            return lines
        return [*lines[: _LINES - 1], (f"and {len(lines) - _LINES + 1} more", _DIM)]

    def _wrapped(self, text: str) -> list[str]:
        """Lines that fit the panel; a word that does not is broken."""
        lines, line = [], ""
        for word in re.findall(r"\s*\S+", text):
            if line and not self._fits(line + word):
                lines.append(line)
                line = ""
            line = line + word if line else word.lstrip()
            while not self._fits(line):
                end = self._fitting(line)
                lines.append(line[:end])
                line = line[end:]
        return [*lines, line] if line else lines

    def _fits(self, text: str) -> bool:
        return self._fitting(text) == len(text)

    def _fitting(self, text: str) -> int:
        """How many characters fit the panel."""
        ends = accumulate(self._advance(character) for character in text)
        return max(1, sum(end <= _WIDTH - 20 for end in ends)) if text else 0

    def _level(self, pen: ImageDraw.ImageDraw, s: Status) -> None:
        share = _within((s.level + 60) / 60)
        pen.rectangle((10, 10, 210, 18), outline=_DIM)
        pen.rectangle((10, 10, 10 + 200 * share, 18), fill=_BAD if s.level > -0.5 else _LIT)

    def _chroma(self, pen: ImageDraw.ImageDraw, s: Status) -> None:
        for k, (name, value) in enumerate(zip(PITCH_CLASSES, s.chroma, strict=False)):
            x = 10 + 17 * k
            pen.rectangle((x, 50 - 26 * _within(float(value)), x + 13, 50), fill=_LIT)
            if len(name) == 1:  # the white keys are enough to find one's way
                pen.text((x + 2, 51), name, fill=_DIM, font=self._small)

    def _beat(self, pen: ImageDraw.ImageDraw, s: Status) -> None:
        pen.ellipse((232, 10, 256, 34), outline=_DIM, fill=_LIT if s.onset else None)
        if _within(s.bpm):
            end = -90 + 360 * _within(s.beat_phase)
            pen.arc((270, 10, 294, 34), -90, end, fill=_INK, width=4)


def _within(value: float, most: float = 1.0) -> float:
    """A number of 0 to `most`; 0 for what is no number."""
    return 0.0 if math.isnan(value) else min(most, max(0.0, value))


def _number(value: float, digits: int = 0) -> str:
    """A number in few characters; a dash for what is none."""
    return f"{value:.{digits}f}" if abs(value) <= _FARTHEST else "–"


def _plain(text: str, longest: int = _SENTENCE) -> str:
    """A text in one line, without characters that only steer devices, and not too long."""
    shown = [_shown(character) for character in text[: longest + 1]]
    return "".join(shown) if len(text) <= longest else "".join(shown[:longest]) + "…"


def _shown(character: str) -> str:
    if character.isspace():
        return " "
    kind = unicodedata.category(character)
    return "�" if kind == "Cs" else "" if kind.startswith("C") else character

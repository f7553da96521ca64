"""What lies over the picture: the overlay, which tells how the show does, or the page's address."""

import numpy as np

from .deck import Deck
from .ending import Ending
from .output.overlay import Overlay, Status
from .statistics import Statistics

_EVERY = 0.1  # seconds between two drawings of it
_TOLD = 10.0  # seconds for which the overlay tells a fault
_FLASH = 0.1  # seconds for which an onset lights up


class Panel:
    """Draws whichever of them is on."""

    def __init__(self, deck: Deck, statistics: Statistics, ending: Ending) -> None:
        self.overlay_on, self.card_on = True, False
        self.card: tuple[str, np.ndarray | None] = ("", None)  # the page's address, its QR code
        self._deck, self._statistics, self._ending = deck, statistics, ending
        self._overlay = Overlay()
        self._drawn = 0.0

    def turn_card(self) -> None:
        """Show where phones open the page, or no more."""
        address, code = self.card
        if code is None:
            self._deck.supervisor.notices.say(
                f"{address or 'no page is served'}; --page --oscquery 0.0.0.0:9001 is for phones"
            )
        self.card_on = code is not None and not self.card_on

    def is_due(self, now: float) -> bool:
        """Whether it is time to draw it anew; true once."""
        due = now - self._drawn >= _EVERY
        if due:
            self._drawn = now
        return due

    def draw(self, now: float, screen_trouble: str) -> np.ndarray | None:
        """uint8 (h, w, 4), straight alpha; None while nothing is on."""
        address, code = self.card
        if self.card_on and code is not None:
            return self._overlay.card(address, code)
        return self._overlay.draw(self.status(now, screen_trouble)) if self.overlay_on else None

    def status(self, now: float, screen_trouble: str = "") -> Status:
        """The show as the overlay tells it."""
        deck, statistics = self._deck, self._statistics
        heard = deck.engine.heard
        return Status(
            source=deck.source.name,
            level=deck.analysis.decibels,
            chroma=heard.chroma if heard is not None else np.zeros(12),
            onset=now - statistics.onset_seen < _FLASH,
            beat_phase=heard.beat_phase if heard is not None else 0.0,
            bpm=heard.bpm if heard is not None else 0.0,
            clock=deck.parameters.clock.leader,
            drawn_rate=statistics.picture_rate(now),
            shown_rate=statistics.drawing_rate(now),
            latency=statistics.latency,
            generator=deck.renderer.title,
            preset=deck.parameters.preset.name,
            flashes=deck.renderer.flashes.rate,
            state=self._state(),
            notice=deck.supervisor.notices.newest,
            trouble="; ".join(self._troubles(screen_trouble)),
        )

    def _state(self) -> str:
        deck = self._deck
        cue = deck.engine.cues.playing if deck.engine.cues is not None else ""
        words = (
            ("frozen (space)", deck.frozen),
            ("blackout (B)", deck.black),
            ("ending; Escape again quits", self._ending.is_fading),
            (f"“{cue}”", bool(cue)),
        )
        return ", ".join(word for word, on in words if on)

    def _troubles(self, screen_trouble: str) -> list[str]:
        """What is wrong at this moment, then what went wrong lately."""
        standing = [*self._deck.troubles, *([screen_trouble] if screen_trouble else [])]
        lately = self._deck.supervisor.faults.lately(_TOLD)
        return standing + [str(f) for f in lately if not any(f.latest in t for t in standing)]

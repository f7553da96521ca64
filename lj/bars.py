"""What is heard as bars in the terminal."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from rich.table import Table

    from synth.analysis.analyzer import Features

_WIDTH = 40  # characters of a full bar


class Bars:
    """Redraws itself on stdout; a context manager."""

    def __init__(self, *, quiet: bool = False) -> None:
        from rich.live import Live

        self._live = None if quiet else Live(auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, heard: "Features", onsets: int, trouble: str) -> None:
        """Draw one moment."""
        if self._live is not None:
            self._live.update(table_of(heard, onsets, trouble), refresh=True)


def table_of(heard: "Features", onsets: int, trouble: str) -> "Table":
    """Levels, chroma, beat and trouble, a line each."""
    from rich.table import Table

    from synth.analysis.analyzer import PITCH_CLASSES

    table = Table.grid(padding=(0, 1))
    levels = {name: getattr(heard, name) for name in ("loudness", "bass", "mid", "treble", "flux")}
    for name, value in levels.items():
        table.add_row(name, bar(value))
    for name, value in zip(PITCH_CLASSES, heard.chroma, strict=True):
        table.add_row(name, bar(float(value)))
    table.add_row("onset", "●" if onsets else "")
    tempo = f"{heard.bpm:.1f} BPM" if heard.bpm else "no tempo yet"
    table.add_row("beat", f"{bar(heard.beat_phase)} {tempo}")
    table.add_row("section", str(heard.section))
    if trouble:
        table.add_row("trouble", trouble)
    return table


def bar(value: float) -> str:
    """A bar for 0..1."""
    full = round(max(0.0, min(1.0, value)) * _WIDTH)
    return "█" * full + "·" * (_WIDTH - full)

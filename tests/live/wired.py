"""A MIDI system of files, for the real process of the driver; see `wires`."""

import os
from collections.abc import Iterator
from pathlib import Path

import mido
import pytest


class Wires:
    """What is plugged in, what it says, what it was sent, and what goes wrong."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plug()

    def plug(self, *names: str) -> None:
        """Have these controllers, and no others."""
        working = self.folder / ".ports"
        working.write_text("\n".join(names), "utf-8")
        working.replace(self.folder / "ports")

    def say(self, name: str, kind: str, **values: int) -> None:
        """A controller sends a message."""
        with (self.folder / f"{name}.in").open("a") as wire:
            wire.write(mido.Message(kind, **values).hex() + "\n")

    def sent(self, name: str) -> list[mido.Message]:
        """What a controller was sent."""
        path = self.folder / f"{name}.out"
        lines = path.read_text().splitlines() if path.exists() else []
        return [mido.Message.from_hex(line) for line in lines]

    def calls(self, word: str) -> int:
        """How often a driver was asked for this."""
        path = self.folder / "calls"
        return path.read_text().splitlines().count(word) if path.exists() else 0

    def fate(self, word: str) -> Path:
        """The file that brings it: open-hangs, look-falls, send-raises …"""
        return self.folder / word


@pytest.fixture
def wires(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Wires]:
    folder = tmp_path / "wires"
    folder.mkdir()
    paths = [str(Path(__file__).with_name("wires")), *os.environ.get("PYTHONPATH", "").split(":")]
    monkeypatch.setenv("PYTHONPATH", ":".join(filter(None, paths)))
    monkeypatch.setenv("MIDO_BACKEND", "wires")
    monkeypatch.setenv("WIRES", str(folder))
    yield Wires(folder)

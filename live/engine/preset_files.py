"""Preset files: listed, watched and read in a thread of their own, for a disk may take for ever.

Whoever asks is never kept waiting. A folder that does not answer costs one thread, which is told
and left waiting; nothing in that folder is touched again until it is back.
"""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from synth.errors import UserError
from synth.settings.preset import SUFFIX, Preset, preset_of

from ..supervisor import Shift, Supervisor, Worker

PART = "presets"  # what its faults go by
_WAIT = 0.1  # seconds that a round waits for somebody to ask
_LOOK = 0.5  # seconds between two looks at the file that plays
_LIST = 2.0  # seconds between two lists of the folder
_MOST = 1000  # presets of a folder that are listed

Stamp = tuple[int, int, int]  # when it was changed, in nanoseconds; bytes; which file it is


@dataclass(frozen=True, slots=True)
class Asked:
    """A file that shall be loaded."""

    path: Path
    fade: float | None  # seconds; the preset's own when None
    number: int  # of the request


class Taker(Protocol):
    """Who plays what the files hold; called in the files' thread, and when asked before `start`."""

    @property
    def playing(self) -> Path | None:
        """The file whose look plays."""
        ...

    def loaded(self, asked: Asked, preset: Preset) -> bool:
        """A file that was asked for is read; returns whether it is still wanted."""
        ...

    def saved(self, path: Path, preset: Preset) -> None:
        """The file that plays was saved."""

    def complain(self, trouble: str) -> None:
        """Something could not be read; the look that plays stays."""

    def relieve(self) -> None:
        """What was complained of last is over."""


class PresetFiles:
    """The presets in a folder, and the file that plays.

    Before `start`, reading happens in the thread of whoever asks, and nothing is watched.
    """

    def __init__(self, folder: Path | None, settings: list[str], taker: Taker) -> None:
        self.names: dict[str, str] = {}  # presets in the folder as last listed, and their paths
        self._folder, self._settings, self._taker = folder, settings, taker
        self._asked: Asked | None = None
        self._news = threading.Condition()
        self._at: tuple[Path, Shift] | None = None  # the folder that is asked at this moment
        self._silent: set[Path] = set()  # folders that do not answer
        self._look_at = self._list_at = 0.0
        self._listing = ""  # what was wrong with the last list
        self._supervisor = Supervisor()
        self._worker: Worker | None = None
        # of the file that plays: as it was when it was taken over, and at the last look
        self._taken = self._seen = stamp_of(taker.playing) if taker.playing is not None else None
        self.list_anew()

    def start(self, supervisor: Supervisor) -> None:
        """Read and watch in a thread of their own from now on."""
        self._supervisor = supervisor
        self._worker = supervisor.employ(PART, self._round, renew=self._give_up)

    def stop(self) -> None:
        """Read no more."""
        if self._worker is not None:
            self._supervisor.dismiss(self._worker, 1.0)

    def ask(self, asked: Asked) -> None:
        """Load a file; of several that wait, the last one alone."""
        if self._worker is None:
            self._load(asked, _own_time())
            return
        with self._news:
            self._asked = asked
            self._news.notify()

    # ---- in the files' thread

    def _round(self, shift: Shift) -> None:
        with self._news:
            if self._asked is None:
                self._news.wait(_WAIT)
            asked, self._asked = self._asked, None
        if asked is not None:
            self._load(asked, shift)
        now = self._supervisor.clock()
        if now >= self._look_at and not shift.over:
            self._look_at = now + _LOOK
            self.look(shift)
        if now >= self._list_at and not shift.over:
            self._list_at = now + _LIST
            self.list_anew(shift)

    def _load(self, asked: Asked, shift: Shift) -> None:
        path = asked.path
        if path.parent in self._silent:
            self._taker.complain(f"{path}: its folder does not answer; the look before stays")
            return
        with self._asking(path.parent, shift):
            stamp = stamp_of(path)
            read = self._read(path, stamp)
        if shift.over:
            return
        if isinstance(read, UserError):
            self._taker.complain(str(read))
        elif self._taker.loaded(asked, read):
            self._taken = self._seen = stamp

    def look(self, shift: Shift | None = None) -> None:
        """Look at the file that plays; once it has stayed as it is from one look to the next, it
        is taken over."""
        path, shift = self._taker.playing, shift or _own_time()
        if path is None or path.parent in self._silent:
            return
        with self._asking(path.parent, shift):
            stamp = stamp_of(path)
            settled = stamp == self._seen and stamp != self._taken
            read = self._read(path, stamp) if settled else None
            settled = settled and stamp_of(path) == stamp
        if shift.over:
            return
        self._seen = stamp
        if not settled or read is None:
            return
        self._taken = stamp
        if isinstance(read, UserError):
            self._taker.complain(str(read))
        else:
            self._taker.saved(path, read)

    def _read(self, path: Path, stamp: Stamp | None) -> Preset | UserError:
        if stamp is not None and not stamp[1]:
            return UserError(f"{path}: is empty; the look before stays until something is in it")
        try:
            return preset_of(str(path), self._settings)
        except UserError as trouble:
            return trouble

    def list_anew(self, shift: Shift | None = None) -> None:
        """Look which presets are in the folder."""
        folder, shift = self._folder, shift or _own_time()
        if folder is None or folder in self._silent:
            return
        names, trouble = self.names, ""
        with self._asking(folder, shift):
            try:
                names = _presets_in(folder)
            except OSError as error:
                trouble = f"{folder}: cannot be listed ({error.strerror or error})"
        if shift.over:
            return
        if len(names) > _MOST:
            names = dict(list(names.items())[:_MOST])
            trouble = f"{folder}: holds more than {_MOST} presets; the first are listed"
        self.names, before, self._listing = names, self._listing, trouble
        if trouble not in ("", before):
            self._taker.complain(trouble)
        elif before and not trouble:
            self._taker.relieve()

    @contextmanager
    def _asking(self, folder: Path, shift: Shift) -> Iterator[None]:
        """While a folder is asked: should it not answer, it is known which."""
        here = folder, shift
        with self._news:
            self._at = here
        try:
            yield
        finally:
            with self._news:
                self._at = None if self._at is here else self._at
                was_silent = folder in self._silent
                self._silent.discard(folder)
            if was_silent:
                self._taker.relieve()

    # ---- in the supervisor's thread

    def _give_up(self) -> None:
        """Another thread is about to begin; it shall not wait for the same folder."""
        with self._news:
            at, self._at = self._at, None
            if at is not None:
                self._silent.add(at[0])
        if at is not None:
            self._taker.complain(f"{at[0]}: this folder does not answer; the look before stays")


def _own_time() -> Shift:
    """A shift for whoever is no worker."""
    return Shift(time.monotonic)


def stamp_of(path: Path) -> Stamp | None:
    """What tells one state of a file from another; None where there is none to be seen."""
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _presets_in(folder: Path) -> dict[str, str]:
    with os.scandir(folder) as there:
        names = sorted(
            entry.name
            for entry in there
            if entry.name.endswith(SUFFIX) and entry.name.isprintable() and entry.is_file()
        )
    return {name.removesuffix(SUFFIX): str(folder / name) for name in names}

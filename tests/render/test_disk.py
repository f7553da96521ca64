"""What is on the disk at each moment: after a power cut nothing finished is gone."""

import errno
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from render import disk, farm
from render.film import Film
from synth.errors import UserError
from synth.settings.preset import preset_of
from tests.render.films import Slopes, beaten, begun, job


class Trace:
    """Every fsync, renaming and removal, in order, as it is carried out."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, str]] = []  # what, and the name
        for name in ("replace", "rename", "unlink", "rmdir"):
            monkeypatch.setattr(os, name, self._traced(name, getattr(os, name)))
        sync = os.fsync

        def fsync(number: int) -> None:
            self.calls.append(("fsync", str(Path(f"/proc/self/fd/{number}").readlink())))
            sync(number)

        monkeypatch.setattr(os, "fsync", fsync)

    def _traced(self, name: str, call: Callable[..., None]) -> Callable[..., None]:
        def traced(*places: Path, **more: object) -> None:
            call(*places, **more)
            self.calls.append((name, " ".join(str(place) for place in places)))

        return traced

    def working_of(self, name: str) -> str:
        """What a file was called before it got its name."""
        (working,) = (p for what, p in self.calls if what == "replace" and p.endswith(f"/{name}"))
        return working.split(" ")[0]

    def check(self) -> list[str]:
        """That each file had its bytes on the disk before it got its name, and that the name was
        there too before anything else was renamed or removed; returns the names."""
        named = []
        for at, (what, places) in enumerate(self.calls):
            if what == "replace":
                working, place = places.split(" ")
                assert ("fsync", working) in self.calls[:at], working
                following = self.calls[at + 1]
                assert following == ("fsync", str(Path(place).parent)), place
                named.append(Path(place).name)
        return named


def test_nothing_is_removed_before_what_takes_its_place_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(beaten(tmp_path / "song.wav"), tmp_path / "a.mp4")
    trace = Trace(monkeypatch)
    manifest = begun(made, Slopes(), preset_of("silk").knobs, chunk=60)
    work = farm.work_here(Slopes(), made)
    farm.render_in_chunks(manifest, made, work, lambda _d, _t: None)
    named = trace.check()
    assert named == [
        "manifest.json",
        "plan.f32",
        "manifest.json",
        *("chunk-000000.mp4", "chunk-000000.sha256"),
        *("chunk-000001.mp4", "chunk-000001.sha256"),
        "manifest.json",
        "a.mp4",
    ]
    film = trace.calls.index(("replace", f"{trace.working_of('a.mp4')} {made.film}"))
    removed = [k for k, (what, place) in enumerate(trace.calls) if what == "unlink"]
    chunks = [k for k in removed if "/chunk-" in trace.calls[k][1]]
    assert len(chunks) == 4
    assert min(chunks) > film + 1  # behind the folder's own fsync
    assert trace.calls[-1] == ("rmdir", str(tmp_path / "a.parts"))


def test_a_film_in_one_go_has_its_bytes_before_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    song = beaten(tmp_path / "song.wav")
    trace = Trace(monkeypatch)
    with Film(tmp_path / "a.mp4", size=(64, 64), fps=Fraction(30), song=song) as film:
        film.frame(np.zeros((64, 64, 3), np.uint8))
    assert trace.check() == ["a.mp4"]


def test_a_folder_that_was_put_away_has_its_name_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = job(beaten(tmp_path / "song.wav"), tmp_path / "a.mp4")
    folder = begun(made, Slopes(), preset_of("silk").knobs).folder
    (folder / "manifest.json").write_bytes(b"")
    trace = Trace(monkeypatch)
    begun(made, Slopes(), preset_of("silk").knobs)
    moved = trace.calls.index(("rename", f"{folder} {folder}.unreadable"))
    assert trace.calls[moved + 1] == ("fsync", str(tmp_path))


@pytest.mark.parametrize(("number", "told"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_a_file_system_without_synced_folders_is_no_trouble_but_a_failing_disk_is(
    number: int, told: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sync = os.fsync

    def fsync(file: int) -> None:
        if os.path.isdir(f"/proc/self/fd/{file}"):  # noqa: PTH112 - a link to follow
            raise OSError(number, os.strerror(number))
        sync(file)

    monkeypatch.setattr(os, "fsync", fsync)
    if told:
        with pytest.raises(UserError, match="a.txt: cannot be written \\(Input/output error\\)"):
            disk.write(tmp_path / "a.txt", b"text")
    else:
        disk.write(tmp_path / "a.txt", b"text")
        assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_bytes() == b"text"

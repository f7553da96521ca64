"""The recordings: which files of which Debian packages, which minute of each, and their kinds.

Nothing is fetched. Debian: apt-get install fretsonfire-songs-sectoid fretsonfire-songs-muldjord
nexuiz-music singularity-music wesnoth-1.16-music ufoai-music hedgewars-data supertux-data
hyperrogue-music warzone2100-music megaglest-data extremetuxracer-data asc-music
"""

import hashlib
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatch
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from synth.audio_file import hops_of
from synth.constants import HOP, RATE

START, LONG = 20.0, 60.0  # seconds: where the excerpt of each piece begins, and how long it is
SHORTEST = 45.0  # seconds that must be left of it
_LEAST_BYTES = 900_000  # of a file; shorter ones are jingles
_GAMES = Path("/usr/share/games")


@dataclass(frozen=True)
class Package:
    """Where a Debian package has its music, and what kind of music it is."""

    name: str
    short: str  # the first half of its pieces' names
    root: Path  # a folder, or a zip file with another name
    pattern: str
    most: int  # pieces that are taken
    kind: str
    kinds: dict[str, str] = field(default_factory=dict)  # of files that are of another kind


# Kinds by package, from its files' tags (Frets on Fire: death metal; Wesnoth: romantic classical),
# copyright files (singularity: Renoise and Psycle; megaglest: background music of peoples) and
# names; single files by their titles. Nobody listened. No piece is known to be sung all through.
PACKAGES = (
    Package(
        "fretsonfire-songs-sectoid",
        "metal",
        _GAMES / "fretsonfire/data/songs/sectoid",
        "song.ogg",
        99,
        "metal",
    ),
    Package(
        "fretsonfire-songs-muldjord",
        "metal",
        _GAMES / "fretsonfire/data/songs/muldjord",
        "song.ogg",
        99,
        "metal",
    ),
    Package("nexuiz-music", "nexuiz", _GAMES / "nexuiz/data/music.pk3", "*.ogg", 12, "electronic"),
    Package(
        "singularity-music",
        "singularity",
        _GAMES / "singularity/music",
        "*.ogg",
        10,
        "electronic",
    ),
    Package(
        "wesnoth-1.16-music",
        "wesnoth",
        _GAMES / "wesnoth/1.16/data/core/music",
        "*.ogg",
        14,
        "orchestral",
    ),
    Package("ufoai-music", "ufoai", _GAMES / "ufoai/base/0music.pk3", "*.ogg", 16, "film"),
    Package("hedgewars-data", "hedgewars", _GAMES / "hedgewars/Data/Music", "*.ogg", 18, "pop"),
    Package("supertux-data", "supertux", _GAMES / "supertux2/music", "*.ogg", 16, "game"),
    Package(
        "hyperrogue-music", "hyperrogue", Path("/usr/share/hyperrogue/music"), "*.ogg", 10, "soft"
    ),
    Package("warzone2100-music", "warzone", _GAMES / "warzone2100/music", "*.opus", 12, "film"),
    Package("megaglest-data", "megaglest", _GAMES / "megaglest/techs", "*.ogg", 8, "folk"),
    Package(
        "extremetuxracer-data",
        "etr",
        _GAMES / "etr/music",
        "*.ogg",
        6,
        "pop",
        {"calmrace-ks": "soft", "credits1-cp": "soft"},
    ),
    Package("asc-music", "asc", _GAMES / "asc/music", "*.mp3", 3, "electronic"),
)


@dataclass(frozen=True)
class Piece:
    """One recording of an installed package."""

    name: str  # of package and file, such as "nexuiz/desert3"
    package: Package
    path: str  # below the package's root, or inside its zip file
    bytes: int


def kind_of(name: str) -> str:
    """The kind of a piece, installed or not."""
    short, title = name.split("/", 1)
    package = next(package for package in PACKAGES if package.short == short)
    return package.kinds.get(title, package.kind)


def reserved(names: list[str]) -> set[str]:
    """Within each kind every third piece, in the order of the SHA-256 of their names."""
    kinds: dict[str, list[str]] = {}
    for name in sorted(names, key=_digest):
        kinds.setdefault(kind_of(name), []).append(name)
    return {name for members in kinds.values() for name in members[2::3]}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def found() -> dict[str, Piece]:
    """Every file of the installed packages that matches, by name."""
    return {piece.name: piece for package in PACKAGES for piece in files_of(package)}


def chosen() -> list[Piece]:
    """The pieces to annotate: of each package the first few in the order of the SHA-256 of their
    files' names, without jingles.
    """
    pieces = []
    for package in PACKAGES:
        files = [p for p in files_of(package) if _is_metal(p) or p.bytes > _LEAST_BYTES]
        files.sort(key=lambda piece: _digest(PurePosixPath(piece.path).name))
        pieces += files[: package.most]
    return pieces


def files_of(package: Package) -> Iterator[Piece]:
    """Every file of a package that matches; none where it is not installed."""
    for path, size in sorted(_listed(package.root)):
        file = PurePosixPath(path)
        if fnmatch(file.name, package.pattern):
            title = file.parent.name if package.pattern == "song.ogg" else file.stem
            yield Piece(f"{package.short}/{title}", package, path, size)


def _listed(root: Path) -> Iterator[tuple[str, int]]:
    """Path and size of every file in a folder or a zip file; none where it is not there."""
    if root.is_file():
        with zipfile.ZipFile(root) as archive:
            yield from ((entry.filename, entry.file_size) for entry in archive.infolist())
    elif root.is_dir():
        for file in root.rglob("*"):
            if file.is_file():
                yield file.relative_to(root).as_posix(), file.stat().st_size


def _is_metal(piece: Piece) -> bool:
    return piece.package.pattern == "song.ogg"


def excerpt(piece: Piece, start: float = START, long: float = LONG) -> np.ndarray:
    """Mono float32 samples (n,) at RATE of a piece, from `start` on, `long` seconds or fewer.

    A song of Frets on Fire is its band and its guitar, mixed at equal levels.
    """
    with opened(piece) as path:
        sound = _cut(path, start, long)
        if not _is_metal(piece):
            return sound
        guitar = _cut(path.with_name("guitar.ogg"), start, long)
    both = np.zeros(max(len(sound), len(guitar)), np.float32)
    both[: len(sound)] += sound / 2
    both[: len(guitar)] += guitar / 2
    return both


def _cut(path: Path, start: float, long: float) -> np.ndarray:
    first, last = round(start * RATE), round((start + long) * RATE)
    hops = list(islice(hops_of(path), last // HOP + 1))
    return np.concatenate(hops)[first:last]


@contextmanager
def opened(piece: Piece) -> Iterator[Path]:
    """A piece as a file of its own, while needed."""
    if piece.package.root.is_dir():
        yield piece.package.root / piece.path
        return
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(piece.package.root) as archive:
        yield Path(archive.extract(piece.path, folder))

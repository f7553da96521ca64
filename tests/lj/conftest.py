import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import sounds
from tests.lj.terminal import Terminal

CLONE = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel unpacked in it, as pip does."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    wheel = ["wheel", str(CLONE), "--no-deps", "--no-build-isolation", "-w", str(folder)]
    subprocess.run(pip + wheel, check=True)
    (built,) = folder.glob("*.whl")
    site = folder / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", str(site), str(built)], check=True)
    return site


@pytest.fixture
def terminal(installed: Path, tmp_path: Path) -> Iterator[Terminal]:
    sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 3))
    terminal = Terminal(installed, tmp_path)
    yield terminal
    terminal.close()

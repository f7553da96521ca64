import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage import display, sound_server

__all__ = ["display", "sound_server"]

os.environ.setdefault("MPLBACKEND", "Agg")
# torch's threads spin while they wait, which on few cores takes from the programs around them
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
if workers := int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "0")):
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))


@pytest.fixture(autouse=True)
def nothing_is_built_behind() -> Iterator[None]:
    """A command in this process ends with its test, and so does what it builds in half a minute."""
    yield
    if choice := sys.modules.get("synth.generators.procedural.choice"):
        choice.end_building()


@pytest.fixture(scope="session")
def demo_song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo song, composed once a session."""
    from demo.compose import compose, write

    path = tmp_path_factory.mktemp("demo") / "song.wav"
    write(path, compose())
    return path


@pytest.fixture(scope="session")
def tiny_biggan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained BigGAN-128 as a published folder."""
    from synth.generators.biggan.untrained import save_published
    from tests.networks import varied

    return save_published(varied(128), tmp_path_factory.mktemp("biggan") / "biggan-128")

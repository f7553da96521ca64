"""Built functions: they draw what the plain ones draw, at every size, or are not used."""

import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synth.generators.procedural import Procedural, building, choice, procedural_of
from synth.generators.procedural.building import Builder, build, calls
from synth.generators.procedural.geometry import VIEWS
from synth.generators.procedural.kernels import Kernels, name_of, tensors_of
from synth.generators.procedural.tables import FAMILIES
from synth.latents import Latent

FEW = ("silk",)  # building them all takes minutes
SHOW = """
import os, pathlib, sys, time
from synth.generators.procedural.building import Builder
Builder(pathlib.Path(sys.argv[1]) / "kernels").begin()
time.sleep(1)
me = str(os.getpid())
for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
    if status.read_text().rsplit(")", 1)[1].split()[1] == me:
        print(status.parent.name)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kernels")
    build(place, FEW)
    return place


def silken(artist: Procedural) -> Latent:
    """A class that is nothing but silk on a plane."""
    embedding = np.zeros(128, np.float32)
    embedding[:64] = np.random.RandomState(1).standard_normal(64)
    embedding[64 + FAMILIES.index("silk")] = 1
    embedding[64 + len(FAMILIES)] = 1  # plane
    embedding[[78, 103]] = 1  # palettes
    embedding[126:] = 6, 1
    noise = 0.5 * np.random.RandomState(2).standard_normal(128)
    assert artist.embedding_size == 128
    return Latent(noise.astype(np.float32), embedding, 0.5)


@pytest.mark.parametrize("side", [256, 300, 512])
def test_built_functions_draw_the_same_picture_at_every_size(side: int, folder: Path) -> None:
    told: list[str] = []
    plain, fast = Procedural(side), Procedural(side, built=folder, say=told.append)
    latent = silken(plain)
    wanted = plain.frames([latent]).int()
    for _ in range(2):  # the first time both forms draw
        difference = (fast.frames([latent]).int() - wanted).abs()
        assert difference.max() <= 4
        assert difference.float().mean() < 0.02
    assert fast.kernels.built == set(FEW)
    assert told == []


def test_what_is_built_while_a_show_runs_is_taken_up(folder: Path, tmp_path: Path) -> None:
    artist = Procedural(256, built=tmp_path)
    latent = silken(artist)
    artist.frames([latent])
    assert artist.kernels.built == frozenset()
    shutil.copy(folder / "silk.pt2", tmp_path)
    artist.frames([latent])
    assert artist.kernels.built == {"silk"}


def test_a_damaged_file_leaves_the_plain_form_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "silk.pt2").write_bytes(b"not a package")
    told: list[str] = []
    artist = Procedural(256, built=tmp_path, say=told.append)
    latent = silken(artist)
    assert torch.equal(artist.frames([latent] * 3), Procedural(256).frames([latent] * 3))
    assert len(told) == 1
    assert told[0].startswith("procedural: silk as built cannot be used")


def test_a_form_that_differs_is_not_used(folder: Path) -> None:
    def silk(x: Tensor, y: Tensor, *_others: object) -> tuple[Tensor, ...]:
        return x, y, x * y, x + y

    told: list[str] = []
    _, inputs = calls()["silk"]
    kernels = Kernels(folder, told.append)
    made = kernels(silk, *inputs)
    assert torch.equal(made[2], inputs[0] * inputs[1])
    assert "differs" in told[0]
    assert kernels.built == frozenset()


def test_every_family_and_geometry_is_among_what_is_built() -> None:
    names = set(calls())
    assert {name_of(view) for view in VIEWS.values()} <= names
    assert set(FAMILIES) - {"flame"} <= names
    assert {"splats", "lit-by-density", "lit", "printed", "added", "fogged", "on-orb"} <= names


def test_inputs_are_tensors_alone() -> None:
    """Whatever else a function took would be built into it."""
    for function, inputs in calls().values():
        assert list(tensors_of(inputs)), name_of(function)


def test_without_a_compiler_the_plain_form_draws_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "inductor"))
    told: list[str] = []
    monkeypatch.setattr(choice, "_builder", lambda: Builder(building.folder()))
    artist = procedural_of(256, device="cpu", compiles="first", say=told.append)
    assert artist.frames([silken(artist)]).shape == (1, 256, 256, 3)
    assert any("cannot be built" in notice for notice in told), told


def test_a_show_that_ends_takes_its_builder_along(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SHOW, str(tmp_path)], check=True, capture_output=True, text=True
    )
    children = [int(pid) for pid in ended.stdout.split()]
    assert children
    deadline = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline, "the builder outlived its show"
        time.sleep(0.05)


def test_a_system_that_does_not_describe_its_processor_has_a_folder_too(tmp_path: Path) -> None:
    assert building._processor(tmp_path / "cpuinfo")


def test_nothing_is_begun_where_all_is_built(tmp_path: Path) -> None:
    (tmp_path / building._DONE).touch()
    builder, threads = Builder(tmp_path), threading.active_count()
    builder.begin(60)
    assert threading.active_count() == threads
    assert builder.complete() == ""

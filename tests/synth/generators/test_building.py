"""Built functions: they draw what the plain ones draw, at every size, or are not used."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from synth.generators import compiling
from synth.generators.compiling import keep_compiled_code_private
from synth.generators.procedural import building
from synth.generators.procedural.builder import Builder
from synth.generators.procedural.building import Call, build, calls
from synth.generators.procedural.choice import procedural_of
from synth.generators.procedural.generator import Procedural
from synth.generators.procedural.geometry import VIEWS
from synth.generators.procedural.kernels import Kernels, name_of, tensors_of
from synth.generators.procedural.tables import FAMILIES
from synth.latents.latent import Latent
from synth.modules import import_path

CLONE = Path(__file__).parents[3]
FEW = ("silk",)  # building them all takes minutes
SHOW = """
import os, pathlib, signal, sys, time
from synth.generators.procedural.builder import Builder
Builder(pathlib.Path(sys.argv[1]) / "kernels").begin()
time.sleep(1)
me = str(os.getpid())
for status in pathlib.Path("/proc").glob("[0-9]*/stat"):
    if status.read_text().rsplit(")", 1)[1].split()[1] == me:
        print(status.parent.name, flush=True)
"""
ENDINGS = {"leaves": "", "is killed": "os.kill(os.getpid(), signal.SIGKILL)"}
NO_COMPILER = "no C++ compiler works here"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("kernels")
    build(place, FEW)
    return place


@pytest.fixture(scope="module")
def everything() -> dict[str, Call]:
    return calls()


def silken(renderer: Procedural) -> Latent:
    """A class that is nothing but silk on a plane."""
    embedding = np.zeros(128, np.float32)
    embedding[:64] = np.random.RandomState(1).standard_normal(64)
    embedding[64 + FAMILIES.index("silk")] = 1
    embedding[64 + len(FAMILIES)] = 1  # plane
    embedding[[78, 103]] = 1  # palettes
    embedding[126:] = 6, 1
    noise = 0.5 * np.random.RandomState(2).standard_normal(128)
    assert renderer.embedding_size == 128
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
    renderer = Procedural(256, built=tmp_path)
    latent = silken(renderer)
    renderer.frames([latent])
    assert renderer.kernels.built == frozenset()
    shutil.copy(folder / "silk.pt2", tmp_path)
    renderer.frames([latent])
    assert renderer.kernels.built == {"silk"}


def test_a_generator_made_anew_loads_no_code_a_second_time(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It cannot be unloaded: a night of generators made anew would fill the memory."""
    shutil.copy(folder / "silk.pt2", tmp_path)
    loaded: list[str] = []
    load = torch._inductor.aoti_load_package
    monkeypatch.setattr(
        torch._inductor, "aoti_load_package", lambda file: loaded.append(file) or load(file)
    )
    for _ in range(3):
        renderer = Procedural(256, built=tmp_path)
        renderer.frames([silken(renderer)])
        assert renderer.kernels.built == {"silk"}
    assert loaded == [str(tmp_path / "silk.pt2")]


def test_a_damaged_file_leaves_the_plain_form_and_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "silk.pt2").write_bytes(b"not a package")
    told: list[str] = []
    renderer = Procedural(256, built=tmp_path, say=told.append)
    latent = silken(renderer)
    assert torch.equal(renderer.frames([latent] * 3), Procedural(256).frames([latent] * 3))
    assert len(told) == 1
    assert told[0].startswith("procedural: silk as built cannot be used")


def test_a_form_that_differs_is_not_used(folder: Path, everything: dict[str, Call]) -> None:
    def silk(x: Tensor, y: Tensor, *_others: object) -> tuple[Tensor, ...]:
        return x, y, x * y, x + y

    told: list[str] = []
    _, inputs = everything["silk"]
    kernels = Kernels(folder, told.append)
    made = kernels(silk, *inputs)
    assert torch.equal(made[2], inputs[0] * inputs[1])
    assert "differs" in told[0]
    assert kernels.built == frozenset()


def test_every_family_and_geometry_is_among_what_is_built(everything: dict[str, Call]) -> None:
    names = set(everything)
    assert {name_of(view) for view in VIEWS.values()} <= names
    assert set(FAMILIES) - {"flame"} <= names
    assert {"splats", "lit-by-density", "lit", "printed", "added", "fogged", "on-orb"} <= names


def test_inputs_are_tensors_alone(everything: dict[str, Call]) -> None:
    """Whatever else a function took would be built into it."""
    for function, inputs in everything.values():
        assert list(tensors_of(inputs)), name_of(function)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, and compilers that have not been told where to keep theirs."""
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    for variable in ("TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR"):
        monkeypatch.setenv(variable, "")  # so that what is set meanwhile is forgotten
        monkeypatch.delenv(variable)
    return tmp_path / "latent-jockey"


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")


def until(true: Callable[[], object], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, f"{what} did not come within {seconds} s"
        time.sleep(0.02)


def test_without_a_compiler_the_plain_form_draws_and_that_is_said(
    cache: Path, no_compiler: None
) -> None:
    told: list[str] = []
    renderer = procedural_of(256, device="cpu", compiles="first", say=told.append)
    assert renderer.frames([silken(renderer)]).shape == (1, 256, 256, 3)
    assert told[1:] == [
        f"they cannot be built ({NO_COMPILER}; install g++, or name one with CXX); "
        "the plain ones draw"
    ]


def test_a_show_is_told_once_that_building_failed(cache: Path, no_compiler: None) -> None:
    told: list[str] = []
    builder = Builder(cache / "kernels")
    for _ in range(2):
        builder.begin(say=told.append)
    until(lambda: told, "the notice")
    builder.begin(say=told.append)
    time.sleep(0.3)
    assert len(told) == 1
    assert told[0].startswith(f"procedural: its functions cannot be built ({NO_COMPILER}")
    builder.end()


def test_a_place_that_others_write_is_told_and_the_plain_form_draws(
    cache: Path, tmp_path: Path
) -> None:
    told: list[str] = []
    tmp_path.chmod(0o777)
    renderer = procedural_of(256, device="cpu", compiles="background", say=told.append)
    assert len(told) == 1
    assert "everyone may replace what lies in it" in told[0]
    assert told[0].endswith("; the plain functions draw")
    assert renderer.frames([silken(renderer)]).shape == (1, 256, 256, 3)


@pytest.mark.parametrize("bits", [0o664, 0o606])
def test_machine_code_that_others_may_write_is_not_loaded(
    bits: int, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "silk.pt2", tmp_path)
    (tmp_path / "silk.pt2").chmod(bits)
    told: list[str] = []
    renderer = Procedural(256, built=tmp_path, say=told.append)
    renderer.frames([silken(renderer)] * 2)
    assert renderer.kernels.built == frozenset()
    assert len(told) == 1
    assert "silk.pt2: others may write it" in told[0]


def test_what_is_built_is_for_this_user_alone(folder: Path) -> None:
    assert (folder / "silk.pt2").stat().st_mode & 0o777 == 0o600


def test_machine_code_that_fails_later_gives_way_to_the_plain_form(folder: Path) -> None:
    told: list[str] = []
    renderer = Procedural(256, built=folder, say=told.append)
    latent = silken(renderer)
    wanted = renderer.frames([latent])

    class Broken:
        def __call__(self, inputs: object) -> None:
            raise RuntimeError("bus error")

    renderer.kernels._built["silk"] = Broken()  # type: ignore[assignment]
    assert torch.equal(renderer.frames([latent] * 2), torch.cat([wanted] * 2))
    assert told == ["procedural: silk as built cannot be used (bus error); the plain form is"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_show_that_ends_takes_its_builder_along(ending: str, tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", SHOW + ENDINGS[ending], str(tmp_path)],
        cwd=CLONE,
        check=False,
        capture_output=True,
        text=True,
    )
    children = [int(pid) for pid in ended.stdout.split()]
    assert children, ended.stderr
    deadline = time.monotonic() + 30
    while any(Path(f"/proc/{pid}").exists() for pid in children):
        assert time.monotonic() < deadline, "the builder outlived its show"
        time.sleep(0.05)


def test_nothing_is_begun_after_the_end(tmp_path: Path) -> None:
    builder, told = Builder(tmp_path / "kernels"), list[str]()
    builder.begin(0.2, told.append)
    builder.end()
    time.sleep(0.4)
    assert not (tmp_path / "kernels").exists()
    assert not any(thread.name == "builder" for thread in threading.enumerate())
    builder.begin(0.0, told.append)  # another show
    until(lambda: builder._process, "the process")
    process = builder._process
    builder.end()
    assert process is not None
    assert process.returncode
    assert told == []


def plant(place: Path) -> Path:
    """A folder full of names that Python would import if it looked there."""
    place.mkdir()
    trap = f"open({str(place / 'imported')!r}, 'a').write(__name__ + '\\n')\n"
    for name in ("torch", "numpy", "json", "sitecustomize", "usercustomize", "platformdirs"):
        (place / f"{name}.py").write_text(trap)
    (place / "synth").mkdir()
    (place / "synth" / "__init__.py").write_text(trap)
    return place


def test_building_imports_nothing_from_the_current_folder(
    cache: Path, no_compiler: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it comes by `-m`, by an empty entry of sys.path or by one of PYTHONPATH."""
    hostile = plant(tmp_path / "hostile")
    monkeypatch.chdir(hostile)
    monkeypatch.setattr(sys, "path", ["", *sys.path, "", str(hostile)])
    monkeypatch.setenv("PYTHONPATH", f"{os.pathsep}{CLONE}{os.pathsep}")
    why = Builder(cache / "kernels").complete()
    assert not (hostile / "imported").exists(), (hostile / "imported").read_text()
    assert why.startswith(NO_COMPILER)


def test_building_works_from_the_checkout_alone(
    cache: Path, no_compiler: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `python -c` or `python -m` there, and nothing installed."""
    monkeypatch.chdir(CLONE)
    elsewhere = [place for place in sys.path if Path(place).resolve() != CLONE]
    monkeypatch.setattr(sys, "path", ["", *elsewhere])
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert str(CLONE) in import_path()
    assert Builder(cache / "kernels").complete().startswith(NO_COMPILER)


def test_building_works_from_an_installed_copy(tmp_path: Path) -> None:
    """The same code is built that plays, from wherever it was imported."""
    site, hostile = tmp_path / "site", plant(tmp_path / "hostile")
    shutil.copytree(CLONE / "synth", site / "synth", ignore=shutil.ignore_patterns("__pycache__"))
    copy = site / "synth" / "generators" / "procedural" / "building.py"
    copy.write_text(copy.read_text().replace("works here", "works in the copy"))
    words = (
        "import pathlib; from synth.generators.procedural.builder import Builder; "
        f"print(Builder(pathlib.Path({str(tmp_path / 'kernels')!r})).complete())"
    )
    own = {"PYTHONPATH": str(site), "CXX": "no-such-compiler", "XDG_CACHE_HOME": str(tmp_path)}
    told = subprocess.run(
        [sys.executable, "-P", "-c", words],
        cwd=hostile,
        env=os.environ | own,
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.startswith("no C++ compiler works in the copy"), told.stdout + told.stderr
    assert not (hostile / "imported").exists(), (hostile / "imported").read_text()


def test_a_current_folder_that_was_removed_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    monkeypatch.setattr(sys, "path", ["", "/somewhere"])
    assert import_path() == ["/somewhere"]
    monkeypatch.chdir(tmp_path)


def test_torchs_compilers_keep_their_code_in_the_users_own_cache(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from torch._inductor.runtime.cache_dir_utils import cache_dir, default_cache_dir

    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", default_cache_dir())  # as torch itself sets it
    keep_compiled_code_private()
    for place in (Path(cache_dir()), Path(os.environ["TRITON_CACHE_DIR"])):
        assert cache / "compiled" in place.parents
        assert place.stat().st_mode & 0o777 == 0o700


def test_a_place_for_compiled_code_that_the_user_names_stays(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(tmp_path / "mine"))
    keep_compiled_code_private()
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "mine")


def test_a_system_that_does_not_describe_its_processor_has_a_folder_too(tmp_path: Path) -> None:
    assert compiling._processor(tmp_path / "cpuinfo")


def test_nothing_is_begun_where_all_is_built(tmp_path: Path) -> None:
    (tmp_path / building._DONE).touch()
    builder, threads = Builder(tmp_path), threading.active_count()
    builder.begin(60)
    assert threading.active_count() == threads
    assert builder.complete() == ""

"""A film on a real Ray cluster of two nodes, one of which is killed; and actors that never live."""

import os
import secrets
import signal
import sys
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import av
import pytest

from render import farm
from render.cluster import _Crew, _own_signals, work_on
from render.manifest import Inputs, Manifest
from render.parts import opened
from render.song import Job
from synth.errors import UserError
from synth.generators import generator_of
from synth.settings.preset import preset_of
from tests import sounds


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes of one processor each, behind a token."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        cluster.second = cluster.add_node(num_cpus=1)
        yield cluster
        cluster.shutdown()


def planned(folder: Path) -> tuple[Manifest, Job]:
    """A film of eight chunks."""
    song = sounds.write_wav(folder / "song.wav", sounds.chord((57, 60, 64), 4))
    job = Job(song, folder / "a.mp4", (96, 64), Fraction(30), quality="draft")
    knobs, generator = preset_of("silk").knobs, generator_of("procedural", resolution=96)
    options = {"name": "procedural", "resolution": 96, "weights": "", "device": "cpu"}
    inputs = farm.inputs_of(job, knobs, generator, None, chunk=15, how="")
    manifest = opened(job, inputs, farm.call_of(job, options), lambda _text: None)
    farm.plan(manifest, job, generator, knobs)
    return manifest, job


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_costs_only_its_chunks(cluster: Any, tmp_path: Path) -> None:
    manifest, job = planned(tmp_path)
    manifest.call["generator"] |= {"weights": str(tmp_path / "nowhere")}
    with pytest.raises(
        UserError, match="actors one after the other died .*\\(procedural needs no weights"
    ):
        farm.render_in_chunks(manifest, job, work_on(cluster.address), lambda _d, _t: None)

    manifest.call["generator"] |= {"weights": ""}
    killed, before = list[int](), signal.getsignal(signal.SIGTERM)

    def progress(done: int, _total: int | None) -> None:
        if done and not killed:
            killed.append(done)
            assert signal.getsignal(signal.SIGTERM) == before  # Ray takes it
            cluster.remove_node(cluster.second, allow_graceful=False)

    outcome = farm.render_in_chunks(manifest, job, work_on(cluster.address), progress)
    assert killed
    assert outcome.whole
    with av.open(job.film) as film:
        assert sum(1 for _ in film.decode(video=0)) == 120
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_being_told_to_stop_while_ray_starts_is_heard_as_ctrl_c() -> None:
    """Ray answers SIGTERM with an exit of its own, from its start on."""
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), _own_signals():
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(number))
        signal.raise_signal(signal.SIGTERM)
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_cluster_that_cannot_be_started_is_one_sentence() -> None:
    """Ray ends the whole program where its own server does not come up."""
    with pytest.raises(UserError, match="ray cannot be started here"), _own_signals():
        sys.exit(1)


class Deadly:
    """Ray with one processor, whose actors die before they are ready where `dies` says so."""

    class RayError(Exception):
        pass

    def __init__(self, dies: Callable[[int], bool], room: int = 1) -> None:
        self.exceptions = self
        self.hired = 0
        self._dies, self._room, self._turns = dies, room, 0
        self._dead: set[object] = set()

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}] * self._room

    def remote(self, **_needs: float) -> Callable[[type], Any]:
        def hire(*_words: object) -> object:
            self.hired += 1
            ready = object()
            if self._dies(self.hired):
                self._dead.add(ready)
            return SimpleNamespace(
                ready=SimpleNamespace(remote=lambda: ready),
                render=SimpleNamespace(remote=lambda *_words: object()),
            )

        return lambda _hand: SimpleNamespace(remote=hire)

    def wait(self, references: list[Any], timeout: float) -> tuple[list[Any], list[Any]]:
        self._turns += 1
        assert self._turns < 500, "it hires for ever"
        return references[-1:], references[:-1]  # new actors before chunks

    def get(self, reference: object) -> bytes:
        if reference in self._dead:
            raise self.RayError("The actor died.\n\tpid: 7\nWorker exit detail: out of memory")
        return b"pictures"


def worked(ray: Deadly, folder: Path, said: list[str], chunks: int = 4) -> Manifest:
    inputs = Inputs("", "", {}, {}, (16, 16), "30", "draft", 0.0, None, 1, "")
    call = {"song": "", "film": "", "performance": "", "bank": "", "generator": {}}
    manifest = Manifest(folder, inputs, call=call)
    manifest.plan_file.write_bytes(bytes(chunks * 4 * (2 * 128 + 2)))
    manifest.planned(chunks, "plan", embedding=128, apart=False)
    _Crew(ray, manifest, said.append).work(manifest.missing(), manifest.finished)
    return manifest


def test_actors_that_die_as_they_load_are_given_up(tmp_path: Path) -> None:
    ray = Deadly(lambda _number: True)
    says = "5 actors one after the other died .*\\(Worker exit detail: out of memory\\); has every"
    with pytest.raises(UserError, match=says):
        worked(ray, tmp_path, [])
    assert ray.hired == 5


def test_an_actor_that_is_ready_makes_up_for_those_that_died(tmp_path: Path) -> None:
    """Seven die of nine, but never five in a row."""
    ray, said = Deadly(lambda number: number not in (5, 9), room=2), list[str]()
    assert not worked(ray, tmp_path, said, chunks=40).missing()
    assert ray.hired == 9
    assert said == []


def test_those_that_work_go_on_without_those_that_die(tmp_path: Path) -> None:
    ray, said = Deadly(lambda number: number != 2, room=2), list[str]()
    assert not worked(ray, tmp_path, said, chunks=40).missing()
    assert ray.hired == 6
    (sentence,) = said
    assert sentence.endswith("(Worker exit detail: out of memory); going on without more")

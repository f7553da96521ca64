"""A film on a real Ray cluster of two nodes, one of which is killed."""

import os
import secrets
import warnings
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from render import farm
from render.cluster import work_on
from render.parts import opened
from render.song import Job
from synth.generators import generator_of
from synth.preset import preset_of
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


@pytest.mark.filterwarnings("ignore")
def test_a_node_that_dies_costs_only_its_chunks(cluster: Any, tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 4))
    job = Job(song, tmp_path / "a.mp4", (96, 64), Fraction(30), quality="draft")
    knobs, generator = preset_of("silk").knobs, generator_of("procedural", resolution=96)
    options = {"name": "procedural", "resolution": 96, "weights": "", "device": "cpu"}
    inputs = farm.inputs_of(job, knobs, generator, None, chunk=15, how="")
    manifest = opened(job, inputs, farm.call_of(job, options), lambda _text: None)
    farm.plan(manifest, job, generator, knobs)
    killed: list[int] = []

    def progress(done: int, _total: int | None) -> None:
        if done and not killed:
            killed.append(done)
            cluster.remove_node(cluster.second, allow_graceful=False)

    outcome = farm.render_in_chunks(manifest, job, work_on(cluster.address), progress)
    assert killed
    assert outcome.whole
    with av.open(job.film) as film:
        assert sum(1 for _ in film.decode(video=0)) == 120
    assert os.environ["RAY_AUTH_MODE"] == "token"

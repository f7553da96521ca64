"""Workers in processes of their own, which die and are killed."""

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from render import farm
from render.manifest import Manifest
from render.song import Job
from render.workers import work_by
from synth.errors import UserError
from synth.generators import generator_of
from synth.settings.preset import preset_of
from tests.render.films import SECONDS, beaten, begun, job, watched
from tests.stage import until

SILK = preset_of("silk").knobs


@pytest.fixture
def made(tmp_path: Path) -> Job:
    return job(beaten(tmp_path / "song.wav"), tmp_path / "a.mp4")


def planned(made: Job, chunk: int) -> Manifest:
    return begun(made, generator_of("procedural", resolution=96, device="cpu"), SILK, chunk)


def workers() -> list[int]:
    """Worker processes of this one."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [
        int(child)
        for child in children
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes()
    ]


def test_the_chunk_of_a_killed_worker_is_made_by_one_that_has_nothing_to_do(made: Job) -> None:
    """Two workers, a long chunk and a short one: whose is done waits as the other one is killed."""
    manifest = planned(made, chunk=100)
    killed: list[int] = []

    def progress(done: int, _total: int | None) -> None:
        if done == 20 and not killed:
            until(lambda: list(manifest.folder.glob(".chunk-000000.*.mp4")), "its segment", 60)
            (long,) = manifest.folder.glob(".chunk-000000.*.mp4")
            killed.append(int(long.name.split(".")[2]))
            os.kill(killed[0], signal.SIGKILL)

    outcome = farm.render_in_chunks(manifest, made, work_by(["cpu", "cpu"]), progress)
    assert killed
    assert outcome.whole
    assert len(watched(made.film)[0]) == SECONDS * 30
    assert workers() == []


def test_workers_that_always_die_are_given_up(made: Job) -> None:
    manifest = planned(made, chunk=100)
    stop = threading.Event()

    def kill() -> None:
        while not stop.wait(0.05):
            for worker in workers():
                os.kill(worker, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(
            UserError, match="workers died 3 times, the last with status -9; is there"
        ):
            farm.render_in_chunks(manifest, made, work_by(["cpu"]), lambda _d, _t: None)
    finally:
        stop.set()
        killer.join()
    assert manifest.missing() == [0, 1]


def test_a_device_that_always_fails_is_given_up_and_the_others_make_the_film(
    made: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing comes back from the device “meta”."""
    monkeypatch.setattr("render.workers._ATTEMPTS", 2)
    manifest, said = planned(made, chunk=40), list[str]()
    outcome = farm.render_in_chunks(
        manifest, made, work_by(["cpu", "meta"], said.append), lambda _d, _t: None
    )
    assert outcome.whole
    assert len(watched(made.film)[0]) == SECONDS * 30
    assert said
    assert all(words.startswith("lj worker on meta: NotImplementedError") for words in said)


def test_what_every_worker_fails_of_is_raised(made: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("render.workers._ATTEMPTS", 1)
    manifest = planned(made, chunk=100)
    with pytest.raises(NotImplementedError, match="meta"):
        farm.render_in_chunks(manifest, made, work_by(["meta"]), lambda _d, _t: None)
    assert manifest.missing() == [0, 1]
    assert workers() == []


def test_why_a_worker_cannot_begin_is_told(made: Job, tmp_path: Path) -> None:
    manifest = planned(made, chunk=100)
    manifest.call["generator"] |= {"name": "biggan-128", "weights": str(tmp_path / "nowhere")}
    manifest.save()
    begun_at = time.monotonic()
    with pytest.raises(UserError, match="nowhere"):
        farm.render_in_chunks(manifest, made, work_by(["cpu"]), lambda _d, _t: None)
    assert time.monotonic() - begun_at < 60
    assert workers() == []

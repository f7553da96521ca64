"""What stands in a film's folder of chunks is found again, or put away; never thrown away."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from render import farm, lock
from render.manifest import Manifest, Unreadable, read_manifest
from render.parts import chunk_of, folder_of, opened
from render.song import Job
from render.workers import work_by
from synth.errors import UserError
from synth.generators import generator_of
from synth.latents.bank import Bank, Keyframe, save_bank
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from synth.settings.preset import preset_of
from tests.render.films import Slopes, beaten, begun, call_of, in_chunks, inputs_of, job, watched

SILK, REEF = preset_of("silk").knobs, preset_of("reef").knobs
CHUNK = 6  # frames; the film has twelve


@pytest.fixture(scope="module")
def song(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return beaten(tmp_path_factory.mktemp("song") / "song.wav")


@pytest.fixture
def made(song: Path, tmp_path: Path) -> Job:
    return replace(job(song, tmp_path / "a.mp4"), duration=0.4)


def half_done(made: Job, knobs: Knobs = SILK) -> Manifest:
    """A render of two chunks of which the first is done."""
    manifest = begun(made, Slopes(), knobs, chunk=CHUNK)
    manifest.segment(0).write_bytes(f"pictures with kick {knobs.steer.kick}".encode())
    manifest.finished(0)
    return manifest


def opened_again(made: Job, said: list[str], knobs: Knobs = SILK) -> Manifest:
    inputs = inputs_of(made, Slopes(), knobs, chunk=CHUNK)
    return opened(made, inputs, call_of(made), said.append)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name[0] != "."}


# ---- what cannot be read


def changed(values: dict[str, Any], *keys: Any, to: object) -> bytes:
    """A manifest with one value changed."""
    place: Any = values
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    return json.dumps(values).encode()


SPOILED: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut off": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "no text": lambda data: bytes(range(256)),
    "deep": lambda data: b"[" * 100_000,
    "deep objects": lambda data: b'{"a":' * 100_000,
    "a list": lambda data: b"[]",
    "nothing": lambda data: b"{}",
    "another format": lambda data: changed(json.loads(data), "format", to=9),
    "frames in words": lambda data: changed(json.loads(data), "frames", to="many"),
    "endless frames": lambda data: data.replace(b'"frames": 12', b'"frames": Infinity'),
    "no inputs": lambda data: changed(json.loads(data), "inputs", to={}),
    "size of one": lambda data: changed(json.loads(data), "inputs", "size", to=[96]),
    "huge fps": lambda data: changed(json.loads(data), "inputs", "fps", to="1e99999999"),
    "no frames in a chunk": lambda data: changed(json.loads(data), "chunks", 0, "frames", to=0),
    "no chunk size": lambda data: changed(json.loads(data), "inputs", "chunk", to=0),
    "chunks of words": lambda data: changed(json.loads(data), "chunks", to=["a", "b"]),
    "a gap": lambda data: changed(json.loads(data), "chunks", 1, "first", to=7),
    "call": lambda data: changed(json.loads(data), "call", to=[1]),
}


@pytest.mark.parametrize("how", SPOILED)
def test_what_cannot_be_read_is_put_away_and_the_render_begins_anew(how: str, made: Job) -> None:
    manifest = half_done(made)
    file = manifest.folder / "manifest.json"
    file.write_bytes(SPOILED[how](file.read_bytes()))
    before = content(manifest.folder)
    with pytest.raises(Unreadable, match="manifest.json: is no manifest of a render"):
        read_manifest(manifest.folder)
    said: list[str] = []
    assert chunk_of(made.film, said.append) is None
    fresh = opened_again(made, said)
    assert content(made.film.with_name("a.parts.unreadable")) == before
    (sentence,) = said
    assert "\n" not in sentence
    assert len(sentence) < 500
    assert "is a.parts.unreadable now, and the render begins anew" in sentence
    assert fresh.plan == ""
    assert fresh.missing() == []
    assert list(content(fresh.folder)) == ["manifest.json"]


def test_chunks_that_lost_their_manifest_are_put_away(made: Job) -> None:
    manifest = half_done(made)
    (manifest.folder / "manifest.json").unlink()
    said: list[str] = []
    opened_again(made, said)
    assert "No such file or directory" in said[0]
    assert (made.film.with_name("a.parts.unreadable") / "chunk-000000.mp4").is_file()


def test_each_that_is_put_away_has_a_name_of_its_own(made: Job) -> None:
    said: list[str] = []
    for _ in range(3):
        folder = half_done(made).folder
        (folder / "manifest.json").write_bytes(b"")
        opened_again(made, said)
    names = sorted(path.name for path in made.film.parent.glob("a.parts.unreadable*"))
    assert names == ["a.parts.unreadable", "a.parts.unreadable-2", "a.parts.unreadable-3"]


def test_a_mark_that_cannot_be_read_costs_its_chunk(made: Job) -> None:
    manifest = half_done(made)
    manifest.mark(0).write_bytes(b"\xff\xfe\x00")
    said: list[str] = []
    assert opened_again(made, said).missing() == [0, 1]
    assert said[0] == "1 chunks were damaged and are made again"


def test_a_disk_that_fails_puts_nothing_away(made: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = half_done(made).folder

    def failing(path: Path) -> bytes:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "read_bytes", failing)
    with pytest.raises(UserError, match="manifest.json: cannot be read \\(Input/output error\\)"):
        opened_again(made, [])
    assert folder.is_dir()
    assert not list(folder.parent.glob("*.unreadable"))


# ---- another film under the same name


def test_another_film_puts_finished_chunks_away_and_says_how_to_go_on(made: Job) -> None:
    before = content(half_done(made).folder)
    said: list[str] = []
    fresh = opened_again(made, said, REEF)
    assert fresh.missing() == []
    assert content(made.film.with_name("a.parts.before")) == before
    (sentence,) = said
    assert "was begun with another steer." in sentence
    assert "its 1 finished chunks are in a.parts.before now" in sentence
    assert "use the former settings" in sentence


def test_the_former_settings_bring_the_chunks_back(made: Job) -> None:
    kept = half_done(made).segment(0).read_bytes()
    other = half_done(made, REEF).segment(0).read_bytes()
    assert kept != other
    for knobs, segment, other_place in (
        (SILK, kept, "a.parts.before-2"),
        (REEF, other, "a.parts.before"),
    ):
        said: list[str] = []
        manifest = opened_again(made, said, knobs)
        assert manifest.segment(0).read_bytes() == segment
        assert manifest.missing() == [1]
        assert f"finished chunks are in {other_place} now" in said[0]
        assert "and is back" in said[1]
        assert said[2] == "going on: 1 of 2 chunks are done"


def test_another_version_throws_nothing_away(made: Job) -> None:
    before = content(half_done(made).folder)
    mine = inputs_of(made, Slopes(), SILK, chunk=CHUNK)
    said: list[str] = []
    opened(made, replace(mine, version="9.9"), call_of(made), said.append)
    assert f"was begun with another version ({mine.version}, now 9.9)" in said[0]
    assert content(made.film.with_name("a.parts.before")) == before


def test_where_no_chunk_was_done_nothing_is_kept(made: Job) -> None:
    begun(made, Slopes(), SILK, chunk=CHUNK)
    said: list[str] = []
    opened_again(made, said, REEF)
    assert "no chunk was done, and it begins anew" in said[0]
    assert [path.name for path in made.film.parent.iterdir()] == ["a.parts"]


def test_a_plan_without_the_bank_s_noise_for_each_size_is_not_gone_on_with(
    made: Job, tmp_path: Path
) -> None:
    """As version 0.1.0 planned it."""
    latent = Latent(
        np.ones(128, np.float32), np.ones(128, np.float32), 0.7, np.ones((3, 128), np.float32)
    )
    frame = Keyframe("words", 0.0, 1.0, 0.5, 0.1, latent, np.zeros((2, 2, 3), np.uint8))
    save_bank(tmp_path / "a.ljbank", [frame], {})
    with_bank = replace(made, bank=Bank(tmp_path / "a.ljbank"))
    manifest = half_done(with_bank)
    manifest.apart = False
    manifest.save()
    said: list[str] = []
    assert opened_again(with_bank, said).missing() == []
    assert "another noise for each size" in said[0]
    assert (tmp_path / "a.parts.before" / "chunk-000000.mp4").is_file()


def test_what_another_tool_keeps_in_the_folder_stays(made: Job) -> None:
    """`lj score` keeps its lines in NAME.parts as well."""
    folder = folder_of(made.film)
    folder.mkdir()
    (folder / "line.safetensors").write_bytes(b"found")
    in_chunks(made, Slopes(), SILK)
    assert [path.name for path in folder.iterdir()] == ["line.safetensors"]


# ---- other places


def test_a_render_that_was_moved_tells_its_workers_the_new_places(
    song: Path, tmp_path: Path
) -> None:
    latent = Latent(np.ones(128, np.float32), np.ones(128, np.float32), 0.7)
    frame = Keyframe("words", 0.0, 1.0, 0.5, 0.1, latent, np.zeros((2, 2, 3), np.uint8))
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    shutil.copy(song, old / "song.wav")
    save_bank(old / "a.ljbank", [frame], {})
    generator = generator_of("procedural", resolution=96, device="cpu")

    def placed(folder: Path) -> Job:
        film = job(folder / "song.wav", folder / "a.mp4")
        return replace(film, bank=Bank(folder / "a.ljbank"), duration=0.2)

    begun(placed(old), generator, SILK, chunk=3)
    old.rename(new)
    made = placed(new)
    manifest = begun(made, generator, SILK, chunk=3)
    assert read_manifest(manifest.folder).call == call_of(made)
    outcome = farm.render_in_chunks(manifest, made, work_by(["cpu"]), lambda _d, _t: None)
    assert outcome.whole
    assert len(watched(made.film)[0]) == 6


def test_a_manifest_without_places_is_named(made: Job) -> None:
    manifest = half_done(made)
    for name in ("song", "generator"):
        manifest.call = {key: value for key, value in call_of(made).items() if key != name}
        manifest.save()
        with pytest.raises(UserError, match=f"call.{name} is missing; run lj render once more"):
            farm.job_of(read_manifest(manifest.folder))
            farm.generator_of(read_manifest(manifest.folder))


# ---- two at once

HOLD = """
import sys, pathlib
from render import lock
getattr(lock, sys.argv[2])(pathlib.Path(sys.argv[1]))
print("there", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def at_work(made: Job) -> Callable[[str], subprocess.Popen[str]]:
    """Another process that is at work on the film, until its input is closed."""

    def begin(how: str) -> subprocess.Popen[str]:
        words = [sys.executable, "-c", HOLD, str(folder_of(made.film)), how]
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        return process

    return begin


@pytest.mark.parametrize("knobs", [SILK, REEF], ids=["same", "another"])
def test_two_renders_of_a_film_are_not_at_work_at_once(
    knobs: Knobs, made: Job, at_work: Callable[[str], subprocess.Popen[str]]
) -> None:
    before = content(half_done(made).folder)
    lock.release(folder_of(made.film))
    with at_work("claim") as other:
        with pytest.raises(UserError, match="a.parts: another lj render is at work on it"):
            opened_again(made, [], knobs)
        assert content(folder_of(made.film)) == before
        other.communicate()
    opened_again(made, [], knobs)


def test_chunks_are_not_put_away_under_the_hands_at_work(
    made: Job, at_work: Callable[[str], subprocess.Popen[str]]
) -> None:
    half_done(made)
    with at_work("lend_a_hand") as other:
        said: list[str] = []
        assert opened_again(made, said).missing() == [1]  # the same film may be gone on with
        with pytest.raises(UserError, match="lj render-chunk is at work on it"):
            opened_again(made, [], REEF)
        other.communicate()
    opened_again(made, [], REEF)


def test_a_render_that_was_killed_keeps_nobody_out(
    made: Job, at_work: Callable[[str], subprocess.Popen[str]]
) -> None:
    half_done(made)
    lock.release(folder_of(made.film))
    with at_work("claim") as other:
        other.kill()
        other.wait()
    opened_again(made, [])


def test_a_place_that_cannot_be_locked_is_named(made: Job, tmp_path: Path) -> None:
    folder = folder_of(made.film)
    folder.mkdir()
    (folder / lock.RENDER).mkdir()
    with pytest.raises(UserError, match=".render: cannot be written"):
        opened_again(made, [])

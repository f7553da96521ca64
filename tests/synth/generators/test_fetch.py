"""Downloads from a real HTTP server on loopback."""

import functools
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from synth.generators import generator_of
from synth.generators.biggan import fetch as fetching
from synth.generators.biggan.fetch import fetch, sources_of
from synth.trouble import Trouble


class Server(http.server.ThreadingHTTPServer):
    """Serves one folder; `cut` breaks a transfer off, `stall` never answers."""

    cut: int | None = None
    stall: threading.Event | None = None
    ranges: list[str | None]

    @property
    def pattern(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{{file}}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def __init__(self, *args: object, folder: Path) -> None:
        self.folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        if self.server.stall is not None:
            self.server.stall.wait(20)
            return
        file = self.folder / self.path.lstrip("/")
        if not file.is_file():
            self.send_error(404)
            return
        body = file.read_bytes()
        wanted = self.headers.get("Range")
        begin = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        self.server.ranges.append(wanted)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(body) - begin))
        self.end_headers()
        end = self.server.cut if self.server.cut and file.suffix == ".bin" else len(body)
        self.wfile.write(body[begin:end])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tiny_biggan: Path) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), functools.partial(Handler, folder=tiny_biggan)) as running:
        running.ranges = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    return tmp_path / "latent-jockey"


def nothing(file: str, done: int, total: int | None) -> None:
    pass


def test_weights_arrive_checked_converted_and_recorded(
    server: Server, cache: Path, tiny_biggan: Path
) -> None:
    told: list[tuple[str, int, int | None]] = []
    folder = fetch("biggan-128", lambda *step: told.append(step), (server.pattern,))
    published = (tiny_biggan / "pytorch_model.bin").read_bytes()
    record = json.loads((folder / "source.json").read_text())
    assert folder == cache / "biggan-128"
    assert record["sha256"] == hashlib.sha256(published).hexdigest()
    assert (folder / "model.safetensors").is_file()
    assert told[-1] == ("pytorch_model.bin", len(published), len(published))
    assert not (cache / "biggan-128.part").exists()
    assert generator_of("biggan-128", device="cpu").resolution == 128


def test_a_broken_download_resumes_where_it_broke(server: Server, tiny_biggan: Path) -> None:
    server.cut = 100_000
    with pytest.raises(Trouble, match="biggan-128 could not be fetched"):
        fetch("biggan-128", nothing, (server.pattern,))
    server.cut = None
    fetch("biggan-128", nothing, (server.pattern,))
    assert server.ranges[-1] == "bytes=65536-"  # whole blocks are kept


def test_the_next_source_is_tried(server: Server) -> None:
    gone = server.pattern.replace("{file}", "gone/{file}")
    assert fetch("biggan-128", nothing, (gone, server.pattern)).is_dir()


def test_a_second_fetch_asks_nobody(server: Server) -> None:
    fetch("biggan-128", nothing, (server.pattern,))
    asked = len(server.ranges)
    fetch("biggan-128", nothing, (server.pattern,))
    assert len(server.ranges) == asked


def test_a_wrong_file_is_refused_and_leaves_nothing(
    server: Server, cache: Path, tiny_biggan: Path, tmp_path: Path
) -> None:
    with pytest.raises(Trouble, match="not a BigGAN configuration"):
        _fetch_from_folder_of_garbage(tmp_path)
    assert not (cache / "biggan-128").exists()
    assert list((cache / "biggan-128.part").iterdir()) == []


def _fetch_from_folder_of_garbage(folder: Path) -> None:
    for file in ("config.json", "pytorch_model.bin"):
        (folder / file).write_text("<html>please log in</html>")
    with Server(("127.0.0.1", 0), functools.partial(Handler, folder=folder)) as running:
        running.ranges = []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            fetch("biggan-128", nothing, (running.pattern,))
        finally:
            running.shutdown()


def test_offline_is_one_sentence_with_the_local_way() -> None:
    with pytest.raises(Trouble) as refusal:
        fetch("biggan-128", nothing, ("http://127.0.0.1:9/{file}",))
    assert "no connection" in str(refusal.value)
    assert "--generator biggan-128 --weights FOLDER" in str(refusal.value)


def test_a_server_that_never_answers_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stall = threading.Event()
    monkeypatch.setattr(fetching, "_TIMEOUT", (1.0, 0.3))
    with pytest.raises(Trouble, match="no answer in time"):
        fetch("biggan-128", nothing, (server.pattern,))
    server.stall.set()


@pytest.mark.parametrize("size", ["128", "256", "512"])
def test_published_addresses_are_whole(size: str) -> None:
    for source in sources_of(f"biggan-{size}"):
        address = requests.Request("GET", source.format(file="config.json")).prepare().url
        assert address is not None
        assert address.startswith("https://")
        assert "{" not in address

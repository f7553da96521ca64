"""Downloads from a real HTTP server on loopback, which lies when it is told to."""

import dataclasses
import functools
import gzip
import hashlib
import http.server
import json
import resource
import shutil
import signal
import threading
from collections import namedtuple
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import torch
from pytorch_pretrained_biggan import BigGAN, BigGANConfig

from synth.errors import UserError
from synth.generators import generator_of
from synth.generators.biggan import fetch as fetching
from synth.generators.biggan.fetch import fetch
from synth.generators.biggan.published import HUB, PUBLISHED, Published, expected, sources_of
from synth.generators.biggan.untrained import LAYERS

WEIGHTS = "pytorch_model.bin"
ENDLESS = 64 << 20  # bytes, or until nobody listens any more

Answer = Callable[["Handler", bytes], None]  # what is sent for the weights, which these bytes are


class Server(http.server.ThreadingHTTPServer):
    """Serves one folder; `cut` breaks a transfer off, `stall` never answers."""

    cut: int | None = None
    stall: threading.Event | None = None
    answer: Answer | None = None
    ranges: list[str | None]
    asked: list[str]

    @property
    def pattern(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{{file}}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def __init__(self, *args: object, folder: Path) -> None:
        self.folder = folder
        super().__init__(*args)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.server.asked.append(self.path.lstrip("/"))
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
        if self.server.answer is not None and file.name == WEIGHTS:
            self.server.answer(self, body)
        elif begin and begin >= len(body):
            self.head(416, {"Content-Length": "0"})
        else:
            span = {"Content-Range": f"bytes {begin}-{len(body) - 1}/{len(body)}"} if wanted else {}
            self.head(206 if wanted else 200, {"Content-Length": str(len(body) - begin)} | span)
            end = self.server.cut if self.server.cut and file.suffix == ".bin" else len(body)
            self.send(body[begin:end])

    def head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, data: bytes) -> bool:
        """Whether somebody still listens."""
        try:
            self.wfile.write(data)
        except OSError:
            return False
        return True

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server(tiny_biggan: Path) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), functools.partial(Handler, folder=tiny_biggan)) as running:
        running.ranges, running.asked = [], []
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
    assert [place.stat().st_mode & 0o777 for place in (cache, folder)] == [0o700, 0o700]
    assert generator_of("biggan-128", device="cpu").resolution == 128


def test_a_broken_download_resumes_where_it_broke(server: Server, tiny_biggan: Path) -> None:
    server.cut = 100_000
    with pytest.raises(UserError, match="biggan-128 could not be fetched"):
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
    with pytest.raises(UserError, match="not a BigGAN configuration"):
        _fetch_from_folder_of_garbage(tmp_path)
    assert not (cache / "biggan-128").exists()
    assert list((cache / "biggan-128.part").iterdir()) == []


def _fetch_from_folder_of_garbage(folder: Path) -> None:
    for file in ("config.json", "pytorch_model.bin"):
        (folder / file).write_text("<html>please log in</html>")
    with Server(("127.0.0.1", 0), functools.partial(Handler, folder=folder)) as running:
        running.ranges, running.asked = [], []
        threading.Thread(target=running.serve_forever, daemon=True).start()
        try:
            fetch("biggan-128", nothing, (running.pattern,))
        finally:
            running.shutdown()


def test_offline_is_one_sentence_with_the_local_way() -> None:
    with pytest.raises(UserError) as refusal:
        fetch("biggan-128", nothing, ("http://127.0.0.1:9/{file}",))
    assert "no connection" in str(refusal.value)
    assert "--generator biggan-128 --weights FOLDER" in str(refusal.value)


def test_a_server_that_never_answers_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.stall = threading.Event()
    monkeypatch.setattr(fetching, "_TIMEOUT", (1.0, 0.3))
    with pytest.raises(UserError, match="no answer in time"):
        fetch("biggan-128", nothing, (server.pattern,))
    server.stall.set()


@pytest.mark.parametrize("size", ["128", "256", "512"])
def test_published_addresses_are_whole(size: str) -> None:
    for source in sources_of(f"biggan-{size}"):
        address = requests.Request("GET", source.format(file="config.json")).prepare().url
        assert address is not None
        assert address.startswith("https://")
        assert "{" not in address


# ---- what is known of the published files


@pytest.mark.parametrize("row", [row for row in PUBLISHED if row.file == WEIGHTS])
def test_a_published_networks_bytes_are_those_of_its_tensors(row: Published) -> None:
    size = int(row.network.removeprefix("biggan-"))
    with torch.device("meta"):
        network = BigGAN(BigGANConfig(output_dim=size, layers=LAYERS[size]))
    tensors = network.state_dict().values()
    assert row.least == sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    assert 0 < row.most - row.least <= 1 << 20


def test_the_published_configuration_is_the_one_that_the_library_writes() -> None:
    text = BigGANConfig(layers=LAYERS[128]).to_json_string()
    row = expected("biggan-128", HUB, "config.json")
    assert len(text) == row.least == row.most
    assert hashlib.sha256(text.encode()).hexdigest() == row.sha256


def test_what_is_known_is_asked_first() -> None:
    for name in ("biggan-128", "biggan-256", "biggan-512"):
        known = [bool(expected(name, source, WEIGHTS).sha256) for source in sources_of(name)]
        assert known == sorted(known, reverse=True)
    assert len(expected("biggan-128", HUB, WEIGHTS).sha256) == 64


# ---- sources that lie


def knowing(monkeypatch: pytest.MonkeyPatch, **facts: object) -> None:
    """Something is known of the weights that the server has."""

    def told(name: str, source: str, file: str) -> Published:
        row = expected(name, source, file)
        return dataclasses.replace(row, **facts) if file == WEIGHTS else row  # type: ignore[arg-type]

    monkeypatch.setattr(fetching, "expected", told)


def refusal(server: Server, name: str = "biggan-128") -> str:
    with pytest.raises(UserError) as told:
        fetch(name, nothing, (server.pattern,))
    assert f"127.0.0.1:{server.server_address[1]}: " in str(told.value)
    return str(told.value)


def left(cache: Path) -> list[str]:
    """Names of all files in the cache."""
    return sorted(file.name for file in cache.rglob("*") if file.is_file())


def test_the_known_digest_lets_a_file_in(
    server: Server, tiny_biggan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = (tiny_biggan / WEIGHTS).read_bytes()
    known = {"least": len(body), "most": len(body), "sha256": hashlib.sha256(body).hexdigest()}
    knowing(monkeypatch, **known)
    assert fetch("biggan-128", nothing, (server.pattern,)).is_dir()


def test_another_digest_removes_the_file_and_names_both(
    server: Server, cache: Path, tiny_biggan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowing(monkeypatch, sha256="0" * 64)
    told = refusal(server)
    digest = hashlib.sha256((tiny_biggan / WEIGHTS).read_bytes()).hexdigest()
    assert f"its sha256 is {digest}, that of the published one {'0' * 64}; fetch again" in told
    assert left(cache) == []


@pytest.mark.parametrize("off", [-1, 1])
def test_another_size_is_refused_before_it_is_read(
    off: int, server: Server, cache: Path, tiny_biggan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = (tiny_biggan / WEIGHTS).stat().st_size
    knowing(monkeypatch, least=size + off, most=size + off)
    told: list[int] = []
    with pytest.raises(UserError, match=f"has {size} bytes; it has {size + off}"):
        fetch("biggan-128", lambda file, done, _: told.append(done), (server.pattern,))
    assert sum(done > 1000 for done in told) == 0  # the configuration alone
    assert left(cache) == []


def test_an_unknown_file_has_a_cap(server: Server, cache: Path) -> None:
    def boast(handler: Handler, body: bytes) -> None:
        handler.head(200, {"Content-Length": str(1 << 40)})

    server.answer = boast
    assert "has 1099511627776 bytes; it has 1 to 211798276" in refusal(server)
    assert left(cache) == []


@pytest.mark.parametrize("chunked", [False, True], ids=["until it closes", "chunked"])
def test_an_endless_body_stops_at_the_cap(
    chunked: bool, server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def flood(handler: Handler, body: bytes) -> None:
        handler.protocol_version = "HTTP/1.1"
        handler.head(200, {"Transfer-Encoding": "chunked"} if chunked else {"Connection": "close"})
        block = bytes(1 << 16)
        data = b"10000\r\n" + block + b"\r\n" if chunked else block
        while len(sent) << 16 < ENDLESS and handler.send(data):
            sent.append(1)
        handler.close_connection = True

    server.answer = flood
    knowing(monkeypatch, most=300_000)
    assert f"sends more of {WEIGHTS} than its 300000 bytes" in refusal(server)
    assert len(sent) << 16 < ENDLESS
    assert left(cache) == []


def test_a_short_body_without_a_length_is_not_used(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(handler: Handler, body: bytes) -> None:
        handler.head(200, {"Connection": "close"})
        handler.send(body[:70_000])

    server.answer = stop
    knowing(monkeypatch, least=100_000)
    assert f"sent 70000 bytes for {WEIGHTS}; it has 100000 to" in refusal(server)
    assert left(cache) == []


@pytest.mark.parametrize("length", ["-5", "abc", "9" * 5000, "1e3", "5, 5"])
def test_a_length_that_is_none_is_refused(length: str, server: Server, cache: Path) -> None:
    server.answer = lambda handler, body: handler.head(200, {"Content-Length": length})
    assert f"says that {WEIGHTS} is {length[:40]} bytes long" in refusal(server)
    assert left(cache) == []


def test_a_packed_body_is_never_unpacked(server: Server, cache: Path) -> None:
    bomb = gzip.compress(bytes(50 << 20))

    def pack(handler: Handler, body: bytes) -> None:
        assert handler.headers["Accept-Encoding"] == "identity"
        handler.head(200, {"Content-Encoding": "gzip", "Content-Length": str(len(bomb))})
        handler.send(bomb)

    server.answer = pack
    assert f"sends {WEIGHTS} packed as gzip, which was not asked for" in refusal(server)
    assert left(cache) == []


def onward(address: str) -> Answer:
    return lambda handler, body: handler.head(302, {"Location": address, "Content-Length": "0"})


def test_another_host_may_have_the_file(server: Server, tiny_biggan: Path) -> None:
    """As hubs send on to where their large files lie."""
    with Server(("127.0.0.1", 0), functools.partial(Handler, folder=tiny_biggan)) as other:
        other.ranges, other.asked = [], []
        threading.Thread(target=other.serve_forever, daemon=True).start()
        server.answer = onward(other.pattern.replace("127.0.0.1", "localhost").format(file=WEIGHTS))
        assert fetch("biggan-128", nothing, (server.pattern,)).is_dir()
        other.shutdown()
    assert other.asked == [WEIGHTS]


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://127.0.0.1/x", "http://[x", "//["])
def test_no_other_way_is_gone(address: str, server: Server, cache: Path) -> None:
    server.answer = onward(address)
    assert f"sends on to {address}, which is no https address" in refusal(server)
    assert left(cache) == []


def test_what_begins_with_https_stays_with_https() -> None:
    assert fetching._onward("https://a/x", "//b/y") == "https://b/y"
    with pytest.raises(fetching.Unfit, match="is no https address"):
        fetching._onward("https://a/x", "http://b/y")


def test_a_source_that_sends_on_for_ever_is_given_up(server: Server) -> None:
    server.answer = onward(f"/{WEIGHTS}")
    assert "sends on and on" in refusal(server)
    assert len(server.asked) < 10


def test_the_body_of_a_redirection_is_not_read(server: Server) -> None:
    sent = []

    def flood(handler: Handler, body: bytes) -> None:
        handler.head(302, {"Location": "/", "Connection": "close"})
        while len(sent) << 16 < ENDLESS and handler.send(bytes(1 << 16)):
            sent.append(1)

    server.answer = flood
    assert "answered 404" in refusal(server)
    assert len(sent) << 16 < ENDLESS


def test_a_stall_in_the_middle_is_given_up_and_resumes(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def stall(handler: Handler, body: bytes) -> None:
        handler.head(200, {"Content-Length": str(len(body))})
        handler.send(body[:200_000])
        go_on.wait(20)

    server.answer = stall
    monkeypatch.setattr(fetching, "_TIMEOUT", (1.0, 0.3))
    assert "no answer in time" in refusal(server)
    go_on.set()
    server.answer = None
    fetch("biggan-128", nothing, (server.pattern,))
    assert server.ranges[-1] == "bytes=196608-"


def test_a_part_from_elsewhere_is_not_continued(server: Server, tiny_biggan: Path) -> None:
    server.cut = 100_000
    refusal(server)
    server.cut = None
    elsewhere = server.pattern.replace("127.0.0.1", "localhost")
    fetch("biggan-128", nothing, (elsewhere,))
    assert server.ranges[-1] is None


@pytest.mark.parametrize("span", ["bytes 0-99/100", "bytes */100", "", "bytes 65537-99/100"])
def test_another_part_than_was_asked_for_is_refused(span: str, server: Server, cache: Path) -> None:
    server.cut = 100_000
    refusal(server)

    def other(handler: Handler, body: bytes) -> None:
        handler.head(206, {"Content-Length": "100", "Content-Range": span})
        handler.send(bytes(100))

    server.answer = other
    assert f"sends another part of {WEIGHTS} than was asked for" in refusal(server)
    assert left(cache) == []


def test_a_resumed_part_counts_against_the_cap(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.cut = 100_000
    refusal(server)

    def more(handler: Handler, body: bytes) -> None:
        span = {"Content-Range": "bytes 65536-199999/200000"}
        handler.head(206, {"Content-Length": "134464"} | span)

    server.answer = more
    knowing(monkeypatch, most=150_000)
    assert f"says that {WEIGHTS} has 200000 bytes; it has 1 to 150000" in refusal(server)
    assert left(cache) == []


def test_a_part_that_is_longer_than_the_file_is_begun_anew(
    server: Server, cache: Path, tiny_biggan: Path
) -> None:
    server.cut = 100_000
    refusal(server)
    (part,) = cache.rglob("*.partial")
    part.write_bytes(bytes((tiny_biggan / WEIGHTS).stat().st_size + 1))
    server.cut = None
    assert fetch("biggan-128", nothing, (server.pattern,)).is_dir()
    assert server.ranges[-1] is None


def test_a_source_that_fails_for_now_keeps_what_is_here(server: Server, cache: Path) -> None:
    server.cut = 100_000
    refusal(server)
    server.answer = lambda handler, body: handler.send_error(503)
    assert "answered 503" in refusal(server)
    assert f"{WEIGHTS}.partial" in left(cache)


def test_a_network_for_another_size_costs_no_download(server: Server, cache: Path) -> None:
    assert "holds a network for 128 pixels" in refusal(server, "biggan-256")
    assert server.asked == ["config.json"]
    assert left(cache) == []


@pytest.mark.parametrize("pattern", ["http://[/{file}", "{file.__class__}{file}", "file:///{file}"])
def test_an_address_that_is_none_is_one_sentence(pattern: str) -> None:
    with pytest.raises(UserError, match="biggan-128 could not be fetched"):
        fetch("biggan-128", nothing, (pattern,))


# ---- this machine


def test_a_full_disk_is_told_before_anything_comes(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _place: usage(100_000, 0, 100_000))
    with pytest.raises(UserError, match=r"bytes are needed, 100000 are free\); make room, or set"):
        fetch("biggan-128", nothing, (server.pattern, server.pattern))
    assert server.asked == ["config.json", WEIGHTS]  # another source has no more room
    assert WEIGHTS not in left(cache)


def test_a_disk_that_fills_up_meanwhile_is_one_sentence(server: Server, cache: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(UserError, match=r"cannot be written \(File too large\); make room"):
            fetch("biggan-128", nothing, (server.pattern, server.pattern))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert fetch("biggan-128", nothing, (server.pattern,)).is_dir()


def test_what_a_disk_has_lost_is_fetched_again(server: Server) -> None:
    folder = fetch("biggan-128", nothing, (server.pattern,))
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[: len(whole) // 2])
    fetch("biggan-128", nothing, (server.pattern,))
    assert (folder / "model.safetensors").read_bytes() == whole


def test_a_cache_that_others_write_is_not_filled(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UserError, match="everyone may replace what lies in it"):
        fetch("biggan-128", nothing, (server.pattern,))
    assert server.asked == []

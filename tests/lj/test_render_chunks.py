"""Long renders as a person runs them: killed, gone on with, in parts, in lots."""

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import av
import pytest

from tests import sounds
from tests.lj.terminal import Terminal
from tests.stage import until

SMALL = ("--size", "256", "--quality", "draft")
TINY = ("--size", "64", "--quality", "draft")
Begin = Callable[..., subprocess.Popen[str]]
AT_ONCE = 5.0  # seconds; it takes one on a machine that has nothing else to do


@pytest.fixture
def one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads on a processor with other work wait for one another more than they draw."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


def beside(process: subprocess.Popen[str]) -> set[int]:
    """Processes that this one started, or that these started, and that are alive."""
    found = {process.pid}
    while True:
        parents = {
            int(stat.parent.name): int(stat.read_text().rpartition(")")[2].split()[1])
            for stat in Path("/proc").glob("[0-9]*/stat")
            if stat.exists()
        }
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found - {process.pid}
        found |= more


@pytest.fixture
def begin(terminal: Terminal) -> Iterator[Begin]:
    """Starts `lj`; whatever of it is left after a failure is killed."""
    begun: list[subprocess.Popen[str]] = []
    seen: set[int] = set()

    def start(*words: str, **options: Any) -> subprocess.Popen[str]:
        begun.append(terminal.start(*words, **options))
        return begun[-1]

    yield start
    for process in begun:
        seen |= beside(process)
        process.kill()
        process.communicate()
    end(seen)


def end(pids: set[int]) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def gone(pids: set[int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in pids)


def at_work(parts: Path, hands: int) -> bool:
    """Whether so many segments are being written at this moment."""
    return len(list(parts.glob(".chunk-*.mp4"))) >= hands


def frames(terminal: Terminal, name: str) -> int:
    with av.open(terminal.folder / name) as film:
        return sum(1 for _ in film.decode(video=0))


def test_a_killed_render_goes_on(terminal: Terminal) -> None:
    sounds.write_wav(terminal.folder / "long.wav", sounds.chord((57, 60, 64), 12))
    command = ("render", "long.wav", "-o", "long.mp4", "--chunk", "45", *SMALL)
    process = terminal.start(*command)
    parts = terminal.folder / "long.parts"
    deadline = time.monotonic() + 90
    while len(list(parts.glob("*.sha256"))) < 2:
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert not (terminal.folder / "long.mp4").exists()
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("chunk-00000[01].mp4")}
    assert len(kept) == 2
    code, _, err = terminal.run(*command)
    assert code == 0, err
    assert "of 8 chunks are done" in err
    assert frames(terminal, "long.mp4") == 360
    assert not parts.exists()


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_workers_stop_at_once_and_keep_what_they_have(
    stop: signal.Signals, terminal: Terminal, begin: Begin, one_thread: None
) -> None:
    """Chunks of many seconds each: nobody waits for them to be whole."""
    sounds.write_wav(terminal.folder / "long.wav", sounds.chord((57, 60, 64), 20))
    command = ("render", "long.wav", "-o", "a.mp4", "--fps", "240", "--chunk", "2400", *TINY)
    process = begin(*command, "--workers", "2")
    parts = terminal.folder / "a.parts"
    until(lambda: at_work(parts, 2) or process.poll() is not None, "work", 90)
    time.sleep(2)  # for some pictures
    children = beside(process)
    assert len(children) >= 2
    process.send_signal(stop)
    try:
        _, err = process.communicate(timeout=AT_ONCE)
        until(lambda: gone(children), "the workers' end", 2)
    finally:
        end(children)
    assert process.returncode == 130, err
    assert "lj: stopped; 0 of 2 chunks are done, and the same command goes on" in err
    assert "Traceback" not in err
    assert frames(terminal, "a.partial.mp4") > 0


def test_a_killed_render_leaves_no_worker_behind_and_goes_on(
    terminal: Terminal, begin: Begin, one_thread: None
) -> None:
    command = ("render", "song.wav", "-o", "a.mp4", "--chunk", "30", "--workers", "2", *TINY)
    process = begin(*command)
    parts = terminal.folder / "a.parts"
    until(lambda: list(parts.glob("*.sha256")) or process.poll() is not None, "a chunk", 90)
    children = beside(process)
    process.kill()
    process.communicate()
    try:
        until(lambda: gone(children), "the workers' end", AT_ONCE)
    finally:
        end(children)
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("*.sha256")}
    assert kept
    code, _, err = terminal.run(*command)
    assert code == 0, err
    assert f"going on: {len(kept)} of 3 chunks are done" in err
    assert frames(terminal, "a.mp4") == 90
    assert not parts.exists()


def test_a_terminal_that_is_closed_leaves_what_was_done(
    terminal: Terminal, begin: Begin, one_thread: None
) -> None:
    """Its hang-up comes as SIGHUP, and nothing can be printed any more."""
    ours, theirs = os.openpty()
    command = ("render", "song.wav", "-o", "a.mp4", "--fps", "120", *TINY)
    streams = dict.fromkeys(("stdin", "stdout", "stderr"), theirs)
    process = begin(*command, **streams, preexec_fn=lambda: os.login_tty(theirs))
    os.close(theirs)
    shown = ""
    while not re.search(r"[1-9]\d* frames", shown):
        shown += os.read(ours, 1000).decode("utf-8", "replace")
    os.close(ours)
    assert process.wait(AT_ONCE) == 130
    assert frames(terminal, "a.partial.mp4") > 0


def test_a_render_whose_words_nobody_reads_is_made_all_the_same(
    terminal: Terminal, begin: Begin, one_thread: None
) -> None:
    """As with `2>&1 | head -1`."""
    command = ("render", "song.wav", "-o", "a.mp4", "--duration", "0.2", *TINY)
    process = begin(*command)
    assert process.stderr is not None
    process.stderr.close()
    assert process.wait(100) == 0
    assert frames(terminal, "a.mp4") == 6


def test_a_manifest_that_cannot_be_read_is_put_away(terminal: Terminal, one_thread: None) -> None:
    command = ("render", "song.wav", "-o", "a.mp4", "--duration", "0.4", *TINY)
    code, _, err = terminal.here(*command, "--chunk", "6", "--plan")
    assert code == 0, err
    (terminal.folder / "a.parts" / "manifest.json").write_text("[" * 100_000)
    code, _, err = terminal.here("render-chunk", "a.parts", "0")
    assert code == 1
    assert len(err.splitlines()) == 1
    assert "a.parts/manifest.json: is no manifest of a render" in err
    code, _, err = terminal.here(*command)
    assert code == 0, err
    assert "a.parts is a.parts.unreadable now, and the render begins anew" in err
    assert frames(terminal, "a.mp4") == 12
    assert (terminal.folder / "a.parts.unreadable" / "plan.f32").is_file()
    assert not (terminal.folder / "a.parts").exists()


def test_a_search_for_a_bank_leaves_the_chunks_of_a_film_alone(
    terminal: Terminal, one_thread: None
) -> None:
    """Both keep what is not whole yet in song.parts."""
    (terminal.folder / "song.lrc").write_text("[00:00.20]a house of glass\n")
    render = ("render", "song.wav", "-o", "song.mp4", "--duration", "0.4", *TINY)
    code, _, err = terminal.here(*render, "--chunk", "6", "--plan")
    assert code == 0, err
    quick = ("--clip", "tiny-random", "--steps", "1", "--samples", "2")
    code, _, err = terminal.here("score", "song.wav", "song.lrc", "-o", "song.ljbank", *quick)
    assert code == 0, err
    assert (terminal.folder / "song.parts" / "plan.f32").is_file()
    assert not list((terminal.folder / "song.parts").glob("*.safetensors"))
    code, _, err = terminal.here(*render)
    assert code == 0, err
    assert "going on: 0 of 2 chunks are done" in err
    assert not (terminal.folder / "song.parts").exists()


def test_chunks_are_rendered_by_number_and_joined(terminal: Terminal) -> None:
    command = ("render", "song.wav", "-o", "a.mp4", "--chunk", "40", *SMALL)
    code, _, err = terminal.here(*command, "--plan")
    assert code == 0, err
    assert "a.parts: 3 chunks are planned" in err
    code, _, err = terminal.here("render-chunk", "a.parts", "2", "0")
    assert code == 0, err
    code, _, err = terminal.here("render-chunk", "a.parts/manifest.json", "1", "2")
    assert code == 0, err
    assert "chunk 2 is done already" in err
    again = tuple(word for word in command if word not in ("--chunk", "40"))
    code, out, err = terminal.here(*again, "--json")
    assert code == 0, err
    assert "3 of 3 chunks are done" in err
    assert json.loads(out)["frames"] == frames(terminal, "a.mp4") == 90


def test_one_bad_song_does_not_stop_the_others(terminal: Terminal) -> None:
    (terminal.folder / "films").mkdir()
    (terminal.folder / "bad.wav").write_bytes(b"no sound")
    sounds.write_wav(terminal.folder / "other.wav", sounds.chord((57, 60, 64), 1))
    songs = ("bad.wav", "song.wav", "other.wav")
    code, _, err = terminal.here("render", *songs, "-O", "films", *SMALL)
    assert code == 1
    assert "1 of 3 songs failed: bad.wav" in err
    made = sorted(path.name for path in (terminal.folder / "films").iterdir())
    assert made == ["other.mp4", "song.mp4"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("render", "song.wav"), "name the film with -o"),
        (("render", "song.wav", "song.wav", "-o", "a.mp4"), "use -O FOLDER"),
        (("render", "song.wav", "-O", "nowhere"), "nowhere: no such folder"),
        (("render-chunk", "nowhere", "0"), "is no manifest of a render"),
    ],
)
def test_wrong_usage_is_one_sentence(words: tuple[str, ...], says: str, terminal: Terminal) -> None:
    code, _, err = terminal.run(*words)
    assert code == 1
    assert says in err
    assert "Traceback" not in err

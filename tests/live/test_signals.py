"""Signals to a show whose main thread is there, and to one whose main thread never comes back."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import av
import pytest

from live.signals import stopping
from tests import sounds
from tests.stage import until

STUCK = """
import ctypes, pathlib, signal, sys
from live.output.recorder import Recorder
from tests.decks import show_of
from live.show import Show
from live.audio.file_player import Playback
from live.output.window import NoWindow
from synth.session import SessionWriter
from tests.doubles import Lamp
from tests.live.test_resilience import parameters, ladder

signal.signal(signal.SIGINT, signal.default_int_handler)  # whatever started the tests ignores
folder = pathlib.Path(sys.argv[1])

class Stuck(NoWindow):
    drawn = 0
    def draw(self, fit, shade):
        self.drawn += 1
        if self.drawn > 60:
            print("hangs", flush=True)
            lock = ctypes.create_string_buffer(64)
            libc = ctypes.CDLL(None)
            for _ in range(2):
                libc.pthread_mutex_lock(lock)  # the second time it never returns
        return super().draw(fit, shade)

show = show_of(Playback(folder / "song.wav", aloud=False), parameters(), Lamp(), ladder(Lamp()))
recordings = lambda: [
    Recorder(folder / "a.mp4", (64, 64)),
    SessionWriter(folder / "a.ljlog", {}, show.deck.engine.knobs),
]
show.run(Stuck(), 30.0, recordings=recordings, report=folder / "r.json")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_driver_that_never_returns_costs_neither_film_nor_report(
    number: signal.Signals, tmp_path: Path
) -> None:
    sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 20))
    command = [sys.executable, "-c", STUCK, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "hangs\n"
            process.send_signal(number)
            assert process.wait(20) == 128 + number
        finally:
            process.kill()
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["ended"] == "Ctrl-C or a signal"
    assert "main loop" in {fault["part"] for fault in report["faults"]}
    with av.open(tmp_path / "a.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) > 10
    assert (tmp_path / "a.ljlog" / "sound.wav").stat().st_size > 44100


def test_many_signals_at_once_to_a_busy_main_thread_abandon_nothing() -> None:
    asked, abandoned = list[int](), list[int]()
    before = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGURG)]

    def send() -> None:
        for _ in range(20):
            os.kill(os.getpid(), signal.SIGTERM)

    with stopping(lambda: asked.append(1), lambda: abandoned.append(1)):
        threading.Thread(target=send).start()
        until(lambda: asked, "the question", 5)
        end = time.monotonic() + 2.5
        while time.monotonic() < end:
            sum(range(10_000))
    assert not abandoned
    assert [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGURG)] == before

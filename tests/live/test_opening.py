"""Inputs and outputs that hang, by a PortAudio that the test holds up."""

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import live.microphone as microphone_module
import live.speaker as speaker_module
from live.inputs import Input
from live.line import Phase
from live.microphone import Microphone
from live.song import Playback
from live.speaker import Speaker
from live.supervisor import Supervisor
from tests import sounds
from tests.stage import SoundServer, until


class Stream:
    """What PortAudio gives."""

    def __init__(self) -> None:
        self.active = True
        self.closed = False

    def start(self) -> None:
        """It runs already."""

    def abort(self) -> None:
        self.active = False

    def close(self) -> None:
        self.closed = True


class PortAudio:
    """Opens when it is let go, and notes what was asked of it beside that."""

    PortAudioError = OSError

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.opening = 0  # attempts inside the library at this moment
        self.most = 0
        self.beside: list[str] = []  # what was asked while it opened
        self.streams: list[Stream] = []
        self.default = SimpleNamespace(device=(0, 0))

    def InputStream(self, **_options: object) -> Stream:  # noqa: N802 - PortAudio's own name
        self.opening += 1
        self.most = max(self.most, self.opening)
        self.let_go.wait(20)
        self.opening -= 1
        self.streams.append(Stream())
        return self.streams[-1]

    OutputStream = InputStream

    def check_input_settings(self, **_settings: object) -> None:
        """It takes every rate."""

    def _terminate(self) -> None:
        if self.opening:
            self.beside.append("terminate")

    def _initialize(self) -> None:
        if self.opening:
            self.beside.append("initialize")


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[PortAudio]:
    library = PortAudio()
    monkeypatch.setattr(microphone_module, "portaudio", lambda: library)
    monkeypatch.setattr(speaker_module, "portaudio", lambda: library)
    monkeypatch.setattr(microphone_module, "inputs", lambda: [Input(0, "room", 2, 44100.0, True)])
    monkeypatch.setattr(microphone_module, "_OPENING", 0.2)
    yield library
    library.let_go.set()


def test_there_is_one_attempt_at_a_time_and_nothing_is_asked_beside_it(library: PortAudio) -> None:
    microphone, supervisor = Microphone(), Supervisor()
    microphone.start(supervisor)
    until(lambda: "does not answer" in microphone.trouble, "the word", 5)
    time.sleep(1.5)  # time enough for several attempts
    assert library.most == 1
    assert library.beside == []
    (fault,) = supervisor.faults
    assert fault.count == 1
    library.let_go.set()
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 5)
    assert microphone.trouble == ""
    microphone.stop()


def test_an_attempt_that_is_no_longer_wanted_closes_its_own_stream(library: PortAudio) -> None:
    microphone = Microphone()
    microphone.start(Supervisor())
    until(lambda: library.opening == 1, "the attempt", 5)
    begun = time.monotonic()
    microphone.stop()
    assert time.monotonic() - begun < 1.5
    library.let_go.set()
    until(lambda: bool(library.streams) and library.streams[0].closed, "the closing", 5)


def test_portaudio_is_not_begun_anew_while_a_stream_is_still_closing(library: PortAudio) -> None:
    """Its own clean-up would wait for the stream, or take its memory away."""
    closing, asked = threading.Event(), list[str]()
    library.let_go.set()
    library._terminate = lambda: asked.append("terminate")  # type: ignore[method-assign]
    microphone = Microphone()
    microphone.start(Supervisor())
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 5)
    stuck = library.streams[0]
    stuck.abort = lambda: (closing.wait(20), None)[1]  # type: ignore[method-assign]
    stuck.active = False
    until(lambda: len(library.streams) > 1, "the next attempt", 10)
    assert asked == []
    closing.set()
    microphone.stop()


def test_a_library_that_did_not_begin_again_is_begun_at_the_next_attempt(
    library: PortAudio,
) -> None:
    """PortAudio refuses to end what never began."""
    library.let_go.set()
    refusals = [OSError("no host"), OSError("no host")]
    running = [True]

    def terminate() -> None:
        if not running[0]:
            raise OSError("PortAudio not initialized")
        running[0] = False

    def initialize() -> None:
        if refusals:
            raise refusals.pop()
        running[0] = True

    library._terminate, library._initialize = terminate, initialize  # type: ignore[method-assign]
    microphone = Microphone()
    microphone.line = replace(microphone.line, tries=1)
    microphone.start(Supervisor())
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 10)
    microphone.stop()


def test_a_program_that_stood_still_does_not_throw_its_input_away(library: PortAudio) -> None:
    library.let_go.set()
    microphone, supervisor = Microphone(), Supervisor()
    microphone.start(supervisor)
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 5)
    microphone.ring.last_write -= 5.0  # as SIGSTOP of five seconds leaves it
    microphone._looked -= 5.0
    microphone.line = microphone.line.__class__(
        Phase.OPEN, since=microphone.line.since - 5, heard=microphone.line.heard - 5
    )
    time.sleep(0.5)
    assert microphone.line.phase is Phase.OPEN
    assert not len(supervisor.faults)
    microphone.stop()


# ---- a song's output


def test_an_output_that_hangs_in_opening_holds_no_song_up_for_long(
    library: PortAudio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("live.song._OUTPUT", 0.3)
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 2))
    playback, supervisor = Playback(song), Supervisor()
    playback.start(supervisor)
    until(lambda: playback.ring._written > 22050, "the song", 3)
    playback.stop()


def test_a_stream_that_opens_too_late_is_closed(library: PortAudio) -> None:
    speaker, supervisor = Speaker(), Supervisor()
    speaker.start(supervisor)
    until(lambda: library.opening == 1, "the attempt", 5)
    speaker.stop()
    library.let_go.set()
    until(lambda: bool(library.streams) and library.streams[0].closed, "the closing", 5)


def test_sound_is_played_in_order_without_gaps_and_then_silence() -> None:
    speaker = Speaker()
    speaker._stream = Stream()
    hops = [np.full(512, k + 1, np.float32) for k in range(4)]
    for hop in hops:
        speaker.play(hop)
    out = np.full((5 * 512, 1), -1, np.float32)
    for begin in range(0, len(out), 160):
        speaker._fill(out[begin : begin + 160], 160, None, None)
    assert np.array_equal(out[: 4 * 512, 0], np.concatenate(hops))
    assert not out[4 * 512 :].any()


def test_a_song_whose_output_is_lost_goes_on_silently(
    sound_server: SoundServer, tmp_path: Path
) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 20))
    playback, supervisor = Playback(song), Supervisor()
    playback.start(supervisor)
    speaker: Any = playback._speaker
    until(lambda: speaker._stream is not None and playback.ring._written > 22050, "sound", 10)
    sound_server.kill()
    until(lambda: any(f.part == "output" for f in supervisor.faults), "the word", 10)
    before = playback.ring._written
    until(lambda: playback.ring._written > before + 44100, "the rest of the song", 5)
    playback.stop()


def test_a_song_that_was_held_up_goes_on_from_where_it_was(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 30))
    playback = Playback(song, aloud=False)
    hops = playback._hops
    held = threading.Event()

    def slow() -> Iterator[np.ndarray]:
        for number, hop in enumerate(hops):
            if number == 20:
                held.wait(1.6)
            yield hop

    playback._hops = slow()
    playback.start(Supervisor())
    until(lambda: playback.ring._written >= 21 * 512, "what came after", 5)
    written = playback.ring._written
    time.sleep(0.3)
    assert playback.ring._written - written < 0.6 * 44100  # no second and a half at once
    playback.stop()


def test_a_start_beyond_the_songs_end_is_told(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 1))
    playback, supervisor = Playback(song, start=60.0, aloud=False), Supervisor()
    playback.start(supervisor)
    until(lambda: playback.ended, "the end", 5)
    assert "use an earlier --start" in playback.trouble
    playback.stop()

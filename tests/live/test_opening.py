"""Inputs and outputs that hang and fall, by a PortAudio that the test holds up."""

import io
import os
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import live.audio.microphone as microphone_module
import live.audio.speaker as speaker_module
from live.audio.file_player import Playback
from live.audio.messages import SAMPLES, messages
from live.audio.microphone import Microphone
from live.audio.playback_process import Queue
from live.audio.reconnect import Phase
from live.audio.speaker import Speaker
from live.supervisor import Supervisor
from synth.modules import import_path
from tests import sounds
from tests.stage import SoundServer, until

# ---- an input, by the PortAudio in the folder `portaudio`


class Inputs:
    """What becomes of inputs, and what became of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def fate(self, word: str) -> Path:
        """A file that, where it is there, lets openings hang, fall or be refused, or streams end"""
        return self._folder / word

    @property
    def processes(self) -> list[int]:
        """Of each attempt, in order."""
        calls = self._folder / "calls"
        return [int(line) for line in calls.read_text().splitlines()] if calls.exists() else []


def lives(process: int) -> bool:
    return Path(f"/proc/{process}/exe").exists()


@pytest.fixture
def rooms(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Inputs:
    monkeypatch.syspath_prepend(str(Path(__file__).with_name("portaudio")))
    monkeypatch.setenv("SOUND", str(tmp_path))
    monkeypatch.setattr(microphone_module, "_OPENING", 1.5)
    monkeypatch.setattr(microphone_module, "_HANGING", 2.5)
    return Inputs(tmp_path)


@pytest.fixture
def microphone(rooms: Inputs) -> Iterator[Microphone]:
    microphone = Microphone()
    yield microphone
    microphone.stop()


def test_an_opening_that_hangs_is_told_and_killed_before_the_next_one(
    microphone: Microphone, rooms: Inputs
) -> None:
    rooms.fate("hangs").touch()
    supervisor = Supervisor()
    microphone.start(supervisor)
    until(lambda: "does not answer" in microphone.trouble, "the word", 10)
    (first,) = rooms.processes
    assert lives(first)
    until(lambda: len(rooms.processes) == 2, "the next attempt", 10)
    assert not lives(first)
    rooms.fate("hangs").unlink()
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 15)
    assert microphone.trouble == ""
    (fault,) = supervisor.faults
    assert fault.count == 1


def test_an_attempt_that_is_no_longer_wanted_is_gone(microphone: Microphone, rooms: Inputs) -> None:
    rooms.fate("hangs").touch()
    microphone.start(Supervisor())
    until(lambda: rooms.processes, "the attempt", 10)
    begun = time.monotonic()
    microphone.stop()
    assert time.monotonic() - begun < 1.5
    assert not lives(rooms.processes[0])


def test_a_library_that_falls_takes_nothing_with_it(microphone: Microphone, rooms: Inputs) -> None:
    """As PortAudio does where its JACK part outlives its server."""
    rooms.fate("falls").touch()
    supervisor = Supervisor()
    microphone.start(supervisor)
    until(lambda: "ended with signal 6" in microphone.trouble, "the word", 10)
    rooms.fate("falls").unlink()
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 15)
    assert [fault.latest for fault in supervisor.faults] == [
        "the default input: its process ended with signal 6"
    ]


def test_a_refusal_is_told_once_in_its_first_line(microphone: Microphone, rooms: Inputs) -> None:
    rooms.fate("refuses").touch()
    supervisor = Supervisor()
    microphone.start(supervisor)
    until(lambda: len(rooms.processes) == 2, "two attempts", 15)
    rooms.fate("refuses").unlink()
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 15)
    (fault,) = supervisor.faults
    assert (fault.latest, fault.count) == ("the default input: device unavailable", 1)


def test_channels_are_mixed_in_equal_parts(microphone: Microphone) -> None:
    microphone.start(Supervisor())
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 10)
    assert microphone.name == "room"
    until(lambda: microphone.ring._written > 1000, "sound", 5)
    assert np.all(microphone.ring.read(0.1) == np.float32(0.375))


def test_a_stream_that_ends_is_opened_anew(microphone: Microphone, rooms: Inputs) -> None:
    supervisor = Supervisor()
    microphone.start(supervisor)
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 10)
    rooms.fate("stops").touch()
    until(lambda: microphone.line.phase is not Phase.OPEN, "the loss", 5)
    rooms.fate("stops").unlink()
    until(lambda: microphone.line.phase is Phase.OPEN, "the input again", 10)
    assert [fault.latest for fault in supervisor.faults] == ["room: the input stopped"]


def test_no_input_outlives_a_show_that_is_killed(rooms: Inputs) -> None:
    """Not even one that hangs."""
    rooms.fate("hangs").touch()
    code = (
        "import time\nfrom live.audio.microphone import Microphone\n"
        "from live.supervisor import Supervisor\n"
        "Microphone().start(Supervisor())\ntime.sleep(60)"
    )
    path = os.pathsep.join([str(Path(__file__).with_name("portaudio")), *import_path()])
    show = subprocess.Popen([sys.executable, "-c", code], env=os.environ | {"PYTHONPATH": path})
    try:
        until(lambda: rooms.processes, "the attempt", 15)
    finally:
        show.kill()
        show.wait()
    until(lambda: not lives(rooms.processes[0]), "its end", 5)


def test_a_program_that_stood_still_does_not_throw_its_input_away(microphone: Microphone) -> None:
    supervisor = Supervisor()
    microphone.start(supervisor)
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 10)
    microphone.ring.last_write -= 5.0  # as SIGSTOP of five seconds leaves it
    microphone._looked -= 5.0
    microphone.line = microphone.line.__class__(
        Phase.OPEN, since=microphone.line.since - 5, heard=microphone.line.heard - 5
    )
    time.sleep(0.5)
    assert microphone.line.phase is Phase.OPEN
    assert not len(supervisor.faults)


def test_messages_that_no_input_tells_are_refused() -> None:
    whole = struct.pack("<cI", SAMPLES, 8) + bytes(8)
    assert list(messages(io.BytesIO(whole + whole[:9]))) == [(SAMPLES, bytes(8))]
    with pytest.raises(ValueError, match="a message of"):
        list(messages(io.BytesIO(b"Expression 'alsa' failed")))


# ---- a song's output


def test_an_output_that_hangs_in_opening_holds_no_song_up_for_long(
    rooms: Inputs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("live.audio.file_player._OUTPUT", 0.3)
    monkeypatch.setattr(speaker_module, "_OPENING", 2.0)
    rooms.fate("hangs").touch()
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 4))
    playback, supervisor = Playback(song), Supervisor()
    playback.start(supervisor)
    until(lambda: playback.ring._written > 22050, "the song", 3)
    until(lambda: len(supervisor.faults), "the word", 10)
    assert [fault.latest for fault in supervisor.faults] == [
        "no sound is played (the sound server does not answer)"
    ]
    until(lambda: not lives(rooms.processes[0]), "its end", 5)
    playback.stop()


def test_an_output_that_is_no_longer_wanted_is_gone(rooms: Inputs) -> None:
    rooms.fate("hangs").touch()
    speaker = Speaker()
    speaker.start(Supervisor())
    until(lambda: rooms.processes, "the attempt", 10)
    speaker.stop()
    until(lambda: not lives(rooms.processes[0]), "its end", 5)


@pytest.mark.parametrize(
    ("fate", "told"),
    [
        ("falls", "no sound is played (its process ended with signal 6)"),
        ("refuses", "no sound is played (device unavailable)"),
    ],
)
def test_an_output_that_cannot_be_opened_is_told(fate: str, told: str, rooms: Inputs) -> None:
    rooms.fate(fate).touch()
    speaker, supervisor = Speaker(), Supervisor()
    speaker.start(supervisor)
    until(lambda: len(supervisor.faults), "the word", 10)
    assert [fault.latest for fault in supervisor.faults] == [told]
    speaker.stop()


def test_a_song_is_played_until_its_output_falls(rooms: Inputs, tmp_path: Path) -> None:
    """As PortAudio falls where its JACK part outlives its server."""
    made = sounds.chord((57, 60, 64), 20)
    playback, supervisor = Playback(sounds.write_wav(tmp_path / "song.wav", made)), Supervisor()
    playback.start(supervisor)
    until(lambda: playback.ring._written > 44100, "a second", 15)
    rooms.fate("aborts").touch()
    until(lambda: len(supervisor.faults), "the word", 10)
    assert [fault.latest for fault in supervisor.faults] == [
        "was lost (its process ended with signal 6); the song goes on silently"
    ]
    before = playback.ring._written
    until(lambda: playback.ring._written > before + 22050, "the rest of the song", 5)
    playback.stop()
    played = np.fromfile(rooms.fate("played"), np.float32)
    begun = int(np.argmax(np.abs(played) > 0))
    song = playback.ring.read(0.0)[:, 0]
    first = int(np.argmax(np.abs(song) > 0))
    assert np.array_equal(played[begun : begun + 2000], song[first : first + 2000])


def test_sound_is_played_in_order_without_gaps_and_then_silence() -> None:
    waiting = Queue(44100, 0.0)
    for k in range(4):
        waiting.put(np.full(512, k + 1, np.float32))
    out = np.full((5 * 512, 1), -1, np.float32)
    for begin in range(0, len(out), 160):
        waiting.fill(out[begin : begin + 160], 160, None, None)
    assert np.array_equal(out[: 4 * 512, 0], np.repeat([1, 2, 3, 4], 512))
    assert not out[4 * 512 :].any()


def test_sound_after_a_gap_is_ahead_again() -> None:
    waiting, out = Queue(44100, 0.01), np.zeros((1000, 1), np.float32)
    for _ in range(2):
        waiting.put(np.ones(300, np.float32))
        waiting.fill(out, 1000, None, None)
        assert np.flatnonzero(out[:, 0]).tolist() == list(range(441, 741))


def test_sound_that_comes_too_late_is_dropped() -> None:
    waiting = Queue(44100, 0.0)
    for k in range(40):
        waiting.put(np.full(512, k, np.float32))
    out = np.zeros((512, 1), np.float32)
    waiting.fill(out, 512, None, None)
    assert out[0, 0] == 40 - 17  # a fifth of a second


def test_a_song_whose_output_is_lost_goes_on_silently(
    sound_server: SoundServer, tmp_path: Path
) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 20))
    playback, supervisor = Playback(song), Supervisor()
    playback.start(supervisor)
    speaker = playback._speaker
    assert speaker is not None
    until(lambda: speaker.plays and playback.ring._written > 22050, "sound", 10)
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

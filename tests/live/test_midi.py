"""Real MIDI through JACK's dummy driver."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live.controls import Controls
from live.desk import Desk
from live.midi import Midi
from live.show import Show
from live.song import Playback
from live.supervisor import Supervisor
from synth.preset import preset_of
from tests import sounds
from tests.doubles import Lamp
from tests.stage import until

pytest.importorskip("rtmidi", reason="python-rtmidi has no wheel for this Python")

BACKEND = "mido.backends.rtmidi/UNIX_JACK"


@pytest.fixture(scope="module")
def jack() -> Iterator[None]:
    """A JACK server of our own, without a sound card."""
    assert shutil.which("jackd"), (
        "jackd is missing; `make test` installs it: apt-get install jackd2"
    )
    before = {name: os.environ.get(name) for name in ("JACK_DEFAULT_SERVER", "MIDO_BACKEND")}
    os.environ |= {"JACK_DEFAULT_SERVER": "ljtest", "MIDO_BACKEND": BACKEND}
    command = ["jackd", "--no-realtime", "-n", "ljtest", "-d", "dummy", "-r", "44100", "-p", "512"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    import mido

    mido.set_backend(BACKEND)

    def up() -> bool:
        try:
            mido.get_input_names()
        except Exception:
            return False
        return True

    until(up, "JACK", 10)
    yield
    server.terminate()
    server.wait(10)
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


@pytest.fixture
def controls(tmp_path: Path) -> Controls:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.silence(1))
    show = Show(Playback(song, aloud=False), Desk(preset_of("silk"), [], None), Lamp(), [])
    return Controls(show)


@pytest.fixture
def midi(jack: None, controls: Controls, tmp_path: Path) -> Iterator[Midi]:
    midi = Midi(controls, tmp_path / "maps")
    midi.start(Supervisor())
    yield midi
    midi.stop()


def message(kind: str, **values: int) -> Any:
    import mido

    return mido.Message(kind, **values)


def controller(name: str) -> Any:
    import mido

    return mido.open_output(name, virtual=True, client_name=name)


def test_a_controller_is_found_plays_learns_and_comes_back(
    midi: Midi, controls: Controls, tmp_path: Path
) -> None:
    box = controller("nanoKONTROL2")
    until(lambda: bool(midi.connected), "the controller", 6)
    for value in range(0, 128, 8):
        box.send(message("control_change", control=7, value=value))  # /steer/depth is at 1
    box.send(message("control_change", control=7, value=127))
    box.send(message("control_change", control=7, value=64))
    until(lambda: controls.value("/steer/depth") == [64 / 127], "the value", 3)

    midi.learn("/steer/kick")
    box.send(message("control_change", control=99, value=0))
    until(lambda: "learnt" in midi.notice, "learning", 3)
    for value in (0, 64, 127, 100):
        box.send(message("control_change", control=99, value=value))
    until(lambda: controls.value("/steer/kick") == [100 / 127], "the learnt control", 3)
    assert 'address = "/steer/kick"' in (tmp_path / "maps" / "nanokontrol2.toml").read_text()

    box.send(message("program_change", program=2))
    names = list(controls.presets())
    until(lambda: controls.value("/preset/name") == [names[2]], "the preset", 3)

    box.close()
    until(lambda: not midi.connected, "the loss", 6)
    time.sleep(0.2)
    box = controller("nanoKONTROL2")
    until(lambda: bool(midi.connected), "the return", 6)
    box.close()


def test_a_controller_without_a_map_is_left_alone(midi: Midi) -> None:
    box = controller("Unknown Box")
    time.sleep(2.5)
    assert midi.connected == []
    box.close()

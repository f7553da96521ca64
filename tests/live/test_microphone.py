"""Real PortAudio captures from a real PulseAudio."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from live.audio.devices import Input, chosen, inputs, loopback_help
from live.audio.microphone import Microphone
from live.audio.reconnect import Phase
from live.engine.analysis_thread import AnalysisThread
from live.supervisor import Supervisor
from synth.audio_file import hops_of
from synth.constants import HOP
from synth.engine import Engine
from synth.errors import UserError
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from tests.doubles import Lamp
from tests.stage import Feeder, SoundServer, as_s16, feed, until


def test_a_song_through_portaudio_gives_the_offline_latents(
    sound_server: SoundServer, demo_song: Path
) -> None:
    """The same samples through the live threads give the latents that `lj render` computes."""
    song = np.concatenate(list(hops_of(demo_song)))
    heard: list[np.ndarray] = []
    live: list[Latent] = []

    def keep(hop: np.ndarray, latent: Latent) -> None:
        heard.append(hop.copy())
        live.append(latent)

    microphone = Microphone("pulse", channels=[1])
    analysis = AnalysisThread(microphone, Engine(Knobs(), Lamp().embed), after_hop=keep)
    supervisor = Supervisor()
    microphone.start(supervisor)
    analysis.start(supervisor)
    until(lambda: microphone.line.phase is Phase.OPEN, "the input", 10)
    time.sleep(0.3)
    begun = len(heard)

    def in_step(written: int) -> bool:
        until(lambda: (len(heard) - begun) * HOP > written - 44100, "hearing", 10)
        return True

    feed(sound_server.fifo, np.concatenate([song, np.zeros(22050, np.float32)]), in_step)
    until(lambda: (len(heard) - begun) * HOP > len(song) + 22050, "the song", 20)
    analysis.stop()
    microphone.stop()

    captured = np.concatenate(heard)
    wanted = as_s16(song) / np.float32(32768)
    begin = int(np.argmax(np.abs(captured) > 0)) - int(np.argmax(np.abs(wanted) > 0.5 / 32768))
    arrived = captured[max(0, begin) : max(0, begin) + len(song)]
    assert np.abs(arrived - wanted[-len(arrived) :]).max() < 2 / 32768
    assert microphone.ring.lost == microphone.overflows == 0

    offline = Engine(Knobs(), Lamp().embed)
    for hop, latent in zip(heard, live, strict=True):
        again = offline.hear(hop)
        assert np.array_equal(again.noise, latent.noise)
        assert np.array_equal(again.embedding, latent.embedding)


@contextmanager
def hearing(sound_server: SoundServer) -> Iterator[tuple[Microphone, AnalysisThread, Supervisor]]:
    """An open input that hears sound."""
    microphone, supervisor = Microphone("pulse"), Supervisor()
    analysis = AnalysisThread(microphone, Engine(Knobs(), Lamp().embed))
    with Feeder(sound_server):
        microphone.start(supervisor)
        analysis.start(supervisor)
        try:
            until(lambda: analysis.level > 0.01, "sound", 15)
            yield microphone, analysis, supervisor
        finally:
            analysis.stop()
            microphone.stop()


def test_a_killed_server_is_waited_for_and_found_again(sound_server: SoundServer) -> None:
    with hearing(sound_server) as (microphone, analysis, supervisor):
        sound_server.kill()
        until(lambda: microphone.line.phase is not Phase.OPEN, "the loss", 10)
        before = analysis.hops
        until(lambda: analysis.hops > before + 50, "silence in its place", 10)
        assert "trying again" in microphone.trouble
        sound_server.start()
        until(lambda: microphone.line.phase is Phase.OPEN and analysis.level > 0.01, "return", 30)
        assert microphone.trouble == ""
        assert any(fault.part == "capture" for fault in supervisor.faults)


def test_a_server_that_hangs_does_not_hang_the_show(sound_server: SoundServer) -> None:
    with hearing(sound_server) as (microphone, analysis, _):
        sound_server.pause()
        until(lambda: microphone.line.phase is not Phase.OPEN, "the stall", 10)
        before = analysis.hops
        until(lambda: analysis.hops > before + 50, "silence in its place", 10)
        assert "trying again" in microphone.trouble
        sound_server.resume()
        until(lambda: microphone.line.phase is Phase.OPEN and analysis.level > 0.01, "return", 40)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_callback_that_raises_is_noticed_and_replaced(sound_server: SoundServer) -> None:
    """PortAudio never calls such a callback again, and tells nobody."""
    with hearing(sound_server) as (microphone, analysis, supervisor):
        broken = microphone.ring

        def fail(_block: np.ndarray) -> None:
            raise MemoryError("no room for this block")

        broken.write = fail  # type: ignore[method-assign]
        until(lambda: microphone.ring is not broken and analysis.level > 0.01, "return", 20)
        assert len(supervisor.faults)


def test_channels_that_are_not_there_are_named(sound_server: SoundServer) -> None:
    microphone = Microphone("pulse", channels=[40])
    microphone.start(Supervisor())
    until(lambda: "--channels 40" in microphone.trouble, "the trouble", 10)
    microphone.stop()


def test_real_inputs_are_listed(sound_server: SoundServer) -> None:
    names = [device.name for device in inputs()]
    assert "pulse" in names
    assert loopback_help()


# ---- which input a name means

DEVICES = [
    Input(0, "HDA Intel: ALC (hw:0,0)", 2, 44100.0, False),
    Input(1, "Scarlett 2i2 USB", 2, 48000.0, True),
    Input(4, "Monitor of Scarlett 2i2 USB", 2, 48000.0, False),
]


@pytest.mark.parametrize(
    ("wanted", "number"),
    [(None, 1), ("0", 0), ("hda", 0), ("scarlett 2i2 usb", 1), ("monitor", 4)],
)
def test_an_input_is_found_by_number_name_or_part(wanted: str | None, number: int) -> None:
    assert chosen(DEVICES, wanted).number == number


@pytest.mark.parametrize(
    ("wanted", "says"),
    [("2i2", "could be 1 Scarlett 2i2 USB, 4 Monitor"), ("tape", "no such input; use one of HDA")],
)
def test_an_input_that_is_not_clear_is_named(wanted: str, says: str) -> None:
    with pytest.raises(UserError, match=says):
        chosen(DEVICES, wanted)


def test_no_inputs_at_all_is_one_sentence() -> None:
    with pytest.raises(UserError, match="no sound input was found"):
        chosen([], None)


def test_what_the_computer_plays_is_known_by_name() -> None:
    assert [device.loopback for device in DEVICES] == [False, False, True]


def test_hops_are_whole(sound_server: SoundServer) -> None:
    microphone, supervisor = Microphone("pulse", rate=48000), Supervisor()
    sizes: set[int] = set()
    analysis = AnalysisThread(
        microphone, Engine(Knobs(), Lamp().embed), after_hop=lambda hop, _: sizes.add(len(hop))
    )
    with Feeder(sound_server):
        microphone.start(supervisor)
        analysis.start(supervisor)
        until(lambda: analysis.level > 0.01, "sound", 15)
        analysis.stop()
        microphone.stop()
    assert sizes == {HOP}

"""Whole shows without a display: real threads, real time, and generators that misbehave."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from live.audio.file_player import Playback
from live.audio.microphone import Microphone
from live.engine.ladder import Step
from live.engine.parameters import Parameters
from live.output.window import NoWindow
from live.report import Report, sentences
from synth.audio_file import hops_of
from synth.engine import Engine
from synth.generators import Generator
from synth.latents.latent import Latent
from synth.session import Replay, SessionWriter, load_session
from synth.settings.knobs import Knobs
from synth.settings.preset import Preset, preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.stage import Feeder, SoundServer, until


class Slow(Lamp):
    """Five frames a second, as an overcharged machine gives."""

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        time.sleep(0.2 * len(latents))
        return super().frames(latents)


class Failing(Lamp):
    """Runs out of memory after its first frames."""

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        if len(self.shown) >= 3:
            raise torch.OutOfMemoryError("no memory for this frame")
        return super().frames(latents)


class Watched(NoWindow):
    """A screen that keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures: list[np.ndarray] = []
        self.shades: list[float] = []

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        self.pictures.append(picture)

    def draw(self, fit: str, shade: float) -> bool:
        self.shades.append(shade)
        return super().draw(fit, shade)


def parameters(**steer: float) -> Parameters:
    knobs = Knobs.model_validate({"steer": steer, "look": {"flash_limit": False}})
    return Parameters(Preset("test", "", knobs), [], None)


def steps(*generators: Generator) -> list[Step]:
    def step(k: int, generator: Generator) -> Step:
        return Step(f"{generator.name} {k}", 1.0, lambda: generator)

    return [step(k, generator) for k, generator in enumerate(generators)]


def sixteenths(path: Path, seconds: float) -> tuple[Path, int]:
    """16th notes at 174 BPM, and how many there are."""
    at = [0.5 + k * 60 / 174 / 4 for k in range(int((seconds - 0.7) * 174 * 4 / 60))]
    return sounds.write_wav(path, sounds.struck(sounds.click(), at, seconds)), len(at)


def test_no_onset_is_lost_with_five_frames_a_second(tmp_path: Path) -> None:
    song, played = sixteenths(tmp_path / "fast.wav", 6.0)
    show = show_of(Playback(song, aloud=False), parameters(), Slow(), steps(Slow()), governs=False)
    report = show.run(NoWindow())
    assert report.onsets_heard == played
    assert report.onsets_shown == played
    assert report.frames_generated <= 5 * report.seconds + 2
    assert report.frames_shown > 40 * report.seconds  # the screen does not wait for frames
    assert report.drops == 0
    assert report.faults == []


def test_the_same_song_gives_the_latents_of_a_render(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 2.5))
    lamp = Lamp()
    show = show_of(Playback(song, aloud=False), parameters(), lamp, steps(lamp))
    heard: list[Latent] = []
    show.deck.analysis.after_hop = lambda _hop, latent: heard.append(latent)
    show.run(NoWindow())
    offline = Engine(parameters().preset.knobs, Lamp().embed)
    whole = [hop for hop in hops_of(song) if len(hop) == 512]
    assert len(heard) >= len(whole)
    for live, hop in zip(heard, whole, strict=False):
        again = offline.hear(hop)
        assert np.array_equal(live.noise, again.noise)
        assert np.array_equal(live.embedding, again.embedding)


def test_a_generator_that_fails_gives_way_to_the_next(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 4))
    coarse = Lamp()
    show = show_of(Playback(song, aloud=False), parameters(), Failing(), steps(Failing(), coarse))
    noticed: list[str] = []
    show.supervisor.notices.say = noticed.append  # type: ignore[method-assign]
    report = show.run(NoWindow())
    assert len(coarse.shown) > 20
    assert any("no memory for this frame" in fault for fault in sentences(report.faults))
    assert any("lamp 1 now" in notice for notice in noticed)
    assert report.frames_shown > 150


def test_a_generator_that_is_alone_is_tried_again_and_made_anew(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 2))
    show = show_of(Playback(song, aloud=False), parameters(), Failing(), steps(Failing()))
    report = show.run(NoWindow())
    # three of itself, and two of the one that was made anew, whose first is drawn in making it
    assert report.frames_generated == 5
    assert report.frames_shown > 60  # the last picture stays
    assert any("lamp failed" in fault for fault in sentences(report.faults))


def test_a_blackout_fades_and_comes_back(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 5))
    screen, lamp = Watched(), Lamp()
    show = show_of(Playback(song, aloud=False), parameters(), lamp, steps(lamp))

    def play(seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            show._once(screen)

    show.deck.source.start(show.supervisor)
    show.deck.analysis.start(show.supervisor)
    show.deck.renderer.start(show.supervisor)
    play(1.3)
    assert screen.shades[-1] == 1.0
    show.key(screen, "b")
    play(1.3)
    assert screen.shades[-1] == 0.0
    assert max(abs(a - b) for a, b in zip(screen.shades, screen.shades[1:], strict=False)) < 0.2
    show.key(screen, "b")
    play(1.3)
    assert screen.shades[-1] == 1.0
    show.key(screen, " ")
    play(0.3)
    still = len(screen.pictures)
    play(0.3)
    assert len(screen.pictures) == still
    assert "frozen" in show.panel.status(time.monotonic()).state
    show.deck.source.stop()
    show.deck.analysis.stop()
    show.deck.renderer.stop()


def test_escape_fades_out_and_twice_ends_at_once(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 20))

    def played(*keys: str) -> Report:
        lamp = Lamp()
        show = show_of(Playback(song, aloud=False), parameters(), lamp, steps(lamp))
        for key in keys:
            show.key(NoWindow(), key)
        return show.run(NoWindow())

    assert 0.9 < played("escape").seconds < 3
    assert played("escape", "escape").seconds < 0.9


def test_a_broken_file_ends_the_show_in_words(tmp_path: Path) -> None:
    from synth.errors import UserError

    (tmp_path / "no.wav").write_bytes(b"RIFF this is no sound at all")
    with pytest.raises(UserError, match="cannot be read as sound"):
        Playback(tmp_path / "no.wav")


def test_a_performance_plays_again_with_the_same_latents(tmp_path: Path) -> None:
    """Presets, knobs and freezes at any moment, from other threads, and still bit for bit."""
    song = sounds.write_wav(
        tmp_path / "song.wav", sounds.struck(sounds.kick(), [0.5, 1.0, 1.5, 2.0], 4)
    )
    lamp = Lamp()
    played = Parameters(preset_of("reef"), [], None)
    writer = SessionWriter(tmp_path / "a.ljlog", {"preset": "reef"}, played.preset.knobs)
    show = show_of(Playback(song, aloud=False), played, lamp, steps(lamp))
    heard: list[Latent] = []
    keep = show.deck.analysis.after_hop

    def after(hop: np.ndarray, latent: Latent) -> None:
        keep(hop, latent)
        heard.append(latent)
        match len(heard):
            case 40:
                played.load("embers")
            case 120:
                played.turn("steer.truncation", 0.2)
            case 160:
                played.load("embers")  # the same again still fades
            case 200:
                played.turn("steer.seed", 7)

    show.deck.analysis.after_hop = after
    show.run(NoWindow(), recordings=lambda: [writer])
    session = load_session(tmp_path / "a.ljlog")
    assert [event["hop"] for event in session.events if "set" in event] == [40, 120, 160, 200]
    replay = Replay(session, Lamp().embed)
    again = [replay.hear(hop) for hop in hops_of(session.sound)]
    assert len(again) == len(heard) > 300
    for a, b in zip(heard, again, strict=True):
        assert np.array_equal(a.noise, b.noise)
        assert np.array_equal(a.embedding, b.embedding)
        assert a.truncation == b.truncation


def test_a_recorded_show_has_its_pictures_and_its_sound(tmp_path: Path) -> None:
    import av

    from live.output.recorder import Recorder

    song = sounds.write_wav(tmp_path / "song.wav", sounds.struck(sounds.click(), [1.0, 2.0], 3))
    lamp = Lamp()
    recorder = Recorder(tmp_path / "show.mp4")
    show = show_of(Playback(song, aloud=False), parameters(), lamp, steps(lamp))
    report = show.run(NoWindow(), recordings=lambda: [recorder])
    assert report.record_drops == 0
    with av.open(tmp_path / "show.mp4") as film:
        times = [float(frame.pts * frame.time_base) for frame in film.decode(video=0)]
    assert len(times) == pytest.approx(30 * report.seconds, abs=30)
    assert np.allclose(np.diff(times), 1 / 30, atol=1e-3)
    with av.open(tmp_path / "show.mp4") as film:
        sound = np.concatenate([f.to_ndarray()[0] for f in film.decode(audio=0)])
    strikes = np.flatnonzero(np.abs(sound) > 0.1) / 44100
    assert strikes[0] == pytest.approx(1.0, abs=0.05)
    assert strikes[-1] == pytest.approx(2.0, abs=0.05)


def test_a_killed_sound_server_does_not_stop_the_picture(sound_server: SoundServer) -> None:
    lamp, screen = Lamp(), Watched()
    microphone = Microphone("pulse")
    show = show_of(microphone, parameters(), lamp, steps(lamp))
    ended: list[Report] = []
    playing = threading.Thread(target=lambda: ended.append(show.run(screen, 14.0)))
    with Feeder(sound_server):
        playing.start()
        until(lambda: show.deck.analysis.level > 0.01, "sound", 8)
        sound_server.kill()
        until(lambda: "trying again" in show.panel.status(time.monotonic()).trouble, "the word", 8)
        before = len(screen.pictures)
        until(lambda: len(screen.pictures) > before + 10, "pictures", 3)
        until(lambda: show.deck.analysis.level == 0, "silence", 3)
        sound_server.start()
        until(lambda: show.deck.analysis.level > 0.01, "sound again", 12)
        assert "trying again" not in show.panel.status(time.monotonic()).trouble
        show.key(screen, "escape")
        playing.join(20)
    assert any("pulse" in fault for fault in sentences(ended[0].faults))
    assert ended[0].frames_shown > 40 * ended[0].seconds


def test_a_batch_of_frames_ahead_shows_every_onset_once(tmp_path: Path) -> None:
    song, played = sixteenths(tmp_path / "fast.wav", 4.0)
    lamp = Slow()
    show = show_of(
        Playback(song, aloud=False), parameters(), lamp, steps(lamp), governs=False, ahead=2
    )
    report = show.run(NoWindow())
    assert report.onsets_shown == report.onsets_heard == played


def test_a_broken_analysis_is_told_and_the_picture_stays(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 2))
    lamp = Lamp()
    show = show_of(Playback(song, aloud=False), parameters(), lamp, steps(lamp))

    def broken(hop: np.ndarray, latent: Latent) -> None:
        if 50 < show.deck.analysis.hops < 80:
            show.deck.analysis.hops += 1
            raise ValueError("a hop that cannot be heard")

    show.deck.analysis.after_hop = broken
    report = show.run(NoWindow())
    assert any("a hop that cannot be heard" in fault for fault in sentences(report.faults))
    assert show.deck.analysis.trouble == ""
    assert report.frames_shown > 60

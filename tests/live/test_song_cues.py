"""Keyframes of a song that begins in its middle and stands still: live, and played again."""

import time
from pathlib import Path

import numpy as np
import pytest

from live.audio.file_player import Playback
from live.engine.ladder import Step
from live.engine.parameters import Parameters
from live.output.window import NoWindow
from live.supervisor import Supervisor
from synth.audio_file import hops_of
from synth.latents.keyframes import Cues
from synth.latents.latent import Latent
from synth.session import Replay, SessionWriter, load_session
from synth.settings.preset import preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.synth.test_bank import bank, narrow


class Keyed(Lamp):
    """A lamp that goes by the name of the generator that the bank was made for."""

    name = "procedural"


class Halting(Playback):
    """A song from a disk that hangs for a while after its seventieth hop."""

    def start(self, supervisor: Supervisor) -> None:
        give = self.ring.write

        def write(block: np.ndarray) -> None:
            if self._played == 70:
                time.sleep(1.6)
            give(block)

        self.ring.write = write  # type: ignore[method-assign]
        super().start(supervisor)


def test_cues_come_where_the_song_is(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 24))
    lines = [narrow(text, at) for text, at in (("early", 1.0), ("one", 20.6), ("two", 21.8))]
    keys, lamp = bank(tmp_path, *lines), Keyed()
    show = show_of(
        Halting(song, start=20.0, aloud=False),
        Parameters(preset_of("silk"), [], None),
        lamp,
        [Step("lamp", 1.0, lambda: lamp)],
        cues=Cues(keys, follows=True),
    )
    live: list[tuple[str, np.ndarray]] = []
    keep = show.deck.analysis.after_hop

    def after(hop: np.ndarray, latent: Latent) -> None:
        keep(hop, latent)
        assert show.deck.engine.cues is not None
        live.append((show.deck.engine.cues.playing, latent.embedding))

    show.deck.analysis.after_hop = after
    writer = SessionWriter(tmp_path / "a.ljlog", {"follows": True}, show.deck.engine.knobs)
    show.run(NoWindow(), 4.5, recordings=lambda: [writer])

    session = load_session(tmp_path / "a.ljlog")
    replay = Replay(session, Lamp().embed, Cues(keys, follows=True))
    assert replay.cues is not None
    begun: dict[str, tuple[int, float]] = {}
    for number, (hop, (text, embedding)) in enumerate(
        zip(hops_of(session.sound), live, strict=True)
    ):
        latent = replay.hear(hop)
        assert replay.cues.playing == text
        assert np.array_equal(latent.embedding, embedding)
        begun.setdefault(text, (number, replay.position.seconds - replay.delay))
    assert set(begun) == {"", "one", "two"}
    assert begun["one"][1] == pytest.approx(20.6, abs=2 * replay.dt)
    assert begun["two"][1] == pytest.approx(21.8, abs=2 * replay.dt)
    late = begun["two"][0] * replay.dt - 1.8  # than without the halt
    assert 1.0 < late < 2.5
    held = sum(text == "one" for text, _ in live) * replay.dt
    assert held > 0.6 + 1.0

"""What version 0.1.0 wrote is still read: a show, a bank, a learnt map, a film half done.

`data/made_before` was written by that version itself: a show of one second with every kind of
event, by `live.show.Show` at `octaves`; the bank that it was cued from, by `lj score --apart`; a
controller's map, by `live.control.midi` as it learnt; and that show as a film of three chunks of
which one is done, by `lj render --plan` and `lj render-chunk`. None of it is ever written anew.
"""

import shutil
from pathlib import Path

import av
import numpy as np
import pytest

from live.control.midi_map import Control, maps_of
from render import farm
from render.manifest import read_manifest, verified
from synth.audio_file import hops_of
from synth.generators import generator_of
from synth.latents.bank import Bank
from synth.latents.keyframes import Cues
from synth.session import Replay, load_session

MADE = Path(__file__).parent / "data" / "made_before"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A copy that may be worked on."""
    return shutil.copytree(MADE, tmp_path / "made")


def test_a_show_plays_again(made: Path) -> None:
    session = load_session(made / "show.ljlog")
    assert session.knobs.hear.way == "classic"  # there was no other
    kinds = {kind for event in session.events for kind in event} - {"hop"}
    assert kinds == {"set", "fade", "freeze", "blackout", "cue"}
    assert (session.about["preset"], session.about["generator"]) == (
        "octaves",
        "procedural",
    )
    generator = generator_of("procedural", resolution=64, device="cpu")
    replay = Replay(session, generator.embed, Cues(Bank(made / "words.ljbank"), follows=False))
    again = [replay.hear(hop) for hop in hops_of(session.sound)]
    for frozen in range(33, 37):
        assert np.array_equal(again[frozen].noise, again[32].noise)
    assert not np.array_equal(again[37].noise, again[32].noise)
    with np.load(made / "last.npz") as last:
        assert len(again) == last["hops"]
        assert again[-1].truncation == pytest.approx(float(last["truncation"]), abs=1e-5)
        for mine, then in (
            (again[-1].noise, last["noise"]),
            (again[-1].embedding, last["embedding"]),
            (again[-1].noises, last["levels"]),
        ):
            np.testing.assert_allclose(mine, then, rtol=0, atol=1e-5)
    assert [round(session.shade(t), 2) for t in (0.4, 0.55, 0.99)] == [1.0, 0.93, 1.0]


def test_a_bank_with_a_noise_for_each_size_is_read(made: Path) -> None:
    bank = Bank(made / "words.ljbank")
    assert [(e.text, e.time, e.duration) for e in bank.entries] == [
        ("a house of glass", 0.1, 0.4),
        ("feathers and flame", 0.5, 4.0),
    ]
    bank.check_for("procedural", "")
    for number in range(len(bank)):
        latent = bank.latent(number)
        assert latent.levels is not None
        assert latent.levels.shape == (3, 128)
        assert np.ptp(latent.levels, axis=0).max() > 0.1  # each size has its own
        for part in (latent.noise, latent.embedding, latent.levels):
            assert np.isfinite(part).all()
        assert bank.thumbnail(number).shape == (16, 16, 3)


def test_a_learnt_map_is_read(made: Path) -> None:
    broken: list[str] = []
    own = next(one for one in maps_of(made / "maps", broken.append) if one.name == "Tiny Box")
    assert not broken
    assert not own.clock
    assert own.controls == (
        Control("/steer/kick", cc=99),
        Control("/steer/truncation", cc=7),
        Control("/cue/go", note=36),
        Control("/look/flash_limit", note=40),
    )


def test_a_film_half_done_is_finished(made: Path) -> None:
    """Its manifest names the places of another machine, as it may after a move."""
    manifest = read_manifest(made / "film.parts")
    manifest.call |= {
        "song": str(made / "show.ljlog" / "sound.wav"),
        "film": str(made / "film.mp4"),
        "bank": str(made / "words.ljbank"),
        "performance": str(made / "show.ljlog"),
    }
    assert verified(manifest) == []
    assert manifest.plan
    assert manifest.missing() == [1, 2]
    job, generator = farm.job_of(manifest), farm.generator_of(manifest, "cpu")
    for number in manifest.missing():
        _, latents = farm.latents_for(manifest, number)
        assert all(latent.levels is not None for latent in latents)
    seen: list[int | None] = []
    work = farm.work_here(generator, job)
    outcome = farm.render_in_chunks(manifest, job, work, lambda done, _total: seen.append(done))
    assert seen[0] == 4  # the finished chunk counts from the beginning
    assert outcome.whole
    with av.open(made / "film.mp4") as film:
        times = [frame.time for frame in film.decode(video=0)]
        assert times == pytest.approx([k / 10 for k in range(10)])
    with av.open(made / "film.mp4") as film:
        assert sum(frame.samples for frame in film.decode(audio=0)) > 0.9 * 44100
    assert not (made / "film.parts").exists()

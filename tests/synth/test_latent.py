import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synth.analysis.analyzer import Features
from synth.latents.latent import Latent, Steering
from synth.settings.knobs import Bands, Steer

DT = 512 / 44100
MATRIX = np.random.RandomState(0).standard_normal((1000, 16)).astype(np.float32)
QUIET = Features(
    time=0.0,
    chroma=np.zeros(12),
    flux=0.0,
    onset=False,
    onset_time=0.0,
    beat=False,
    beat_phase=0.0,
    next_beat=0.0,
    bpm=0.0,
    loudness=0.0,
    rise=0.0,
    bass=0.0,
    mid=0.0,
    treble=0.0,
    section=0,
)
PLAYING = replace(QUIET, chroma=np.eye(12)[0], loudness=0.6, flux=0.1, rise=0.05)


def steering(steer: Steer) -> Steering:
    return Steering(steer, lambda classes: classes @ MATRIX)


def path(heard: list[Features], steer: Steer) -> list[Latent]:
    playing = steering(steer)
    return [playing.step(features, steer, DT) for features in heard]


def moved(a: Latent, b: Latent) -> float:
    return float(np.abs(a.noise - b.noise).mean())


@settings(deadline=None, max_examples=25)
@given(
    truncation=st.floats(0.02, 1),
    kick=st.floats(0, 1),
    drift=st.floats(0, 1),
    tempo=st.floats(0, 1),
    loudness=st.floats(0, 1),
    flux=st.floats(0, 1),
)
def test_noise_stays_inside_the_truncation_walls(
    truncation: float, kick: float, drift: float, tempo: float, loudness: float, flux: float
) -> None:
    steer = Steer(truncation=truncation, kick=kick, drift=drift, tempo_sensitivity=tempo)
    loud = replace(PLAYING, loudness=loudness, flux=flux, rise=flux)
    for latent in path([loud] * 150, steer):
        assert np.abs(latent.noise).max() <= 2 * truncation * (1 + 1e-6)
        assert np.isfinite(latent.embedding).all()


def test_the_same_seed_walks_the_same_way() -> None:
    a, b = (path([PLAYING] * 50, Steer(seed=9))[-1] for _ in range(2))
    assert np.array_equal(a.noise, b.noise)
    assert np.array_equal(a.embedding, b.embedding)
    assert moved(a, path([PLAYING] * 50, Steer(seed=10))[-1]) > 0.1


def test_a_chord_brings_its_classes_embedding() -> None:
    steer = Steer(classes=tuple(range(12)), pitch_sensitivity=290, depth=1.0)
    embedding = path([PLAYING] * 400, steer)[-1].embedding
    cosine = np.dot(embedding, MATRIX[0])
    cosine /= np.linalg.norm(embedding) * np.linalg.norm(MATRIX[0])
    assert cosine > 0.95


def test_a_drum_pushes_out_and_springs_back() -> None:
    steer = Steer(kick=1.0, drift=0.0, tempo_sensitivity=0.0)
    hit = replace(PLAYING, flux=1.0)
    rest = replace(PLAYING, flux=0.0)
    walked = path([rest] * 20 + [hit] + [rest] * 150, steer)
    push = [moved(walked[19], latent) for latent in walked[20:]]
    peak = int(np.argmax(push))
    assert 0.03 < peak * DT < 0.12
    assert push[peak] > 0.15
    assert push[-1] < 0.01


def test_where_there_is_a_kick_drum_it_alone_pushes() -> None:
    """A guitar between its hits is no drum."""
    steer = Steer(kick=1.0, drift=0.0, tempo_sensitivity=0.0)
    dense = [replace(PLAYING, flux=0.8 if hop % 4 == 0 else 0.2) for hop in range(8 * 44)]
    drummed = [replace(f, kick=0.9 if hop % 44 == 0 else 0.0) for hop, f in enumerate(dense)]
    shares = []
    for heard in (dense, drummed):
        walked = path(heard, steer)[4 * 44 :]
        steps = np.array([moved(a, b) for a, b in itertools.pairwise(walked)])
        at_kicks = np.arange(len(steps)) % 44 < 8
        shares.append(steps[at_kicks].mean() / steps[~at_kicks].mean())
    assert shares[0] < 1.5 and shares[1] > 2.0


def test_when_music_stops_the_picture_settles_and_breathes() -> None:
    steer = Steer(drift=0.25)
    walked = path([PLAYING] * 400 + [QUIET] * 1200, steer)
    playing = np.mean([moved(a, b) for a, b in itertools.pairwise(walked[300:400])])
    resting = [moved(a, b) for a, b in itertools.pairwise(walked[1000:])]
    assert 0 < np.mean(resting) < 0.3 * playing
    assert min(resting) > 0  # it never freezes
    assert walked[1000].embedding == pytest.approx(walked[-1].embedding, abs=1e-3)


def test_without_drift_silence_stands_still() -> None:
    walked = path([PLAYING] * 100 + [QUIET] * 1000, Steer(drift=0.0))
    assert moved(walked[-2], walked[-1]) < 1e-6


def test_smoothing_softens_the_walk() -> None:
    def roughness(smoothing: float) -> float:
        heard = [PLAYING, QUIET] * 300
        walked = path(heard, Steer(smoothing=smoothing, kick=0.0, drift=0.0))
        noise = np.stack([latent.noise for latent in walked[200:]])
        return float(np.abs(np.diff(noise, 2, axis=0)).mean())

    assert roughness(1.0) < 0.2 * roughness(0.0)


def test_truncation_scales_the_noise_at_once() -> None:
    wide = path([PLAYING] * 40, Steer(truncation=1.0))[-1]
    narrow = path([PLAYING] * 40, Steer(truncation=0.5))[-1]
    assert narrow.noise == pytest.approx(wide.noise / 2, abs=1e-6)


def test_between_two_latents_lies_their_mean() -> None:
    a, b = path([PLAYING] * 2, Steer())
    middle = a.toward(b, 0.5)
    assert middle.noise == pytest.approx((a.noise + b.noise) / 2)
    assert np.array_equal(a.toward(b, 0.0).noise, a.noise)


# ---- bands


def band_path(band: str, **bands: float) -> list[Latent]:
    """Latents under one band that comes and goes."""
    playing = steering(Steer(seed=3))
    walked = []
    for k in range(120):
        heard = replace(QUIET, **{band: 1.0 if k % 40 < 10 else 0.0})
        walked.append(playing.step(heard, Steer(seed=3), DT, Bands(**bands)))
    return walked


@pytest.mark.parametrize(("band", "level"), [("bass", 0), ("mid", 1), ("treble", 2)])
def test_each_band_moves_its_own_size_alone(band: str, level: int) -> None:
    for latent in band_path(band, bass=1.0, mid=1.0, treble=1.0):
        moved = [bool((row != latent.noise).any()) for row in latent.noises]
        assert moved == [k == level and latent.levels is not None for k in range(3)]


def test_bands_are_off_unless_asked_for() -> None:
    assert all(latent.levels is None for latent in band_path("bass"))


def test_a_band_pushes_as_far_as_its_knob_says() -> None:
    def farthest(strength: float) -> float:
        return max(
            float(np.abs(v.noises[0] - v.noise).mean()) for v in band_path("bass", bass=strength)
        )

    assert 0 < farthest(0.3) < farthest(1.0) < 0.8


def test_levels_stay_within_the_walls() -> None:
    for latent in band_path("treble", treble=1.0):
        assert np.abs(latent.noises).max() <= 2 * latent.truncation + 1e-6


def test_between_a_pushed_and_a_plain_latent_lies_half_the_push() -> None:
    plain = Latent(np.zeros(128, np.float32), np.zeros(2, np.float32), 0.5)
    pushed = Latent(plain.noise, plain.embedding, 0.5, np.ones((3, 128), np.float32))
    assert np.allclose(plain.toward(pushed, 0.5).noises, 0.5)
    assert np.allclose(pushed.toward(plain, 0.5).noises, 0.5)

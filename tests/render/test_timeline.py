from fractions import Fraction
from itertools import islice

import numpy as np
import pytest

from render.timeline import latents_of
from synth.engine import Engine
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from tests import sounds

MATRIX = np.random.RandomState(0).standard_normal((1000, 16)).astype(np.float32)
MUSIC = sounds.chord((57, 60, 64), 3) + sounds.struck(sounds.kick(), [0.5, 1, 1.5, 2, 2.5], 3)


def film(fps: Fraction, start: float = 0.0, duration: float | None = None) -> list[Latent]:
    engine = Engine(Knobs(), lambda classes: classes @ MATRIX)
    hops = sounds.hops(MUSIC)
    return list(latents_of(hops, engine, fps, start=start, duration=duration))


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(60), Fraction(30000, 1001)])
def test_the_picture_at_a_second_does_not_depend_on_the_frame_rate(fps: Fraction) -> None:
    usual, other = film(Fraction(30)), film(fps)
    compared = 0
    for k, latent in enumerate(other):
        moment = k / fps
        if (moment * 30).denominator == 1:
            twin = usual[int(moment * 30)]
            assert latent.noise == pytest.approx(twin.noise, abs=1e-6)
            assert latent.embedding == pytest.approx(twin.embedding, abs=1e-5)
            compared += 1
    assert compared >= 1


def test_any_rate_runs_along_the_same_curve() -> None:
    """Frames of 24 fps lie between their neighbours of 240 fps."""
    fine, coarse = film(Fraction(240)), film(Fraction(24))
    for k, latent in enumerate(coarse[:-1]):
        assert latent.noise == pytest.approx(fine[10 * k].noise, abs=1e-6)


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(30), Fraction(60)])
def test_there_are_as_many_frames_as_the_sound_lasts(fps: Fraction) -> None:
    assert len(film(fps)) == pytest.approx(3 * float(fps), abs=1)


def test_an_excerpt_is_what_the_whole_shows_there() -> None:
    whole, excerpt = film(Fraction(30)), film(Fraction(30), start=1.0, duration=0.5)
    assert len(excerpt) == 15
    for a, b in zip(excerpt, whole[30:45], strict=True):
        assert a.noise == pytest.approx(b.noise, abs=1e-6)


def test_a_start_after_the_end_gives_no_frame() -> None:
    assert film(Fraction(30), start=99) == []


def test_an_endless_stream_is_taken_as_it_comes() -> None:
    """Nothing looks ahead further than the analysis' delay."""
    taken = 0

    def endless():  # type: ignore[no-untyped-def]
        nonlocal taken
        while True:
            taken += 1
            yield np.zeros(512, np.float32)

    engine = Engine(Knobs(), lambda classes: classes @ MATRIX)
    list(islice(latents_of(endless(), engine, Fraction(30)), 60))
    assert taken * engine.dt < 2.0 + 0.05

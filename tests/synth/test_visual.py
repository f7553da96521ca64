"""The whole path from sound to latents, pinned for every preset."""

from pathlib import Path

import numpy as np
import pytest

from synth.generators.procedural import Procedural
from synth.preset import shipped
from tests.golden import FRAMES, LATENTS, golden_frames, golden_latents


@pytest.fixture(scope="module")
def latents(demo_song: Path) -> dict[str, np.ndarray]:
    return golden_latents(demo_song)


@pytest.mark.parametrize("preset", shipped())
@pytest.mark.parametrize("seed", [1, 2])
def test_every_preset_walks_its_golden_path(
    preset: str, seed: int, latents: dict[str, np.ndarray]
) -> None:
    with np.load(LATENTS) as golden:
        wanted = golden[f"{preset}-{seed}"]
    assert latents[f"{preset}-{seed}"] == pytest.approx(wanted, abs=5e-3)


def test_every_family_draws_its_golden_frame() -> None:
    drawn = golden_frames(Procedural(128))
    with np.load(FRAMES) as golden:
        assert set(golden) == set(drawn)
        for family, frame in drawn.items():
            difference = np.abs(golden[family].astype(int) - frame)
            assert difference.mean() < 1.5, family

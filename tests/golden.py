"""What the instrument did when it was last looked at and found good.

    python -m tests.golden

records it anew; do that only after looking at sheets of what changed.
"""

import tempfile
from itertools import islice
from pathlib import Path

import numpy as np

from synth.analysis.analyzer import Analyzer
from synth.audio_file import hops_of
from synth.generators.procedural.generator import Procedural
from synth.generators.procedural.scene import scene_of
from synth.generators.procedural.tables import FAMILIES
from synth.latents.latent import Latent, Steering
from synth.latents.walk import truncated_normal
from synth.settings.knobs import Steer
from synth.settings.preset import preset_of, shipped

FOLDER = Path(__file__).parent / "data"
LATENTS = FOLDER / "latents.npz"
FRAMES = FOLDER / "frames.npz"
_MOMENTS = (43, 300, 600)  # hops: half a second, 3.5 s, 7 s


def golden_latents(song: Path) -> dict[str, np.ndarray]:
    """For each preset and seed the noise and embedding (3, 256) at three moments."""
    renderer = Procedural(256)
    analyzer = Analyzer()
    heard = [analyzer.hear(hop) for hop in islice(hops_of(song), _MOMENTS[-1] + 1)]
    paths = {}
    for name in shipped():
        for seed in (1, 2):
            steer: Steer = preset_of(name, [f"steer.seed={seed}"]).knobs.steer
            steering = Steering(steer, renderer.embed)
            path = [steering.step(features, steer, analyzer.dt) for features in heard]
            rows = [np.concatenate([path[k].noise, path[k].embedding]) for k in _MOMENTS]
            paths[f"{name}-{seed}"] = np.stack(rows)
    return paths


def golden_frames(renderer: Procedural) -> dict[str, np.ndarray]:
    """One picture of each family."""
    noise = 0.7 * truncated_normal(np.random.RandomState(4), 128).astype(np.float32)
    frames: dict[str, np.ndarray] = {}
    for embedding in renderer.embed(np.eye(1000, dtype=np.float32)):
        (family,) = scene_of(noise, embedding, 0.7).families
        if family not in frames:
            frames[family] = renderer.frames([Latent(noise, embedding, 0.7)])[0].numpy()
    return {family: frames[family] for family in FAMILIES}


def record() -> None:
    from demo.compose import compose, write

    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        song = Path(folder) / "song.wav"
        write(song, compose())
        np.savez_compressed(LATENTS, **golden_latents(song))
    np.savez_compressed(FRAMES, **golden_frames(Procedural(128)))


if __name__ == "__main__":
    record()

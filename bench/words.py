"""How well lines find their pictures: searches beside as many random samples.

    python -m bench.words                                   # what runs anywhere; bench/words.md
    python -m bench.words --generator biggan-256 --clip ViT-B-32/laion2b_s34b_b79k   # real weights

Scores are AugCLIP through changes that no search has seen. With real weights the table is printed
for twenty prompts; without, an untrained BigGAN and a random CLIP show the mechanics alone.
"""

import argparse
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.report import machine, publish, table
from precompute.clip import TINY, clip_of
from precompute.objective import Objective
from precompute.optimise import search
from precompute.rendering import Drawn
from precompute.task import Search
from synth import generators
from synth.generators.biggan.differentiable import differentiable_biggan
from synth.generators.biggan.untrained import save_published, untrained
from synth.generators.protocol import Renderer

PROMPTS = (
    "a house of glass beneath the waves",
    "feathers turning into flame",
    "every window is an eye",
    "gold and copper in the rain",
    "a wolf on a hill under the moon",
    "a city of light seen from the sky",
    "the sea is on fire",
    "a violin made of ice",
    "a garden inside a clock",
    "butterflies leaving a book",
    "a train through the clouds",
    "an old man made of leaves",
    "a desert of broken mirrors",
    "a whale above the roofs",
    "snow falling on a volcano",
    "a cathedral of coral",
    "horses made of smoke",
    "a staircase to the stars",
    "a mask with no face behind it",
    "lanterns on a black river",
)
FEW = 5  # prompts where only the mechanics are shown
RANDOM = 500  # samples of the search that only looks
WAYS = {
    f"best of {RANDOM} samples": Search(steps=0, samples=RANDOM),
    "from the best of 64": Search(steps=60, bases=1),
    "from the 5 best of 64, mixed": Search(steps=60),
    "the same, 3 restarts": Search(steps=60, restarts=3),
    "the same, sizes apart": Search(steps=60, restarts=3, apart=True),
}


def row(name: str, renderer: Renderer, objective: Objective, prompts: tuple[str, ...]) -> list[str]:
    """One way of searching: score, gain over the best start, the least gain, seconds a line."""
    begun = time.perf_counter()
    found = [
        search(renderer, objective, objective.target({p: 1.0}), replace(WAYS[name], seed=seed))
        for seed, p in enumerate(prompts)
    ]
    seconds = (time.perf_counter() - begun) / len(prompts)
    gains = [f.score - f.start for f in found]
    mean = statistics.mean(f.score for f in found)
    cells = (f"{mean:.3f}", f"{statistics.mean(gains):.3f}", f"{min(gains):.3f}", f"{seconds:.1f}")
    return [name, *cells]


def compared(renderer: Renderer, objective: Objective, prompts: tuple[str, ...]) -> str:
    """The table of all ways."""
    head = ("search", "mean score", "mean gain", "least gain", "s a line")
    return table(head, [row(name, renderer, objective, prompts) for name in WAYS])


def mechanics() -> None:
    """What runs anywhere, into bench/words.md."""
    objective = Objective(clip_of(TINY))
    with tempfile.TemporaryDirectory() as name:
        folder = save_published(untrained(128, channel_width=32), Path(name) / "biggan-128")
        biggan = compared(
            differentiable_biggan("biggan-128", folder, "cpu"), objective, PROMPTS[:FEW]
        )
    drawn = Drawn(generators.generator_of(generators.DEFAULT, resolution=128, device="cpu"))
    procedural = compared(drawn, objective, PROMPTS[:FEW])
    publish(
        "words",
        f"""# Words: searches for a line's picture

{machine()}.

A random CLIP, {FEW} prompts: what the search gains, not what its pictures mean. Gains are over the
best start of each search; for the samples alone they are none by definition.

## BigGAN-128, untrained, a quarter as wide; Adam

{biggan}

## procedural, 128 px; CMA-ES

{procedural}

## Published weights

Not run: neither BigGAN's nor CLIP's weights were at hand. `python -m bench.words --generator
biggan-256 --clip ViT-B-32/laion2b_s34b_b79k` prints the same table for {len(PROMPTS)} prompts.""",
    )


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--generator", choices=generators.names())
    asked.add_argument("--weights", type=Path)
    asked.add_argument("--clip", default=TINY)
    asked.add_argument("--device", default="auto")
    words = asked.parse_args()
    if words.generator is None:
        mechanics()
        return
    device = generators.device_of(words.device)
    search = generators.family_of(words.generator).search
    renderer: Renderer = (
        search(words.generator, words.weights, device)
        if search is not None
        else Drawn(generators.generator_of(words.generator, resolution=256, device=device))
    )
    objective = Objective(clip_of(words.clip, device))
    print(machine(), compared(renderer, objective, PROMPTS), sep="\n\n")


if __name__ == "__main__":
    main()

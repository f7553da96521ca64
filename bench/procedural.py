"""How long the embedded generator takes for a frame, drawn plainly and with built functions.

    python -m bench.procedural

Random blends of one, two and five classes; each latent is drawn in both ways, one after the other,
in one process. Builds first what this machine's cache lacks, which takes minutes once.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.report import machine, publish, table
from synth.errors import UserError
from synth.generators.biggan.engines import psnr
from synth.generators.procedural.builder import Builder
from synth.generators.procedural.building import calls, folder
from synth.generators.procedural.generator import Procedural
from synth.generators.procedural.kernels import Kernels
from synth.latents.latent import Latent

SIDES = (256, 512, 1024)
BLENDS = (1, 2, 5)
LATENTS = 30
ROUNDS = 15


@dataclass(frozen=True)
class Pair:
    """Milliseconds of the same work, plain and built."""

    plain: Sequence[float]
    built: Sequence[float]

    def cells(self, form: str) -> list[str]:
        ratio = statistics.median(a / b for a, b in zip(self.plain, self.built, strict=True))
        return [
            format(statistics.median(self.plain), form),
            format(statistics.median(self.built), form),
            f"{ratio:.1f}",
        ]


def milliseconds(work: Callable[..., object], *inputs: object) -> float:
    begun = time.perf_counter()
    work(*inputs)
    return 1000 * (time.perf_counter() - begun)


def latents_of(renderer: Procedural, classes: int) -> list[Latent]:
    stream, latents = np.random.RandomState(classes), []
    for _ in range(LATENTS):
        blend = np.zeros((1, 1000), np.float32)
        blend[0, stream.choice(1000, classes, replace=False)] = 0.3 + stream.random_sample(classes)
        noise = 0.5 * stream.standard_normal(128).clip(-2, 2).astype(np.float32)
        latents.append(Latent(noise, renderer.embed(blend)[0], 0.5))
    return latents


def frame_rows(side: int) -> list[list[object]]:
    plain, built = Procedural(side), Procedural(side, built=folder(), say=print)
    rows: list[list[object]] = []
    for classes in BLENDS:
        latents = latents_of(plain, classes)
        worst = min(psnr(built.frames([v]), plain.frames([v])) for v in latents)
        times = [
            (milliseconds(plain.frames, [v]), milliseconds(built.frames, [v])) for v in latents
        ]
        pair = Pair(*zip(*times, strict=True))
        rows.append([side, classes, *pair.cells(".1f"), f"{min(worst, 99):.0f}"])
    return rows


def function_rows() -> list[list[object]]:
    """Each function alone, on the pixels of a picture of 256 or of its half where they mirror."""
    kernels = Kernels(folder(), print)
    rows: list[tuple[float, list[object]]] = []
    for name, (function, inputs) in calls().items():
        call: Callable[..., Any] = function
        kernels(call, *inputs)
        times = [
            (milliseconds(call, *inputs), milliseconds(kernels, call, *inputs))
            for _ in range(ROUNDS)
        ]
        pair = Pair(*zip(*times, strict=True))
        rows.append((statistics.median(pair.plain), [name, *pair.cells(".2f")]))
    return [row for _, row in sorted(rows, key=lambda pair: -pair[0])]


def main() -> None:
    if trouble := Builder(folder()).complete():
        raise UserError(f"the functions that draw cannot be built: {trouble}")
    head = ("px", "classes", "plain, ms a frame", "built, ms a frame", "ratio", "PSNR, dB, worst")
    frames = table(head, [row for side in SIDES for row in frame_rows(side)])
    functions = table(("function", "plain, ms", "built, ms", "ratio"), function_rows())
    publish(
        "procedural",
        "# The embedded generator: plain torch and functions built to machine code\n\n"
        f"{machine()}.\n\n"
        f"{LATENTS} random blends each, drawn in both ways in turns; medians. PSNR is between the "
        f"two, of 8-bit pictures; 99 stands for more.\n\n{frames}\n\n"
        f"Each function alone, 256 px, medians of {ROUNDS} rounds:\n\n{functions}\n\n"
        "GPU: not run.",
    )


if __name__ == "__main__":
    main()

"""How fast a song becomes a film: times real time, part by part.

    python -m bench.offline

All rows are measured in one run, in turns, so that a busy machine slows all of them alike; each
figure is the median over rounds.
"""

import statistics
import tempfile
import time
from fractions import Fraction
from itertools import islice
from pathlib import Path

from bench.report import machine, publish, table
from demo.compose import compose, write
from render.film import Film
from render.timeline import latents_of
from synth.analysis.analyzer import Analyzer
from synth.audio_file import hops_of
from synth.constants import RATE
from synth.engine import Engine
from synth.generators import Generator
from synth.generators.biggan.generator import BigGan
from synth.generators.biggan.store import folded_model
from synth.generators.biggan.untrained import untrained
from synth.generators.procedural.choice import procedural_of
from synth.settings.preset import preset_of

FPS = Fraction(30)
ROUNDS = 3
SECONDS = 1.0  # of film that each generator draws in a round


def untrained_biggan() -> BigGan:
    """biggan-128 of the published shape with random weights, not compiled."""
    return BigGan("biggan-128", folded_model(untrained(128)))


def analysed(song: Path) -> float:
    """Share of real time that decoding and analysis take."""
    analyzer = Analyzer()
    samples = 0
    begun = time.perf_counter()
    for hop in hops_of(song):
        analyzer.hear(hop)
        samples += len(hop)
    return (time.perf_counter() - begun) / (samples / RATE)


def filmed(song: Path, generator: Generator, folder: Path) -> tuple[float, float]:
    """Seconds of drawing, and of the whole way, for SECONDS of film from the verse on."""
    engine = Engine(preset_of("reef").knobs, generator.embed)
    latents = latents_of(hops_of(song), engine, FPS, start=6.0)
    shown = list(islice(latents, round(SECONDS * FPS)))
    side = generator.resolution
    begun = time.perf_counter()
    pictures = [generator.frames([latent])[0].cpu().numpy() for latent in shown]
    drawn = time.perf_counter()
    with Film(folder / "bench.mp4", size=(side, side), fps=FPS, song=song) as film:
        for picture in pictures:
            film.frame(picture)
    return drawn - begun, time.perf_counter() - begun


def row_of(renderer: Generator, times: list[tuple[float, float]]) -> tuple[str, ...]:
    drawing = statistics.median(t[0] for t in times)
    whole = statistics.median(t[1] for t in times)
    kind = ", built" if renderer.name == "procedural" else ", untrained, not compiled"
    return (
        renderer.name + kind,
        f"{renderer.resolution}",
        f"{1000 * drawing / (SECONDS * FPS):.1f}",
        f"{SECONDS / drawing:.2f}",
        f"{SECONDS / whole:.2f}",
    )


def main() -> None:
    renderers: list[Generator] = [
        procedural_of(side, device="cpu", compiles="first", say=print) for side in (256, 512, 1024)
    ]
    renderers.append(untrained_biggan())
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        song = folder / "song.wav"
        write(song, compose())
        shares = []
        times: dict[int, list[tuple[float, float]]] = {k: [] for k in range(len(renderers))}
        for _ in range(ROUNDS):
            shares.append(analysed(song))
            for k, renderer in enumerate(renderers):
                times[k].append(filmed(song, renderer, folder))
    rows = [row_of(renderer, times[k]) for k, renderer in enumerate(renderers)]
    head = (
        "generator",
        "px",
        "ms a frame",
        "drawing, x real time",
        "drawing + encoding, x real time",
    )
    publish(
        "offline",
        f"# Offline rendering, 30 fps, preset `reef`\n\n{machine()}\n\n{table(head, rows)}\n\n"
        f"Decoding and analysis take {100 * statistics.median(shares):.1f} % of real time "
        f"({1 / statistics.median(shares):.0f} x real time). Median of {ROUNDS} rounds, all rows "
        "in turns in one run. GPU: not run.",
    )


if __name__ == "__main__":
    main()

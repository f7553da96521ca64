"""Keyframes for a song, as `lj score` sets it up."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from render import disk
from synth.errors import UserError

from .console import note
from .generator_setup import weights_hash
from .storyboard import Cell, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from precompute.clap import Clap
    from precompute.lyrics import Line, Lyrics
    from precompute.objective import Objective
    from precompute.task import Search
    from synth.generators.protocol import Renderer

_SIDE = 256  # pixels that the embedded generator draws for CLIP


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    song: Path
    lyrics: Path
    bank: Path | None
    sheet: Path | None
    clip: str | None
    sbert: str | None
    clap: str | None
    vibes: tuple[str, ...]
    vibes_file: Path | None
    phrases: str | None
    avoid: str | None
    steps: int
    samples: int
    restarts: int
    apart: bool
    consistency: float
    truncation: float
    seed: int


def keyframes(
    order: Order, generator: str | None, weights: Path | None, device: str, *, quiet: bool
) -> None:
    """Read, search, write, and say how it goes."""
    from precompute.lines import score_lines
    from precompute.task import Found
    from synth import generators
    from synth.latents.bank import SUFFIX

    assert order.bank is not None
    if order.bank.suffix != SUFFIX:
        raise UserError(f"{order.bank}: a bank's name ends in {SUFFIX}")
    if not order.bank.parent.is_dir():
        raise UserError(
            f"{order.bank}: the folder {order.bank.parent} does not exist; make it first"
        )
    how = _search(order)
    lines = _lines(order, quiet=quiet)
    name = generator or generators.DEFAULT
    where = generators.device_of(device)
    renderer = _renderer(name, weights, where)
    objective = _objective(order, where)
    about = {
        "generator": name,
        "weights": weights_hash(name, weights),
        "clip": objective.clip.name,
        "vibes": list(order.vibes),
        "seed": order.seed,
    }

    cells: list[Cell] = []

    def told(number: int, count: int, line: "Line", found: Found, kept: bool) -> None:
        was = "  (found before)" if kept else ""
        progress = f"{number + 1} of {count}  {found.start:.3f} → {found.score:.3f}"
        note(f"{progress}  {line.text}{was}", quiet=quiet)
        if order.sheet is not None:
            cells.append(Cell(line.text, line.time, found.start, found.score, found.picture))
            draw(cells, order.sheet)

    score_lines(lines, renderer, objective, how, order.bank, about, told)
    note(f"{order.bank}: {len(lines)} keyframes for {name}", quiet=quiet)


def write_look(order: Order, path: Path, *, quiet: bool) -> None:
    """A preset with the classes that go with the words."""
    from precompute.classes import classes_for
    from precompute.clip import DEFAULT, clip_of
    from precompute.sentences import sentences_of
    from synth.settings.imagenet import names

    if path.suffix != ".toml" or path.exists():
        raise UserError(f"{path}: name a new preset that ends in .toml")
    lines = _lyrics(order, quiet=quiet).lines
    reader = sentences_of(order.sbert) if order.sbert else clip_of(order.clip or DEFAULT)
    chosen = classes_for(lines, reader, _search(order).avoid)
    listed = "".join(f"  {number}, # {names()[number][0]}\n" for number in chosen)
    avoid = f"avoid = {json.dumps(_avoided(order))}\n" if order.avoid else ""
    sentence = json.dumps(f"What {order.lyrics.stem} sings of.", ensure_ascii=False)
    text = f"description = {sentence}\n\n[steer]\nclasses = [\n{listed}]\n{avoid}"
    disk.write(path, text.encode("utf-8", "replace"))
    note(f"{path}: {', '.join(names()[number][0] for number in chosen)}", quiet=quiet)


def _search(order: Order) -> "Search":
    from precompute.task import Search
    from synth.settings.imagenet import class_numbers

    return Search(
        steps=order.steps,
        samples=order.samples,
        restarts=order.restarts,
        apart=order.apart,
        consistency=order.consistency,
        truncation=order.truncation,
        seed=order.seed,
        avoid=tuple(number for name in _avoided(order) for number in class_numbers(name)),
    )


def _avoided(order: Order) -> list[str]:
    """Classes and groups as they were named."""
    return [name.strip() for name in (order.avoid or "").split(",") if name.strip()]


def _lines(order: Order, *, quiet: bool) -> "tuple[Line, ...]":
    """What is sung and, where CLAP listens, what is heard meanwhile."""
    if order.clap is None:
        return _lyrics(order, quiet=quiet).lines
    from precompute.clap import clap_of
    from precompute.lyrics import has_lyrics, unsung

    sung = order.lyrics != order.song or has_lyrics(order.song)
    lines = _lyrics(order, quiet=quiet).lines if sung else ()
    clap = clap_of(order.clap)
    heard = _heard(order.song, unsung(lines, *_form(order.song)), clap)
    return tuple(sorted((*lines, *heard), key=lambda line: line.time))


def _heard(song: Path, passages: "Sequence[Line]", clap: "Clap") -> "list[Line]":
    """Passages without words, and what they sound like."""
    from dataclasses import replace

    from synth.audio_file import hops_of
    from synth.constants import RATE

    samples = np.concatenate(list(hops_of(song)))
    found = []
    for passage in passages:
        begin, end = int(passage.time * RATE), int((passage.time + passage.duration) * RATE)
        scenes = clap.scenes_of(samples[begin:end])
        found.append(replace(passage, text=f"({scenes[0][0]})", heard=scenes))
    return found


def _lyrics(order: Order, *, quiet: bool) -> "Lyrics":
    from dataclasses import replace

    from precompute.lyrics import phrases, read_lyrics, spread

    lyrics = read_lyrics(order.lyrics)
    for sentence in lyrics.skipped:
        note(f"lj: {order.lyrics}: {sentence}; left out", quiet=quiet)
    if not lyrics.timed:
        lyrics = spread(lyrics, *_form(order.song))
    if order.phrases is not None:
        try:
            shortest, longest = (float(part) for part in order.phrases.split(","))
            if not 0 <= shortest <= longest < math.inf:
                raise ValueError
        except ValueError:
            raise UserError(f"--phrases is {order.phrases}; write MIN,MAX seconds: 2,8") from None
        lyrics = replace(lyrics, lines=phrases(lyrics.lines, shortest, longest))
    return lyrics


def _form(song: Path) -> tuple[float, list[float]]:
    """A song's length in seconds, and where its sections begin."""
    from synth.analysis.analyzer import Analyzer
    from synth.audio_file import hops_of

    analyzer, starts, section, seconds = Analyzer(), [], 0, 0.0
    for hop in hops_of(song):
        heard = analyzer.hear(hop)
        seconds = heard.time
        if heard.section != section:
            section = heard.section
            starts.append(heard.time)
    return seconds, starts


def _renderer(name: str, weights: Path | None, device: str) -> "Renderer":
    from precompute.rendering import Drawn
    from synth import generators

    family = generators.family_of(name)
    if family.search is not None:
        return family.search(name, weights, device)
    return Drawn(generators.generator_of(name, resolution=_SIDE, weights=weights, device=device))


def _objective(order: Order, device: str) -> "Objective":
    from precompute.clip import DEFAULT, clip_of
    from precompute.objective import Objective, vibes_of

    known = vibes_of(order.vibes_file)
    for name in order.vibes:
        if name not in known:
            raise UserError(f"--vibe {name}: there is none; use {', '.join(known)}")
    return Objective(clip_of(order.clip or DEFAULT, device), [known[name] for name in order.vibes])

"""Keyframes for a song, as `lj score` sets it up."""

import json
import math
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

    from .score import Settings

_SIDE = 256  # pixels that the embedded generator draws for CLIP


def keyframes(asked: "Settings", bank: Path) -> None:
    """Read, search, write the bank, and say how it goes."""
    from precompute.lines import score_lines
    from precompute.task import Found
    from synth import generators
    from synth.latents.bank import SUFFIX

    if bank.suffix != SUFFIX:
        raise UserError(f"{bank}: a bank's name ends in {SUFFIX}")
    if not bank.parent.is_dir():
        raise UserError(f"{bank}: the folder {bank.parent} does not exist; make it first")
    how = _search(asked)
    lines = _lines(asked)
    name = asked.generator or generators.DEFAULT
    where = generators.device_of(asked.device)
    renderer = _renderer(name, asked.weights, where)
    objective = _objective(asked, where)
    about = {
        "generator": name,
        "weights": weights_hash(name, asked.weights),
        "clip": objective.clip.name,
        "vibes": list(asked.vibe or ()),
        "seed": asked.seed,
    }

    cells: list[Cell] = []

    def told(number: int, count: int, line: "Line", found: Found, kept: bool) -> None:
        was = "  (found before)" if kept else ""
        progress = f"{number + 1} of {count}  {found.start:.3f} → {found.score:.3f}"
        note(f"{progress}  {line.text}{was}", quiet=asked.quiet)
        if asked.sheet is not None:
            cells.append(Cell(line.text, line.time, found.start, found.score, found.picture))
            draw(cells, asked.sheet)

    score_lines(lines, renderer, objective, how, bank, about, told)
    note(f"{bank}: {len(lines)} keyframes for {name}", quiet=asked.quiet)


def write_look(asked: "Settings", path: Path) -> None:
    """A preset with the classes that go with the words."""
    from precompute.classes import classes_for
    from precompute.clip import DEFAULT, clip_of
    from precompute.sentences import sentences_of
    from synth.settings.imagenet import names

    if path.suffix != ".toml" or path.exists():
        raise UserError(f"{path}: name a new preset that ends in .toml")
    lines = _lyrics(asked).lines
    reader = sentences_of(asked.sbert) if asked.sbert else clip_of(asked.clip or DEFAULT)
    chosen = classes_for(lines, reader, _search(asked).avoid)
    listed = "".join(f"  {number}, # {names()[number][0]}\n" for number in chosen)
    avoid = f"avoid = {json.dumps(_avoided(asked))}\n" if asked.avoid else ""
    sentence = json.dumps(f"What {asked.lyrics.stem} sings of.", ensure_ascii=False)
    text = f"description = {sentence}\n\n[steer]\nclasses = [\n{listed}]\n{avoid}"
    disk.write(path, text.encode("utf-8", "replace"))
    note(f"{path}: {', '.join(names()[number][0] for number in chosen)}", quiet=asked.quiet)


def _search(asked: "Settings") -> "Search":
    from precompute.task import Search
    from synth.settings.imagenet import class_numbers

    return Search(
        steps=asked.steps,
        samples=asked.samples,
        restarts=asked.restarts,
        apart=asked.apart,
        consistency=asked.consistency,
        truncation=asked.truncation,
        seed=asked.seed,
        avoid=tuple(number for name in _avoided(asked) for number in class_numbers(name)),
    )


def _avoided(asked: "Settings") -> list[str]:
    """Classes and groups as they were named."""
    return [name.strip() for name in (asked.avoid or "").split(",") if name.strip()]


def _lines(asked: "Settings") -> "tuple[Line, ...]":
    """What is sung and, where CLAP listens, what is heard meanwhile."""
    if asked.clap is None:
        return _lyrics(asked).lines
    from precompute.clap import clap_of
    from precompute.lyrics import has_lyrics, unsung

    sung = asked.lyrics != asked.song or has_lyrics(asked.song)
    lines = _lyrics(asked).lines if sung else ()
    clap = clap_of(asked.clap)
    heard = _heard(asked.song, unsung(lines, *_form(asked.song)), clap)
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


def _lyrics(asked: "Settings") -> "Lyrics":
    from dataclasses import replace

    from precompute.lyrics import phrases, read_lyrics, spread

    lyrics = read_lyrics(asked.lyrics)
    for sentence in lyrics.skipped:
        note(f"lj: {asked.lyrics}: {sentence}; left out", quiet=asked.quiet)
    if not lyrics.timed:
        lyrics = spread(lyrics, *_form(asked.song))
    if asked.phrases is not None:
        try:
            shortest, longest = (float(part) for part in asked.phrases.split(","))
            if not 0 <= shortest <= longest < math.inf:
                raise ValueError
        except ValueError as error:
            raise UserError(f"--phrases is {asked.phrases}; write MIN,MAX seconds: 2,8") from error
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


def _objective(asked: "Settings", device: str) -> "Objective":
    from precompute.clip import DEFAULT, clip_of
    from precompute.objective import Objective, vibes_of

    known = vibes_of(asked.vibes)
    for name in asked.vibe or ():
        if name not in known:
            raise UserError(f"--vibe {name}: there is none; use {', '.join(known)}")
    return Objective(
        clip_of(asked.clip or DEFAULT, device), [known[name] for name in asked.vibe or ()]
    )

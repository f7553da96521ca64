"""`lj hear`: what the instrument hears, as data or as a picture."""

import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np

    from synth.analysis.analyzer import Features
    from synth.latents.latent import Latent
    from synth.settings.knobs import Hear


class Way(StrEnum):
    """How to hear: knob `hear.way`."""

    CLASSIC = "classic"
    LEARNED = "learned"


def hear(
    song: Annotated[
        Path | None, typer.Argument(help="A sound file, or a video with sound.")
    ] = None,
    mic: Annotated[bool, typer.Option("--mic", help="Listen to an input, as live bars.")] = False,
    device: Annotated[
        str | None, typer.Option("--input", "-i", help="Input: a name, part of one, or a number.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The picture to write, .png.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object a hop on stdout.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option(
            help="True beats, a text file of seconds, one a line: tells F of the beats as they "
            "were predicted, within 70 ms, from 5 s on."
        ),
    ] = None,
    way: Annotated[Way, typer.Option(help="How to hear, as knob hear.way has it.")] = Way.CLASSIC,
    duration: Annotated[
        float | None,
        typer.Option(min=0.001, max=options.LONGEST, help="Seconds to hear; all when left out."),
    ] = None,
    quiet: options.QuietOption = False,
) -> None:
    """Show what is heard in a song: chroma, flux, onsets, beats and levels."""
    from synth.errors import UserError

    if mic:
        if against is not None:
            raise UserError("--against needs a song; leave out --mic, or --against")
        _follow(device, duration, _knobs(way), as_json=as_json)
        return
    if song is None:
        raise UserError("name a song, or listen to an input with --mic")
    if not as_json and output is None and against is None:
        raise UserError(
            "say what to do with what is heard: --json, or -o hear.png, or both, or --against"
        )
    try:
        if as_json or against is not None:
            _tell(_heard(song, duration, _knobs(way)), against, as_json=as_json)
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if output is not None:
        from render.hearing import check_name, draw_hearing, listen

        from .console import note

        check_name(output, song)
        draw_hearing(*listen(song, duration, _knobs(way)), output)
        note(f"{output}: what was heard", quiet=quiet)


def _knobs(way: Way) -> "Hear":
    from synth.settings.knobs import Hear

    return Hear.model_validate({"way": way.value})


def _tell(hops: "Iterator[Features]", truth: Path | None, *, as_json: bool) -> None:
    """Hops as JSON or not at all, and how well the beats agree with a file's, if one is given."""
    import json

    from .against import Against

    against = None if truth is None else Against.file(truth)
    for heard in hops:
        if as_json:
            print(json.dumps(row_of(heard)))
        if against is not None:
            against.hear(heard)
    if against is not None:
        print(json.dumps({"beats_f": round(against.f(), 4)}) if as_json else against.line())
    sys.stdout.flush()


def _heard(song: Path, duration: float | None, knobs: "Hear") -> "Iterator[Features]":
    from synth.analysis.analyzer import Analyzer
    from synth.audio_file import hops_of

    analyzer = Analyzer()
    for hop in hops_of(song):
        heard = analyzer.hear(hop, knobs)
        if duration is not None and heard.time > duration:
            break
        yield heard


def _follow(device: str | None, duration: float | None, knobs: "Hear", *, as_json: bool) -> None:
    """What an input sounds like, hop by hop or as bars, until Ctrl-C or the duration's end."""
    import json
    import queue
    import time

    from live.audio.microphone import Microphone
    from live.engine.analysis_thread import AnalysisThread
    from live.supervisor import Supervisor
    from synth.engine import Engine
    from synth.settings.knobs import Knobs

    from .bars import Bars

    def nothing(classes: "np.ndarray") -> "np.ndarray":
        return classes[:, :1]

    source = Microphone(device)
    analysis = AnalysisThread(source, Engine(Knobs(hear=knobs), nothing))
    hops: queue.SimpleQueue[Features] = queue.SimpleQueue()

    def told(_hop: "np.ndarray", _latent: "Latent") -> None:
        if analysis.engine.heard is not None and not analysis.trouble:
            hops.put(analysis.engine.heard)

    if as_json:
        analysis.after_hop = told
    supervisor = Supervisor()
    source.start(supervisor)
    analysis.start(supervisor)
    supervisor.start()
    begun = time.monotonic()
    try:
        with Bars(quiet=as_json) as bars:
            while duration is None or time.monotonic() - begun < duration:
                moment = analysis.moments.take(0.2)
                while not hops.empty():
                    print(json.dumps(row_of(hops.get())), flush=True)
                if moment is not None:
                    bars.show(moment.heard, moment.onsets, source.trouble)
    finally:
        source.stop()
        analysis.stop()
        supervisor.stop()


def row_of(heard: "Features") -> dict[str, object]:
    """One hop as plain values, rounded to what is meant; the names are a stable interface."""
    return {
        "time": round(heard.time, 6),
        "chroma": [round(float(c), 4) for c in heard.chroma],
        "flux": round(heard.flux, 4),
        "onset": heard.onset,
        "onset_time": round(heard.onset_time, 6),
        "beat_phase": round(heard.beat_phase, 4),
        "next_beat": round(heard.next_beat, 6),
        "bpm": round(heard.bpm, 3),
        "beat_in_bar": heard.beat_in_bar,
        "beat_confidence": round(heard.beat_confidence, 4),
        "kick": round(heard.kick, 4),
        "snare": round(heard.snare, 4),
        "hat": round(heard.hat, 4),
        "loudness": round(heard.loudness, 4),
        "bass": round(heard.bass, 4),
        "mid": round(heard.mid, 4),
        "treble": round(heard.treble, 4),
        "section": heard.section,
    }

"""`lj live`: the show, from microphone to window."""

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options

if TYPE_CHECKING:
    import numpy as np

    from live.engine.analysis_thread import Source
    from live.output.window import NoWindow, Window
    from live.output.writer_thread import Recording
    from live.report import Report
    from live.show import Show


def live(
    device: Annotated[
        str | None, typer.Option("--input", "-i", help="Input: a name, part of one, or a number.")
    ] = None,
    channels: Annotated[
        str | None, typer.Option(help="Which channels are heard, from 1: 1,2. The first two.")
    ] = None,
    rate: Annotated[int | None, typer.Option(help="44100, 48000 or 96000 Hz.")] = None,
    gain: Annotated[float, typer.Option(min=-60, max=60, help="Of the input, dB.")] = 0.0,
    file: Annotated[
        Path | None, typer.Option("--file", help="Play a song instead of listening.")
    ] = None,
    start: options.StartOption = 0.0,
    mute: Annotated[bool, typer.Option("--mute", help="Do not play the file aloud.")] = False,
    preset: options.PresetOption = options.DEFAULT_PRESET,
    settings: options.SetOption = None,
    generator: options.GeneratorOption = None,
    weights: options.WeightsOption = None,
    compute: options.DeviceOption = "auto",
    engine: options.EngineOption = "torch",
    precision: options.PrecisionOption = "auto",
    size: Annotated[
        str, typer.Option(help="auto steps down and up as time allows; or a side in pixels.")
    ] = "auto",
    ahead: Annotated[
        int, typer.Option(min=1, max=8, help="Frames drawn at once, foreseen: 1, 2 or 4.")
    ] = 1,
    monitor: Annotated[int, typer.Option(help="Full screen on this one; see `lj devices`.")] = 0,
    windowed: Annotated[str | None, typer.Option(help="In a window, such as 1280x720.")] = None,
    no_window: Annotated[bool, typer.Option("--no-window", help="Show nothing.")] = False,
    overlay: Annotated[bool, typer.Option(help="Begin with the overlay; H turns it.")] = True,
    osc: Annotated[
        str, typer.Option(help="Where OSC is heard, HOST:PORT; off hears none.")
    ] = "127.0.0.1:9000",
    osc_allow: Annotated[
        str | None,
        typer.Option(
            help="Who is heard: addresses, networks, 10.0.0.2,192.168.1.0/24. "
            "Needed where --osc is open to others."
        ),
    ] = None,
    osc_to: Annotated[
        list[str] | None,
        typer.Option(
            help="HOST:PORT of lamps or a logger, told every change and what is heard for ever. "
            "Again for more."
        ),
    ] = None,
    oscquery: Annotated[
        str,
        typer.Option(
            help="Where controllers find all knobs, HOST:PORT; off closes it. "
            "0.0.0.0:9001 opens it to others, with a token."
        ),
    ] = "127.0.0.1:9001",
    page: Annotated[
        bool,
        typer.Option("--page", help="Serve a control page there for phones and tablets, at /page."),
    ] = False,
    midi: Annotated[
        str, typer.Option(help="auto takes controllers that have a map; a port's name; or off.")
    ] = "auto",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="End after so long.")] = None,
    bank: options.BankOption = None,
    record: Annotated[
        Path | None, typer.Option(help="Record picture and sound while playing, .mp4.")
    ] = None,
    log: Annotated[
        Path | None,
        typer.Option(help="Write the session, NAME.ljlog; lj render plays it again."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what became of the show, .json.")
    ] = None,
    snapshot: Annotated[
        Path | None, typer.Option(help="Write the last picture on screen, .png.")
    ] = None,
    quiet: options.QuietOption = False,
) -> None:
    """Listen, and play the picture in a window."""
    from live.control.parameters import Parameters
    from live.show import Show
    from live.supervisor import Supervisor
    from synth.errors import UserError
    from synth.latents.keyframes import Cues
    from synth.settings.preset import is_file

    from .console import Said, code_lines, note
    from .generator_setup import Choice, bank_for, preset_with
    from .quality_ladder import beginning, ladder_for
    from .recordings import check_keepers, keepers_for
    from .servers import Servers, Wanted

    for path in (report, snapshot):
        if path is not None and not path.parent.is_dir():
            raise UserError(f"{path}: the folder {path.parent} does not exist; make it first")
    check_keepers(record, log)
    wanted = Wanted.of(osc, osc_allow, osc_to, oscquery, page, midi)
    look = preset_with(preset, settings, None)
    source = (
        _song(file, start, mute) if file is not None else _microphone(device, channels, rate, gain)
    )
    choice = Choice(generator, weights, compute, engine, precision)
    supervisor = Supervisor()
    say = partial(supervisor.faults.tell, "generator")
    ladder = ladder_for(choice, size, look.knobs.look.wide, say)
    keyframes = bank_for(bank, choice)
    first = beginning(ladder)
    parameters = Parameters(look, settings or [], Path(preset) if is_file(preset) else None)
    show = Show(
        source,
        parameters,
        first.generator,
        ladder,
        level=first.level,
        governs=size == "auto",
        ahead=ahead,
        cues=Cues(keyframes, follows=file is not None) if keyframes is not None else None,
        supervisor=supervisor,
    )
    show.overlay_on = overlay
    said = Said(supervisor, quiet=quiet)
    if first.trouble:
        supervisor.faults.tell("start", first.trouble)
    screen = _screen(show, no_window, monitor, windowed)
    servers = Servers(show, wanted)
    show.card = (servers.address, servers.code)
    show.farewells += [servers.close, said.close]
    note(
        f"hearing {source.name}; {first.generator.name} {first.generator.resolution} px, "
        f"{1000 * first.seconds:.0f} ms a frame; {look.name}",
        quiet=quiet,
    )
    for line in (*servers.lines, *code_lines(servers.code)):
        note(line, quiet=quiet)

    def recordings() -> "list[Recording]":
        return keepers_for(record, log, look, first.generator, follows=file is not None)

    try:
        outcome = show.run(screen, seconds, recordings=recordings, report=report)
        if snapshot is not None:
            _write_png(screen.screenshot(), snapshot)
    finally:
        servers.close()
        screen.close()
    _sum_up(outcome, report, quiet=quiet)
    if supervisor.left_behind:  # whoever waits for what hangs would hang too
        sys.stderr.flush()
        os._exit(0)


def _sum_up(outcome: "Report", report: Path | None, *, quiet: bool) -> None:
    from live.report import sentences

    from .console import note

    note(
        f"{outcome.frames_shown} frames shown, {outcome.frames_generated} drawn in "
        f"{outcome.seconds:.1f} s; {outcome.onsets_shown} of {outcome.onsets_heard} onsets shown; "
        f"{outcome.latency_ms['p50']:.0f} ms from sound to picture",
        quiet=quiet,
    )
    for fault in sentences(outcome.faults):
        note(f"fault: {fault}", quiet=quiet)
    if not outcome.written:
        note(f"fault: {report}: the report could not be written", quiet=quiet)


def _song(file: Path, start: float, mute: bool) -> "Source":
    from live.audio.file_player import Playback

    return Playback(file, start=start, aloud=not mute)


def _microphone(
    device: str | None, channels: str | None, rate: int | None, gain: float
) -> "Source":
    from live.audio.devices import RATES
    from live.audio.microphone import Microphone
    from synth.errors import UserError

    if rate is not None and rate not in RATES:
        raise UserError(f"--rate is {rate}; use {', '.join(map(str, RATES))}")
    picked = [part.strip() for part in channels.split(",")] if channels else []
    if not all(part.isdecimal() and int(part) > 0 for part in picked):
        raise UserError(f"--channels is {channels}; write numbers from 1, such as 1,2")
    numbers = [int(part) for part in picked]
    return Microphone(device, channels=numbers, rate=rate, gain=10 ** (gain / 20))


def _screen(
    show: "Show", no_window: bool, monitor: int, windowed: str | None
) -> "Window | NoWindow":
    from live.output.window import NoWindow, Place, Window
    from render.film import size_of

    if no_window:
        return NoWindow()
    place = Place(monitor, size_of(windowed) if windowed else None)
    window = Window(
        place,
        title="Latent Jockey",
        on_key=lambda key: show.key(window, key),
        tell=partial(show.supervisor.faults.tell, "window"),
    )
    return window


def _write_png(pixels: "np.ndarray", path: Path) -> None:
    from PIL import Image

    Image.fromarray(pixels).save(path)

"""`lj live`: the show, from microphone to window."""

import os
import sys
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options

if TYPE_CHECKING:
    import numpy as np

    from live.deck import Deck
    from live.engine.analysis_thread import Source
    from live.output.window import NoWindow, Window
    from live.report import Report
    from live.show import Show
    from synth.settings.preset import Preset

    from .generator_setup import Choice
    from .outputs import Outputs
    from .servers import Servers, Wanted


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that a show can be asked for."""

    device: Annotated[
        str | None, typer.Option("--input", "-i", help="Input: a name, part of one, or a number.")
    ] = None
    channels: Annotated[
        str | None, typer.Option(help="Which channels are heard, from 1: 1,2. The first two.")
    ] = None
    rate: Annotated[int | None, typer.Option(help="44100, 48000 or 96000 Hz.")] = None
    gain: Annotated[float, typer.Option(min=-60, max=60, help="Of the input, dB.")] = 0.0
    file: Annotated[
        Path | None, typer.Option("--file", help="Play a song instead of listening.")
    ] = None
    start: options.StartOption = 0.0
    mute: Annotated[bool, typer.Option("--mute", help="Do not play the file aloud.")] = False
    preset: options.PresetOption = options.DEFAULT_PRESET
    settings: options.SetOption = None
    generator: options.GeneratorOption = None
    weights: options.WeightsOption = None
    compute: options.DeviceOption = "auto"
    engine: options.EngineOption = "torch"
    precision: options.PrecisionOption = "auto"
    size: Annotated[
        str, typer.Option(help="auto steps down and up as time allows; or a side in pixels.")
    ] = "auto"
    ahead: Annotated[
        int, typer.Option(min=1, max=8, help="Frames drawn at once, foreseen: 1, 2 or 4.")
    ] = 1
    monitor: Annotated[int, typer.Option(help="Full screen on this one; see `lj devices`.")] = 0
    windowed: Annotated[str | None, typer.Option(help="In a window, such as 1280x720.")] = None
    no_window: Annotated[bool, typer.Option("--no-window", help="Show nothing.")] = False
    overlay: Annotated[bool, typer.Option(help="Begin with the overlay; H turns it.")] = True
    osc: Annotated[str, typer.Option(help="Where OSC is heard, HOST:PORT; off hears none.")] = (
        "127.0.0.1:9000"
    )
    osc_allow: Annotated[
        str | None,
        typer.Option(
            help="Who is heard: addresses, networks, 10.0.0.2,192.168.1.0/24. "
            "Needed where --osc is open to others."
        ),
    ] = None
    osc_to: Annotated[
        list[str] | None,
        typer.Option(
            help="HOST:PORT of lamps or a logger, told every change and what is heard for ever. "
            "Again for more."
        ),
    ] = None
    oscquery: Annotated[
        str,
        typer.Option(
            help="Where controllers find all knobs, HOST:PORT; off closes it. "
            "0.0.0.0:9001 opens it to others, with a token."
        ),
    ] = "127.0.0.1:9001"
    page: Annotated[
        bool,
        typer.Option("--page", help="Serve a control page there for phones and tablets, at /page."),
    ] = False
    midi: Annotated[
        str, typer.Option(help="auto takes controllers that have a map; a port's name; or off.")
    ] = "auto"
    seconds: Annotated[
        float | None, typer.Option(min=0.1, max=options.LONGEST, help="End after so long.")
    ] = None
    bank: options.BankOption = None
    out: Annotated[
        list[str] | None,
        typer.Option(help="Another output, KIND:TARGET; see `lj doctor`. Again for more."),
    ] = None
    record: Annotated[
        Path | None, typer.Option(help="Record picture and sound while playing, .mp4.")
    ] = None
    log: Annotated[
        Path | None,
        typer.Option(help="Write the session, NAME.ljlog; lj render plays it again."),
    ] = None
    report: Annotated[Path | None, typer.Option(help="Write what became of the show, .json.")] = (
        None
    )
    snapshot: Annotated[
        Path | None, typer.Option(help="Write the last picture on screen, .png.")
    ] = None
    quiet: options.QuietOption = False

    def check(self) -> None:
        """UserError for what would otherwise fail when the show is over."""
        from synth.errors import UserError

        for path in (self.report, self.snapshot):
            if path is not None and not path.parent.is_dir():
                raise UserError(f"{path}: the folder {path.parent} does not exist; make it first")
        if self.snapshot is not None and self.snapshot.suffix.lower() != ".png":
            raise UserError(f"{self.snapshot}: a picture's name ends in .png")
        if self.report is not None and self.report.is_dir():
            raise UserError(f"{self.report}: is a folder; name a file in it")
        self.outputs.check()

    @property
    def choice(self) -> "Choice":
        """The generator that was asked for."""
        from .generator_setup import Choice

        return Choice(self.generator, self.weights, self.compute, self.engine, self.precision)

    @property
    def outputs(self) -> "Outputs":
        """Where the show goes beside its window."""
        from .outputs import Outputs

        return Outputs.asked(self.out, self.record, self.log)

    @property
    def servers(self) -> "Wanted":
        """The servers that were asked for."""
        from .servers import Wanted

        return Wanted.of(self.osc, self.osc_allow, self.osc_to, self.oscquery, self.page, self.midi)


@options.taken_by(Settings)
def live(asked: Settings) -> None:
    """Listen, and play the picture in a window."""
    from live.show import Show

    from .console import Said
    from .generator_setup import preset_with
    from .servers import Servers

    asked.check()
    wanted, look = asked.servers, preset_with(asked.preset, asked.settings, None)
    deck, seconds, trouble = _deck(asked, look)
    show = Show(deck)
    show.panel.overlay_on = asked.overlay
    said = Said(deck.supervisor, quiet=asked.quiet)
    if trouble:
        deck.supervisor.faults.tell("start", trouble)
    screen = _screen(show, asked)
    servers = Servers(deck, wanted)
    show.panel.card, show.learn = (servers.address, servers.code), servers.learn
    show.farewells += [servers.close, said.close]
    show.sinks += servers.sinks
    _say_what_plays(asked, deck, seconds, servers)
    follows = asked.file is not None
    try:
        show.sinks += asked.outputs.sinks(deck.renderer.generator)
        outcome = show.run(
            screen,
            asked.seconds,
            recordings=lambda: asked.outputs.recordings(
                look, deck.renderer.generator, follows=follows
            ),
            report=asked.report,
        )
        if asked.snapshot is not None:
            _write_png(screen.screenshot(), asked.snapshot)
    finally:
        servers.close()
        screen.close()
        for _, sink in show.sinks:  # that were opened, and the show did not begin
            sink.close()
    _sum_up(outcome, asked)
    if deck.supervisor.left_behind:  # whoever waits for what hangs would hang too
        sys.stderr.flush()
        os._exit(0)


def _deck(asked: Settings, look: "Preset") -> "tuple[Deck, float, str]":
    """The instrument, the seconds of a frame, and why its generator is not the one asked for.

    Nobody else keeps the generator that it begins with, which may have to give way.
    """
    from live.deck import assembled
    from live.engine.ladder import Ladder
    from live.engine.parameters import Parameters
    from live.supervisor import Supervisor
    from synth.latents.keyframes import Cues
    from synth.settings.preset import is_file

    from .generator_setup import bank_for
    from .quality_ladder import beginning, ladder_for

    source, supervisor = _source(asked), Supervisor()
    say = partial(supervisor.faults.tell, "generator")
    steps = ladder_for(asked.choice, asked.size, look.knobs.look.wide, say)
    bank = bank_for(asked.bank, asked.choice)
    first = beginning(steps)
    playing = Path(asked.preset) if is_file(asked.preset) else None
    deck = assembled(
        source,
        Parameters(look, asked.settings or [], playing),
        Ladder(first.generator, steps, first.level),
        governs=asked.size == "auto",
        ahead=asked.ahead,
        cues=Cues(bank, follows=asked.file is not None) if bank is not None else None,
        supervisor=supervisor,
    )
    return deck, first.seconds, first.trouble


def _say_what_plays(asked: Settings, deck: "Deck", seconds: float, servers: "Servers") -> None:
    from .console import code_lines, note

    playing = (
        f"hearing {deck.source.name}; {deck.renderer.title} px, "
        f"{1000 * seconds:.0f} ms a frame; {deck.parameters.preset.name}"
    )
    for line in (playing, *servers.lines, *code_lines(servers.code)):
        note(line, quiet=asked.quiet)


def _sum_up(outcome: "Report", asked: Settings) -> None:
    from live.report import sentences

    from .console import note

    note(
        f"{outcome.frames_shown} frames shown, {outcome.frames_generated} drawn in "
        f"{outcome.seconds:.1f} s; {outcome.onsets_shown} of {outcome.onsets_heard} onsets shown; "
        f"{outcome.latency_ms['p50']:.0f} ms from sound to picture",
        quiet=asked.quiet,
    )
    for fault in sentences(outcome.faults):
        note(f"fault: {fault}", quiet=asked.quiet)
    if not outcome.written:
        note(f"fault: {asked.report}: the report could not be written", quiet=asked.quiet)


def _source(asked: Settings) -> "Source":
    """A song or a microphone."""
    from live.audio.devices import RATES
    from live.audio.file_player import Playback
    from live.audio.microphone import Microphone
    from synth.errors import UserError

    if asked.file is not None:
        return Playback(asked.file, start=asked.start, aloud=not asked.mute)
    if asked.rate is not None and asked.rate not in RATES:
        raise UserError(f"--rate is {asked.rate}; use {', '.join(map(str, RATES))}")
    picked = [part.strip() for part in asked.channels.split(",")] if asked.channels else []
    if not all(part.isdecimal() and int(part) > 0 for part in picked):
        raise UserError(f"--channels is {asked.channels}; write numbers from 1, such as 1,2")
    numbers = [int(part) for part in picked]
    return Microphone(asked.device, channels=numbers, rate=asked.rate, gain=10 ** (asked.gain / 20))


def _screen(show: "Show", asked: Settings) -> "Window | NoWindow":
    from live.output.window import NoWindow, Place, Window
    from render.film import size_of

    if asked.no_window:
        return NoWindow()
    place = Place(asked.monitor, size_of(asked.windowed) if asked.windowed else None)
    window = Window(
        place,
        title="Latent Jockey",
        on_key=lambda key: show.key(window, key),
        tell=partial(show.supervisor.faults.tell, "window"),
    )
    return window


def _write_png(pixels: "np.ndarray", path: Path) -> None:
    from PIL import Image

    from render import disk

    picture = BytesIO()
    Image.fromarray(pixels).save(picture, "PNG")
    disk.write(path, picture.getvalue())

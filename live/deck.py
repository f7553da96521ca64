"""One instrument on stage: what is heard, turned, drawn and kept, in one place."""

from collections.abc import Callable
from dataclasses import dataclass

from synth.engine import Engine
from synth.generators import Generator
from synth.latents.keyframes import Cues

from .engine.analysis_thread import AnalysisThread, Source
from .engine.ladder import Ladder
from .engine.parameters import Parameters
from .engine.render_thread import RenderThread
from .output.writer_thread import Recordings
from .supervisor import Supervisor


@dataclass(eq=False, slots=True)
class Deck:
    """What controllers may play, and all that a screen needs of it."""

    source: Source
    parameters: Parameters
    analysis: AnalysisThread
    renderer: RenderThread
    recordings: Recordings
    supervisor: Supervisor
    black: bool = False  # whether it shall be

    @property
    def engine(self) -> Engine:
        """The instrument that plays; another one where hearing had to begin anew."""
        return self.analysis.engine

    @property
    def frozen(self) -> bool:
        """Whether the picture is held."""
        return self.renderer.frozen

    @property
    def troubles(self) -> list[str]:
        """What is wrong at this moment, in words."""
        parts = self.source, self.analysis, self.parameters
        return [part.trouble for part in parts if part.trouble]

    def freeze(self, on: bool) -> None:
        """Hold the picture, or let it go on."""
        if on != self.renderer.frozen:
            self.renderer.frozen = on
            self.recordings.event({"hop": self.analysis.hops, "freeze": on})

    def blackout(self, on: bool) -> None:
        """Fade to black, or back."""
        if on != self.black:
            self.black = on
            self.recordings.event({"hop": self.analysis.hops, "blackout": on})

    def panic(self) -> None:
        """All as the preset has it, and a picture that moves."""
        self.freeze(False)
        self.blackout(False)
        self.parameters.reset()

    def start(self) -> None:
        """Hear, take turns of knobs, and draw; the source has begun before."""
        for part in (self.parameters, self.analysis, self.renderer):
            part.start(self.supervisor)

    @property
    def stops(self) -> tuple[Callable[[], None], ...]:
        """What ends its threads, side by side."""
        return self.source.stop, self.analysis.stop, self.renderer.stop, self.parameters.stop

    def play_on(self, generator: Generator) -> None:
        """Another generator draws: its classes are mixed, and a bank of another one waits."""
        self.analysis.play_on(generator.name, generator.embed)
        cues = self.engine.cues
        if cues is not None and not cues.bank.is_for(generator.name):
            made = cues.bank.about.get("generator")
            text = f"{generator.name} plays; the bank was made for {made} and waits"
            self.supervisor.faults.tell("cues", text)


def assembled(
    source: Source,
    parameters: Parameters,
    ladder: Ladder,
    *,
    governs: bool = True,
    ahead: int = 1,
    cues: Cues | None = None,
    supervisor: Supervisor | None = None,
) -> Deck:
    """A deck whose parts know each other.

    It steps down and up the ladder only if it `governs`; `ahead` frames are drawn in one batch.
    """
    recordings, generator = Recordings(), ladder.first
    parameters.tell = recordings.event
    analysis = AnalysisThread(
        source,
        Engine(parameters.preset.knobs, generator.embed, cues),
        parameters.before_hop,
        lambda hop, _: recordings.hop(hop),
        generator.name,
        recordings.event,
    )
    renderer = RenderThread(analysis.moments, ladder, governs=governs, ahead=ahead)
    deck = Deck(source, parameters, analysis, renderer, recordings, supervisor or Supervisor())
    renderer.changed = deck.play_on
    deck.play_on(generator)
    return deck

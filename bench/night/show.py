"""The show that is played a whole night: real parts, and a string to pull at each.

    python -m bench.night.show FOLDER

reads one JSON object a line, `{"do": NAME, ...}`, and answers each with one. The folder holds
`look.toml`, `cues.ljbank` and `given.json`; it takes the film, the log and the report.
"""

import json
import os
import resource
import shutil
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import glfw
import numpy as np

import live.engine.preset_files
from live.audio.microphone import Microphone
from live.deck import assembled
from live.engine.ladder import Ladder, Step
from live.engine.parameters import Parameters
from live.output.recorder import Recorder
from live.output.window import Place
from live.output.writer_thread import Recording, Writer
from live.show import Show
from live.supervisor import Supervisor
from lj.servers import Servers, Wanted
from synth import generators
from synth.engine import Engine
from synth.generators import Generator
from synth.latents.bank import Bank
from synth.latents.keyframes import Cues
from synth.latents.latent import Latent
from synth.session import SessionWriter
from synth.settings.preset import Preset, preset_of

from .measures import Digests
from .misbehaviour import Clock, Counted, Mood, Stuck, Unruly, Watched

SIDES = 256, 192  # of the embedded generator, pixels
SCREEN = 640, 360
FILES = 512  # that the show may have open
TITLE = "a whole night"
_STALE = 1.0  # seconds without a new picture after which the show is not well
_NOTICES = 200  # that are told apart
_PATIENCE = 60.0  # seconds that the show has to end once nobody asks any more

Answer = dict[str, Any]


class Stage:
    """A show and everything that can be done to it."""

    def __init__(self, folder: Path) -> None:
        given = json.loads((folder / "given.json").read_text("utf-8"))
        self.folder, self.small = folder, Path(given["small"]) if given["small"] else None
        self.clock, self.wall = Clock(time.monotonic), Clock(time.time)
        self.drawing, self.hearing, self.disk, self.reading = Mood(), Mood(), Mood(), Mood()
        self.supervisor = Supervisor(self.clock)
        self.said = self._overheard()
        look = folder / "look.toml"
        preset = preset_of(str(look))
        steps = [self._step(side) for side in SIDES]
        generator = steps[0].make()
        deck = assembled(
            Microphone("pulse"),
            Parameters(preset, [], look),
            Ladder(generator, steps),
            cues=Cues(Bank(folder / "cues.ljbank"), follows=False),
            supervisor=self.supervisor,
        )
        self.show = Show(deck)
        self.window = Watched(
            Place(windowed=SCREEN),
            title=TITLE,
            on_key=self._key,
            tell=partial(self.supervisor.faults.tell, "window"),
            holds=lambda: self.show.deck.renderer.frozen,
        )
        osc, http = (f"127.0.0.1:{given[door]}" for door in ("osc", "http"))
        midi = "auto" if given["midi"] else "off"
        self.digests = Digests()
        self._keep_hop, deck.analysis.after_hop = deck.analysis.after_hop, self._heard
        self.servers = Servers(self.show.deck, Wanted.of(osc, None, None, http, True, midi))
        self.servers._port.inbox._wall = self.wall
        self.show.farewells.append(self.servers.close)
        self.log = Counted(folder / "night.ljlog", _about(preset, generator), preset.knobs)
        self._thrown_away: Writer | None = None
        self._held: list[int] = []
        self._monitors: tuple[Any, Any] = glfw.get_monitors, glfw.get_primary_monitor
        self._size: Any = glfw.get_framebuffer_size
        self._misled()
        self.does: dict[str, Callable[..., Answer | None]] = {
            "addresses": self._addresses,
            "clock": partial(self._put_clock, self.clock),
            "context": self._lose_context,
            "descriptors": self._hold_descriptors,
            "draw": self.drawing.put,
            "end": self._end,
            "framebuffer": self._shrink,
            "hear": self.hearing.put,
            "keep": self._keep,
            "key": self._press,
            "kept": self._let_go_of_keeper,
            "monitors": self._unplug,
            "read": self.reading.put,
            "screen": self.window.mood.put,
            "status": self._status,
            "wall": partial(self._put_clock, self.wall),
        }

    def _overheard(self) -> dict[str, int]:
        """Every notice, and how often it was said."""
        said: dict[str, int] = {}
        say = self.supervisor.notices.say

        def overheard(text: str) -> None:
            if text in said or len(said) < _NOTICES:
                said[text] = said.get(text, 0) + 1
            say(text)

        self.supervisor.notices.say = overheard  # type: ignore[method-assign]
        return said

    def _step(self, side: int) -> Step:
        def made() -> Generator:
            real = generators.generator_of(
                "procedural",
                resolution=side,
                device="cpu",
                compiles="background",
                say=self.supervisor.notices.say,
            )
            return Unruly(real, self.drawing)

        return Step(f"procedural {side}", float(side * side), made)

    def _heard(self, hop: np.ndarray, latent: Latent) -> None:
        self._keep_hop(hop, latent)
        self.digests.add(latent)

    def _key(self, key: str) -> None:
        self.show.key(self.window, key)

    def _misled(self) -> None:
        """What has no object of its own is led astray at the module that has it."""
        hear, read = Engine.hear, preset_of

        def heard(engine: Engine, hop: np.ndarray, at: float | None = None) -> Latent:
            match self.hearing.now:
                case "raise":
                    raise RuntimeError("hearing was told to fail")
                case "hang":
                    self.hearing.hang()
            return hear(engine, hop, at)

        def parsed(name: str, *given: Any) -> Preset:
            if self.reading.now == "hang":
                self.reading.hang()
            return read(name, *given)

        Engine.hear = heard  # type: ignore[method-assign, assignment]
        live.engine.preset_files.preset_of = parsed  # type: ignore[attr-defined, assignment]

    # ---- the evening

    def run(self) -> Answer:
        """Play until the end is asked for; what became of it."""
        film = self.folder / "night.mp4"
        report = self.show.run(
            self.window,
            recordings=lambda: [Recorder(film, (SIDES[0], SIDES[0])), self.log],
            report=self.folder / "report.json",
        )
        self.window.close()
        return {
            "ended": report.ended,
            "report": report.values(),
            "hops": self.show.deck.analysis.hops,
            "hops_written": self.log.hops,
            "events_written": self.log.events,
            "digests": self.digests.found,
            "left_behind": self.supervisor.left_behind,
        }

    # ---- what is answered

    def answer(self, asked: dict[str, Any]) -> Answer:
        """Do one thing; what went wrong is an answer too."""
        try:
            return self.does[asked.pop("do")](**asked) or {}
        except Exception as error:  # the bench shall hear of it, and the show go on
            return {"error": f"{type(error).__name__}: {error}"}

    def _status(self) -> Answer:
        show, report = self.show, self.show.report()
        cues = show.deck.engine.cues
        return {
            "drawings": self.window.drawings.taken(),
            "pictures": self.window.pictures.taken(),
            "shown": report.frames_shown,
            "drawn": report.frames_generated,
            "screen_ms": report.screen_ms,
            "onsets_heard": report.onsets_heard,
            "onsets_shown": report.onsets_shown,
            "lost": report.drops,
            "hops": show.deck.analysis.hops,
            "cue": cues.playing if cues is not None else "",
            "preset": show.deck.parameters.preset.name,
            "plays_file": show.deck.parameters.playing is not None,
            "doors": self._counts(),
            "faults": [
                *((f.part, f.kind, f.count, f.latest) for f in self.supervisor.faults),
                *(("notice", text, count, text) for text, count in self.said.items()),
            ],
            "ill": list(self._ills()),
        }

    def _ills(self) -> list[str]:
        """What is not as it should be at this moment."""
        show, now = self.show, time.monotonic()
        troubles = {
            "input": show.deck.source.trouble,
            "hearing": show.deck.analysis.trouble,
            "preset": show.deck.parameters.trouble,
            "window": self.window.trouble if "opened anew" in self.window.trouble else "",
        }
        ills = [f"{part}: {trouble}" for part, trouble in troubles.items() if trouble]
        workers = [w for w in self.supervisor.workers if w.name != "main loop"]
        ills += [f"{worker.name} does not work" for worker in workers if not worker.alive]
        if now - self.window.pictures.last > _STALE:
            ills.append("no new pictures")
        if now - self.window.drawings.last > _STALE:
            ills.append("nothing is drawn")
        return ills

    def _counts(self) -> dict[str, int]:
        port = self.servers._port
        names = ("received", "dropped", "malformed")
        return {name: int(getattr(port, name, 0)) for name in names}

    def _addresses(self) -> Answer:
        address_space = self.servers._port.address_space
        return {"addresses": list(address_space.nodes), "presets": list(address_space.presets())}

    # ---- what is done

    def _put_clock(self, clock: Clock, more: float) -> None:
        clock.more = more

    def _press(self, key: str) -> None:
        self.window.errands.append(lambda: self._key(key))

    def _end(self) -> None:
        self.window.errands.append(lambda: self._key("escape"))

    def _lose_context(self) -> None:
        def lose() -> None:
            self.window._reset_status = lambda: 1

        self.window.errands.append(lose)

    def _unplug(self, there: bool) -> None:
        monitors, primary = self._monitors
        glfw.get_monitors = monitors if there else list
        glfw.get_primary_monitor = primary if there else _nobody  # type: ignore[assignment]

    def _shrink(self, there: bool) -> None:
        glfw.get_framebuffer_size = self._size if there else _nothing  # type: ignore[assignment]

    def _hold_descriptors(self, hold: bool) -> Answer:
        while self._held and not hold:
            os.close(self._held.pop())
        try:
            while hold:
                self._held.append(os.open(os.devnull, os.O_RDONLY))
        except OSError:
            pass  # that is all there are
        return {"held": len(self._held)}

    def _keep(self, how: str, seconds: float) -> None:
        """A file beside those that count, on a disk that will fail it."""
        self.disk.put("hang" if how == "hang" else "full", seconds)
        writer = Writer(self._keeper(how), self.supervisor)
        self._thrown_away = writer
        self.show.deck.recordings._writers.append(writer)

    def _keeper(self, how: str) -> Recording:
        if self.small is not None and how == "film":
            return Recorder(self.small / "small.mp4")
        if self.small is not None and how == "log":
            return SessionWriter(self.small / "small.ljlog", {}, self.show.deck.engine.knobs)
        return Stuck(self.folder / "stuck", self.disk)

    def _let_go_of_keeper(self) -> None:
        writer, self._thrown_away = self._thrown_away, None
        if writer is not None:
            writer.close()
            writer.ended.wait(5.0)
            self.show.deck.recordings._writers.remove(writer)
            writer.dismiss()
            for left in self.small.iterdir() if self.small is not None else ():
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _nobody() -> None:
    """No monitor."""


def _nothing(_window: object) -> tuple[int, int]:
    """The size of a window that is none."""
    return 0, 0


def _about(preset: Preset, generator: Generator) -> dict[str, object]:
    return {
        "generator": generator.name,
        "preset": preset.name,
        "follows": False,
        "start": None,
    }


def _limit_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES, most), most))


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print is no answer
    lock = threading.Lock()

    def say(answer: Answer) -> None:
        with lock:
            answers.write(json.dumps(answer) + "\n")

    stage = Stage(Path(sys.argv[1]))
    _limit_files()

    def listen() -> None:
        for line in sys.stdin:
            say(stage.answer(json.loads(line)))
        stage.answer({"do": "end"})  # whoever asked is gone
        time.sleep(_PATIENCE)
        os._exit(3)

    threading.Thread(target=listen, name="stage manager", daemon=True).start()
    say(stage.run())
    sys.stderr.flush()
    os._exit(0)  # what hangs is left behind, as `lj live` does


if __name__ == "__main__":
    main()

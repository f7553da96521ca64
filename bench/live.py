"""How late the picture is, stage by stage, and how many frames come.

    python -m bench.live

Plays the demo song in a real window, on a virtual screen where there is no other, with every
generator and size that this machine can draw; then measures the whole loop: a click goes into a
real sound server, and the clock stops when the window's pixels flash.
"""

import os
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from bench.report import machine, publish, table
from demo.compose import compose, write
from live.audio.file_player import Playback
from live.audio.microphone import Microphone
from live.deck import assembled
from live.engine.ladder import Ladder, Step
from live.engine.parameters import Parameters
from live.output.window import Place, Window
from live.report import Report
from live.show import Show
from synth.constants import HOP, RATE
from synth.generators import Generator
from synth.generators.biggan.generator import BigGan
from synth.generators.biggan.store import folded_model
from synth.generators.biggan.untrained import untrained
from synth.generators.procedural.choice import procedural_of
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from synth.settings.preset import Preset, preset_of
from tests.stage import SoundServer, as_s16, virtual_display

SECONDS = 10.0
SCREEN = (1280, 720)
SIDES = (256, 384, 512)
CLICKS = 40
AHEAD = (1, 2, 4)


def played(song: Path, generator: Generator, ahead: int = 1) -> Report:
    """One show of SECONDS at a fixed quality."""
    step = Step(generator.name, 1.0, lambda: generator)
    parameters = Parameters(preset_of("reef"), [], None)
    source = Playback(song, aloud=False)
    show = Show(
        assembled(source, parameters, Ladder(generator, [step]), governs=False, ahead=ahead)
    )
    window = Window(Place(windowed=SCREEN), title="bench", on_key=lambda _key: None)
    try:
        return show.run(window, SECONDS)
    finally:
        window.close()


def drawn(generator: Generator, frames: int) -> None:
    """Draw once and throw away."""
    nothing = np.zeros(128, np.float32)
    generator.frames([Latent(nothing, nothing, 0.5)] * frames)


def row(generator: Generator, report: Report, ahead: int = 1) -> list[object]:
    def three(values: dict[str, float]) -> str:
        return " / ".join(f"{values[f'p{p}']:.0f}" for p in (50, 95, 99))

    stages = [three(report.stages_ms[name]) for name in ("wait", "draw", "show")]
    return [
        f"{generator.name} {generator.resolution}" + (f", {ahead} ahead" if ahead > 1 else ""),
        f"{report.frames_shown / report.seconds:.0f}",
        f"{report.frames_generated / report.seconds:.1f}",
        *stages,
        three(report.latency_ms),
        report.frames_late,
        report.frames_replaced,
        f"{report.onsets_shown} of {report.onsets_heard}",
    ]


class Flash:
    """A generator that is white while a drum pushes and black else: as fast as can be."""

    name, resolution, width, embedding_size = "flash", 64, 64, 128

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return classes[:, :128]

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        whites = [255 if latent.kick > 0.2 else 0 for latent in latents]
        return torch.stack([torch.full((64, 64, 3), w, dtype=torch.uint8) for w in whites])


class Watching(Window):
    """Notes when the middle of the screen turned bright."""

    def __init__(self) -> None:
        super().__init__(Place(windowed=(320, 180)), title="loop", on_key=lambda _key: None)
        self.flashes: list[float] = []
        self._bright = False

    def draw(self, fit: str, shade: float) -> bool:
        drawn = super().draw(fit, shade)
        bright = bool(self.screenshot()[90, 160, 0] > 128)
        if bright and not self._bright:
            self.flashes.append(time.monotonic())
        self._bright = bright
        return drawn


def loop() -> np.ndarray:
    """Seconds from a click's first sample entering the sound server to its flash on screen."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o700)
        server = SoundServer(folder)
        with patch.dict(os.environ, server.environment | {"PULSE_SOURCE": "pipe"}):
            server.start()
            try:
                return _looped(server)
            finally:
                server.stop()


def _looped(server: SoundServer) -> np.ndarray:
    knobs = Knobs.model_validate({"look": {"flash_limit": False}})
    parameters, flash = Parameters(Preset("flash", "", knobs), [], None), Flash()
    ladder = Ladder(flash, [Step("flash", 1.0, Flash)])
    show = Show(assembled(Microphone("pulse"), parameters, ladder, governs=False))
    show.panel.overlay_on = False
    window = Watching()
    struck: list[float] = []
    feeding = threading.Thread(target=_click, args=(server.fifo, struck), daemon=True)
    feeding.start()
    try:
        show.run(window, CLICKS + 3)
    finally:
        window.close()
    flashes = np.array(window.flashes)
    after = [flashes[flashes > t][0] - t for t in struck if (flashes > t).any()]
    return np.array([late for late in after if late < 0.9])


def _click(fifo: Path, struck: list[float]) -> None:
    """A click a second, written block by block in real time."""
    stream, click = np.random.RandomState(0), np.zeros(RATE, np.float32)
    click[:400] = 0.8 * stream.standard_normal(400) * np.exp(-np.arange(400) / 80)
    with fifo.open("wb", buffering=0) as pipe:
        due = time.monotonic()
        for number in range(CLICKS + 4):
            sound = click if number >= 2 else np.zeros_like(click)
            for begin in range(0, len(sound), HOP):
                time.sleep(max(0.0, due - time.monotonic()))
                if begin == 0 and number >= 2:
                    struck.append(time.monotonic())
                block = sound[begin : begin + HOP]
                try:
                    pipe.write(np.repeat(as_s16(block), 2).tobytes())
                except OSError:
                    return
                due += len(block) / RATE


def generators() -> Iterator[Generator]:
    """Everything that this machine can draw, BigGAN with random weights of the published shape."""
    for side in SIDES:
        yield procedural_of(side, device="cpu", compiles="first", say=print)
    for size in (128, 256, 512):
        yield BigGan(f"biggan-{size}", folded_model(untrained(size)), compiles="first")


@contextmanager
def display() -> Iterator[str]:
    """A name for the screen: the one that is there, or a virtual one."""
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        yield "the screen of this machine"
        return
    with virtual_display():
        yield "a virtual screen, drawn by the processor (llvmpipe)"


def main() -> None:
    with tempfile.TemporaryDirectory() as name, display() as screen:
        song = Path(name) / "song.wav"
        write(song, compose())
        rows = []
        for generator in generators():
            torch.compiler.reset()
            for ahead in AHEAD if generator.name == "biggan-128" else (1,):
                drawn(generator, ahead)  # compiles before the show
                rows.append(row(generator, played(song, generator, ahead), ahead))
        late = 1000 * loop()
    head = [
        "generator",
        "shown/s",
        "drawn/s",
        "wait, ms",
        "draw, ms",
        "show, ms",
        "sound to screen, ms",
        "late",
        "replaced",
        "onsets shown",
    ]
    loops = "\n".join(
        f"* {word}: {np.percentile(late, p):.0f} ms"
        for word, p in (("median", 50), ("p95", 95), ("p99", 99))
    )
    publish(
        "live",
        f"""# The live show: pace and latency

{machine()}; {screen}, window {SCREEN[0]}x{SCREEN[1]}.

{SECONDS:.0f} seconds of the demo song with each generator at a fixed size; procedural built,
BigGAN with random weights, compiled; *ahead* is the number of frames in a batch (`--ahead`).
Milliseconds are median / p95 / p99: *wait* from the hop's last sample in hand until drawing
begins, *draw* until the picture is in memory, *show* until the display has it.
*Late* frames came more than 100 ms after their sound, *replaced* ones were never shown.

{table(head, rows)}

## The whole loop

A click's first sample is written into a real sound server's source; the clock stops when the
window's pixels flash, with a generator that takes no time. {len(late)} clicks.

{loops}

GPU: not run.""",
    )


if __name__ == "__main__":
    main()

"""`lj doctor`: what is installed, what can be played, and why not."""

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata

import typer

from . import options

PACKAGES = ("torch", "aubio-ledfx", "av", "numpy", "pytorch-pretrained-biggan", "safetensors")
CODECS = ("libx264", "aac", "mp3", "flac", "vorbis", "opus", "alac", "pcm_s16le")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    what: str
    state: str
    good: bool
    needed: bool = True  # whether the program is unwell without it
    stage: bool = False  # whether a show is impossible without it


def doctor(as_json: options.JsonOption = False) -> None:
    """Check this machine; exit 1 when something that every show needs is missing."""
    from .console import print_json

    findings = list(examine())
    ready = all(f.good for f in findings if f.needed)
    missed = [f.what for f in findings if f.stage and not f.good]
    on_stage = ready and not missed
    if as_json:
        rows = [_row(f) for f in findings]
        print_json({"ready": ready, "stage_ready": on_stage, "findings": rows})
    else:
        for f in findings:
            mark = "ok" if f.good else "MISSING" if f.needed else "not ready"
            print(f"{mark:9}  {f.what:28}  {f.state}")
        print("ready" if ready else "not ready: see the lines marked MISSING")
        why = f" (look at: {', '.join(missed)})" if missed else ""
        print("the stage is ready" if on_stage else f"the stage is not ready{why}")
    if not ready:
        raise typer.Exit(1)


def _row(f: Finding) -> dict[str, object]:
    return {"what": f.what, "state": f.state, "good": f.good, "needed": f.needed}


def examine() -> Iterator[Finding]:
    """Every finding, in the order in which a person would ask."""
    yield Finding("Python", f"{platform.python_version()} at {sys.executable}", True)
    for package in PACKAGES:
        yield _package(package)
    yield _device()
    yield from _codecs()
    yield from _outputs()
    yield from _generators()
    yield _presets()
    yield from _stage()


def _package(name: str) -> Finding:
    try:
        return Finding(name, metadata.version(name), True)
    except metadata.PackageNotFoundError:
        return Finding(name, f"not installed; pip install {name}", False)


def _device() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("device", f"torch does not load ({error})", False)
    if torch.cuda.is_available():
        return Finding("device", torch.cuda.get_device_name(0), True)
    return Finding("device", f"CPU, {torch.get_num_threads()} threads (no NVIDIA GPU)", True)


def _codecs() -> Iterator[Finding]:
    try:
        from av.codec import codecs_available
    except ImportError as error:
        yield Finding("codecs", f"PyAV does not load ({error})", False)
        return
    for name in CODECS:
        known = name in codecs_available
        yield Finding(
            f"codec {name}", "here" if known else "not in this FFmpeg; reinstall av", known
        )


def _outputs() -> Iterator[Finding]:
    """What a show can be sent to with --out."""
    try:
        from live.output.kinds import KINDS
    except ImportError as error:
        yield Finding("outputs", f"do not load ({error})", False)
        return
    for kind in KINDS:
        lacking = kind.lacking()
        state = lacking or f"--out {kind.form}: {kind.sentence}"
        yield Finding(f"output {kind.name}", state, not lacking, needed=False)


def _generators() -> Iterator[Finding]:
    try:
        from synth import generators
    except ImportError as error:
        yield Finding("generators", f"do not load ({error})", False)
        return
    from synth.errors import UserError

    for name in generators.names():
        try:
            generator = generators.generator_of(name, resolution=256, device="cpu")
            yield Finding(f"generator {name}", f"usable, {generator.resolution} px", True)
        except (UserError, ImportError) as trouble:
            needed = name == generators.DEFAULT
            yield Finding(f"generator {name}", str(trouble), False, needed)


def _presets() -> Finding:
    from synth.errors import UserError
    from synth.settings.preset import preset_of, shipped

    try:
        looks = [preset_of(name) for name in shipped()]
    except UserError as trouble:
        return Finding("presets", str(trouble), False)
    return Finding("presets", f"{len(looks)} looks", bool(looks))


def _stage() -> Iterator[Finding]:
    """What a live show needs besides."""
    yield _input()
    yield from _screens()
    yield from _states()
    yield _speed()


def _states() -> Iterator[Finding]:
    from synth.generators import FAMILIES

    for family in FAMILIES:
        if family.state is not None:
            yield Finding(*family.state(), needed=False)


def _input() -> Finding:
    from live.audio.devices import chosen, inputs
    from synth.errors import UserError

    try:
        picked = chosen(inputs(), None)
    except UserError as trouble:
        return Finding("sound input", str(trouble), False, needed=False, stage=True)
    state = f"{picked.name}, {picked.channels} channels, {picked.rate:g} Hz"
    return Finding("sound input", state, True, needed=False, stage=True)


def _screens() -> Iterator[Finding]:
    from live.output.window import Place, Window, monitors
    from synth.errors import UserError

    try:
        there = monitors()
        window = Window(Place(windowed=(320, 180)), title="lj doctor", on_key=lambda _key: None)
    except UserError as trouble:
        yield Finding("screen", str(trouble), False, needed=False, stage=True)
        return
    found = "; ".join(there) or "no monitor"
    yield Finding("screen", found, bool(there), needed=False, stage=True)
    version = f"{window.version // 100}.{window.version // 10 % 10}, {window.renderer}"
    window.close()
    yield Finding("OpenGL", version, True, needed=False, stage=True)


def _speed() -> Finding:
    """Two seconds of the embedded generator at the size that the show would begin with."""
    from synth.errors import UserError

    try:
        from live.engine.quality import SLOWEST

        from .generator_setup import Choice
        from .quality_ladder import beginning, ladder_for

        ladder = ladder_for(Choice(None, None, "auto"), "auto", "off", lambda _notice: None)
        first = beginning(ladder)
    except (UserError, ImportError) as trouble:
        return Finding("speed", str(trouble), False, needed=False, stage=True)
    state = f"{1 / first.seconds:.0f} frames a second, {ladder[first.level].name}"
    return Finding("speed", state, first.seconds <= SLOWEST, needed=False, stage=True)

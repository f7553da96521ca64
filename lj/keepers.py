"""What a show shall leave on disk."""

import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from synth.generators import Generator
from synth.preset import Preset

if TYPE_CHECKING:
    from live.keep import Keeper

_VERSIONED = ("latent-jockey", "aubio-ledfx", "numpy", "torch")


def check_keepers(record: Path | None, log: Path | None) -> None:
    """Trouble where one of them cannot be written, before anything slow begins."""
    from live.record import check_film
    from synth.performance import check_new

    if record is not None:
        check_film(record)
    if log is not None:
        check_new(log)


def keepers_for(
    record: Path | None,
    log: Path | None,
    look: Preset,
    generator: Generator,
    *,
    follows: bool,
) -> "list[Keeper]":
    """A recorder, a performance writer, both or none; `follows`: cues come by the song's time."""
    from live.record import Recorder
    from synth.performance import PerformanceWriter

    keepers: list[Keeper] = []
    if record is not None:
        keepers.append(Recorder(record, (generator.width, generator.resolution)))
    if log is not None:
        keepers.append(
            PerformanceWriter(log, _about(look, generator) | {"follows": follows}, look.knobs)
        )
    return keepers


def _about(look: Preset, generator: Generator) -> dict[str, object]:
    return {
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in _VERSIONED},
        "generator": generator.name,
        "preset": look.name,
    }

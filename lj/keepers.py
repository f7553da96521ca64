"""What a show shall leave on disk."""

import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from synth.errors import Trouble
from synth.generators import Generator
from synth.settings.preset import Preset

if TYPE_CHECKING:
    from live.output.writer_thread import Keeper

_VERSIONED = ("latent-jockey", "aubio-ledfx", "numpy", "torch")


def check_keepers(record: Path | None, log: Path | None) -> None:
    """Trouble where one of them cannot be written, before anything slow begins."""
    from live.output.recorder import check_film
    from synth.session import check_new

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
    """A recorder, a session writer, both or none.

    `follows`: cues come by the song's time.
    Where one cannot be begun, nothing is left of the other, and Trouble says why.
    """
    from live.output.recorder import Recorder
    from synth.session import PerformanceWriter

    about = _about(look, generator) | {"follows": follows}
    begun: list[Keeper] = []
    try:
        if record is not None:
            begun.append(Recorder(record, (generator.width, generator.resolution)))
        if log is not None:
            begun.append(PerformanceWriter(log, about, look.knobs))
    except BaseException as error:
        for keeper in begun:
            keeper.discard()
        if not isinstance(error, OSError):
            raise
        place = record if not begun else log
        raise Trouble(f"{place}: cannot be written ({error.strerror or error})") from None
    return begun


def _about(look: Preset, generator: Generator) -> dict[str, object]:
    return {
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in _VERSIONED},
        "generator": generator.name,
        "preset": look.name,
    }

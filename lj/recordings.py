"""What a show shall leave on disk."""

import datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

from synth.errors import UserError
from synth.generators import Generator
from synth.settings.preset import Preset

if TYPE_CHECKING:
    from live.output.writer_thread import Recording

_VERSIONED = ("latent-jockey", "aubio-ledfx", "numpy", "torch")


def check_keepers(record: Path | None, log: Path | None) -> None:
    """UserError where one of them cannot be written, before anything slow begins."""
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
) -> "list[Recording]":
    """A recorder, a session writer, both or none.

    `follows`: cues come by the song's time.
    Where one cannot be begun, nothing is left of the other, and UserError says why.
    """
    from live.output.recorder import Recorder
    from synth.session import SessionWriter

    about = _about(look, generator) | {"follows": follows}
    begun: list[Recording] = []
    try:
        if record is not None:
            begun.append(Recorder(record, (generator.width, generator.resolution)))
        if log is not None:
            begun.append(SessionWriter(log, about, look.knobs))
    except BaseException as error:
        for recording in begun:
            recording.discard()
        if not isinstance(error, OSError):
            raise
        place = record if not begun else log
        raise UserError(f"{place}: cannot be written ({error.strerror or error})") from None
    return begun


def _about(look: Preset, generator: Generator) -> dict[str, object]:
    return {
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in _VERSIONED},
        "generator": generator.name,
        "preset": look.name,
    }

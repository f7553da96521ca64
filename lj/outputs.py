"""Where a show goes beside its window: outputs and recordings, as they were asked for."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, cast

from synth.errors import UserError
from synth.generators import Generator
from synth.settings.preset import Preset
from synth.sink import Sink, Takes

if TYPE_CHECKING:
    from live.output.writer_thread import Recording

_VERSIONED = ("latent-jockey", "aubio-ledfx", "numpy", "torch")


@dataclass(frozen=True, slots=True)
class Outputs:
    """What `--out`, `--record` and `--log` ask for."""

    outs: tuple[str, ...]  # as `--out` has them
    log: Path | None

    @classmethod
    def asked(cls, outs: Sequence[str] | None, record: Path | None, log: Path | None) -> "Outputs":
        """`--record` is short for an output of kind film."""
        films = (f"film:{record}",) if record is not None else ()
        return cls((*(outs or ()), *films), log)

    def check(self) -> None:
        """UserError where one of them cannot be had, before anything slow begins."""
        from live.output.kinds import kind_of
        from synth.session import check_new

        for out in self.outs:
            kind, target = kind_of(out)
            if lacking := kind.lacking():
                raise UserError(f"--out {out}: {lacking}")
            kind.check(target)
        if len(set(self.outs)) < len(self.outs):
            raise UserError("--out names the same output twice; name it once")
        if self.log is not None:
            check_new(self.log)

    def sinks(self, generator: Generator) -> Iterator[tuple[str, Sink]]:
        """Outputs that want the newest picture, by their names, each opened when it is asked for.

        UserError where one cannot be opened.
        """
        from live.output.kinds import kind_of

        for out in self.outs:
            kind, target = kind_of(out)
            if kind.takes is Takes.NEWEST:
                yield out, kind.open(target, (generator.width, generator.resolution))

    def recordings(self, look: Preset, generator: Generator, *, follows: bool) -> "list[Recording]":
        """Outputs that are recordings, opened, and the session's log.

        `follows`: cues come by the song's time.
        Where one cannot be begun, nothing is left of the others, and UserError says why.
        """
        from live.output.kinds import kind_of
        from synth.session import SessionWriter

        begun: list[Recording] = []
        place = ""
        try:
            for out in self.outs:
                kind, target = kind_of(out)
                place = target
                if kind.takes is Takes.QUEUED:
                    opened = kind.open(target, (generator.width, generator.resolution))
                    begun.append(cast("Recording", opened))
            if self.log is not None:
                place = str(self.log)
                about = _about(look, generator) | {"follows": follows}
                begun.append(SessionWriter(self.log, about, look.knobs))
        except BaseException as error:
            for recording in begun:
                recording.discard()
            if not isinstance(error, OSError):
                raise
            raise UserError(f"{place}: cannot be written ({error.strerror or error})") from error
        return begun


def _about(look: Preset, generator: Generator) -> dict[str, object]:
    return {
        "began": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": {name: metadata.version(name) for name in _VERSIONED},
        "generator": generator.name,
        "preset": look.name,
    }

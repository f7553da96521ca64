"""A long film in chunks, as `lj render` sets it up."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from synth import generators
from synth.generators import Generator
from synth.settings.knobs import Knobs

from .console import Advance, note
from .generator_setup import Choice, generator_options

if TYPE_CHECKING:
    from render.song import Job, Outcome


class Farm:
    """A film that is planned: the one that was begun before, or a new one."""

    def __init__(
        self,
        job: "Job",
        generator: Generator,
        knobs: Knobs,
        choice: Choice,
        chunk: int,
        *,
        quiet: bool,
    ) -> None:
        from render import farm
        from render.parts import opened
        from render.song import expected_frames

        self._job, self._generator, self._choice = job, generator, choice
        self._say: Callable[[str], None] = lambda text: note(text, quiet=quiet)
        options = generator_options(choice, job.size, knobs.look, frames=expected_frames(job))
        options["weights"] = str(choice.weights.resolve()) if choice.weights else ""
        how = f"{choice.precision} {choice.engine}"
        inputs = farm.inputs_of(job, knobs, generator, _weights_file(choice), chunk=chunk, how=how)
        call = farm.call_of(job, options)
        self._manifest = opened(job, inputs, call, self._say)
        farm.plan(self._manifest, job, generator, knobs)

    @property
    def folder(self) -> Path:
        """Where the chunks stand."""
        return self._manifest.folder

    @property
    def chunks(self) -> int:
        """How many chunks the film has."""
        return len(self._manifest.chunks)

    @property
    def done(self) -> int:
        """Chunks that are finished."""
        return self.chunks - len(self._manifest.missing())

    def render(self, workers: int | None, ray: str | None, progress: Advance) -> "Outcome":
        """Render what is missing, here or on a Ray cluster, and join."""
        from render import farm
        from render.workers import devices_of, work_by

        if ray is not None:
            from render.cluster import work_on

            return farm.render_in_chunks(
                self._manifest, self._job, work_on(ray, self._say), progress
            )
        devices = devices_of(workers, self._choice.device)
        alone = len(devices) == 1
        here = farm.work_here(self._generator, self._job)
        work = here if alone else work_by(devices, self._say)
        return farm.render_in_chunks(self._manifest, self._job, work, progress)


def _weights_file(choice: Choice) -> Path | None:
    name = choice.name or generators.DEFAULT
    located = generators.family_of(name).weights
    return located(name, choice.weights) if located is not None else None

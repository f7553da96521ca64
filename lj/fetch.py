"""`lj fetch`: published BigGAN weights into the user's cache."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from synth import generators

from . import options
from .options import either

_FETCHED = [n for family in generators.FAMILIES if family.fetch for n in family.names]


def fetch(
    name: Annotated[str, typer.Argument(help=f"{either(_FETCHED)}.")],
    source: Annotated[
        list[str] | None,
        typer.Option("--from", help="Another address, with {file} where the file's name goes."),
    ] = None,
    quiet: options.QuietOption = False,
) -> None:
    """Download BigGAN-deep (about 200 MB); resumes where it broke off."""
    from synth.errors import UserError

    from .console import note

    if name not in _FETCHED:
        raise UserError(f"“{name}” has no weights to fetch; use {', '.join(_FETCHED)}")
    bring = generators.family_of(name).fetch
    assert bring is not None
    for address in source or []:
        if "{file}" not in address:
            raise UserError(f"--from {address}: put {{file}} where the file's name goes")
    with _download_bar(quiet) as progress:
        folder = bring(name, progress, tuple(source or ()))
    note(f"{name} is ready in {folder}", quiet=quiet)


@contextmanager
def _download_bar(quiet: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """A bar for each file, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    console = Console(stderr=True, quiet=quiet)
    with Progress(*columns, TransferSpeedColumn(), console=console) as progress:
        tasks = {}

        def advance(file: str, done: int, total: int | None) -> None:
            if file not in tasks:
                tasks[file] = progress.add_task(file, total=total)
            progress.update(tasks[file], completed=done, total=total)

        yield advance

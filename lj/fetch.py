"""`lj fetch`: published BigGAN weights into the user's cache."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from . import options


def fetch(
    name: Annotated[str, typer.Argument(help="biggan-128, biggan-256 or biggan-512.")],
    source: Annotated[
        list[str] | None,
        typer.Option("--from", help="Another address, with {file} where the file's name goes."),
    ] = None,
    quiet: options.QuietOption = False,
) -> None:
    """Download BigGAN-deep (about 200 MB); resumes where it broke off."""
    from synth import generators
    from synth.errors import UserError
    from synth.generators.biggan.fetch import fetch as fetch_weights

    from .console import note

    choices = [n for n in generators.NAMES if n != generators.DEFAULT]
    if name not in choices:
        raise UserError(f"“{name}” has no weights to fetch; use {', '.join(choices)}")
    for address in source or []:
        if "{file}" not in address:
            raise UserError(f"--from {address}: put {{file}} where the file's name goes")
    with _download_bar(quiet) as progress:
        folder = fetch_weights(name, progress, tuple(source or ()))
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

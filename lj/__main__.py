"""The `lj` command: sub-commands, and one sentence for every trouble."""

import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Annotated, Any

import typer

from live.keys import summary

from .devices import devices
from .doctor import doctor
from .export import export
from .fetch import fetch
from .hear import hear
from .live import live
from .osc_map import osc_map
from .presets import presets
from .render import render, render_chunk
from .score import score
from .sheet import sheet

_STOPS = ("SIGTERM", "SIGHUP")  # what keeps a film or a show as Ctrl-C does

app = typer.Typer(
    name="lj",
    help="Latent Jockey: play the latent space of a generative network with music.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


class _Stopped(BaseException):
    """Ctrl-C, as the command line hears it; Typer would end without a word."""


def _telling(command: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(command)
    def run(*words: Any, **options: Any) -> Any:
        try:
            return command(*words, **options)
        except KeyboardInterrupt:
            raise _Stopped from None

    return run


app.command(epilog=summary())(_telling(live))
for command in (
    render,
    render_chunk,
    score,
    sheet,
    hear,
    presets,
    devices,
    osc_map,
    fetch,
    export,
    doctor,
):
    app.command()(_telling(command))


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        print(f"lj {version('latent-jockey')}")
        raise typer.Exit


class _Causes:
    """Whether what an error came from is shown."""

    shown = False

    @classmethod
    def show(cls, wanted: bool) -> None:
        cls.shown = wanted


@app.callback()
def _front_door(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and end.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", callback=_Causes.show, help="Show where an error came from.")
    ] = False,
) -> None:
    pass


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _listen_for_stops() -> None:
    """Be stopped by other programs as by Ctrl-C; what `nohup` keeps away stays away."""
    for name in _STOPS:
        number = getattr(signal, name, None)  # Windows lacks some
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _open_streams() -> None:
    """Have all three standard streams, whatever they were begun with, and write any text to them.

    Where one is closed, the next file that is opened would take its place.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest that is free
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name) or open(number, "w", closefd=False)  # noqa: SIM115
        with suppress(AttributeError):  # a test's own stream
            stream.reconfigure(errors="backslashreplace")
        setattr(sys, name, stream)


def _check_folder() -> None:
    """UserError in a folder that was removed, which libraries end the process for."""
    from synth.errors import UserError

    try:
        os.getcwd()  # noqa: PTH109
    except OSError as error:
        raise UserError("the folder that you are in is gone; change to another one") from error


def _say(what: object) -> None:
    with suppress(OSError):  # the terminal may be gone
        if _Causes.shown and isinstance(what, BaseException):
            traceback.print_exception(what)
        print(f"lj: {what}", file=sys.stderr, flush=True)


def _close_stdout() -> None:
    """What was not written is written nowhere, also not by Python's own end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main() -> None:
    """Run the command line; a UserError is one sentence on stderr and exit status 1."""
    from synth.errors import UserError

    _open_streams()
    _listen_for_stops()
    try:
        _check_folder()
        try:
            app()
        finally:
            sys.stdout.flush()
    except UserError as trouble:
        _say(trouble)
        sys.exit(1)
    except BrokenPipeError:  # who read our output has seen enough
        _close_stdout()
        sys.exit(1)
    except OSError as error:
        if _Causes.shown:
            _say(error)
        _say(f"{error.filename or 'the output'}: {error.strerror or error}; look at that place")
        _close_stdout()
        sys.exit(1)
    except (KeyboardInterrupt, _Stopped):
        _say("stopped")
        sys.exit(130)


if __name__ == "__main__":
    main()

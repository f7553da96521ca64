"""`lj osc-map`: every OSC address, for people, programs and Open Stage Control."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from . import options


class Form(str, Enum):  # noqa: UP042 - typer shows the values of such an Enum
    """How the map is written."""

    MARKDOWN = "markdown"
    JSON = "json"
    OPEN_STAGE_CONTROL = "open-stage-control"


def osc_map(
    form: Annotated[Form, typer.Option("--format", "-f", help="What to write.")] = Form.MARKDOWN,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; else stdout.")
    ] = None,
) -> None:
    """Print the OSC map, or a session for Open Stage Control."""
    from live.control import layouts
    from render import disk

    write = {
        Form.MARKDOWN: layouts.markdown,
        Form.JSON: layouts.as_json,
        Form.OPEN_STAGE_CONTROL: layouts.open_stage_control,
    }[form]
    text = write(options.DEFAULT_PRESET)
    if output is None:
        print(text, end="")
        return
    disk.write(output, text.encode())

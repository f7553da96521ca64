"""`lj devices`: inputs and monitors, and which would be picked."""

import typer

from . import options


def devices(as_json: options.JsonOption = False) -> None:
    """List sound inputs and monitors."""
    from live.audio.devices import Input, chosen, inputs, loopback_help
    from live.output.window import monitors
    from synth.errors import UserError

    from .console import print_json

    troubles: list[str] = []
    there: list[Input] = []
    screens: list[str] = []
    picked = -1
    try:
        there = inputs()
        picked = chosen(there, None).number
    except UserError as trouble:
        troubles.append(str(trouble))
    try:
        screens = monitors()
    except UserError as trouble:
        troubles.append(str(trouble))
    if as_json:
        rows = [
            {
                "number": d.number,
                "name": d.name,
                "channels": d.channels,
                "rate": d.rate,
                "loopback": d.loopback,
                "picked": d.number == picked,
            }
            for d in there
        ]
        print_json({"inputs": rows, "monitors": screens, "troubles": troubles})
    else:
        for d in there:
            mark = "*" if d.number == picked else " "
            kind = "  (what this computer plays)" if d.loopback else ""
            print(f"{mark} input {d.number}  {d.name}  {d.channels} channels  {d.rate:g} Hz{kind}")
        for screen in screens:
            print(f"  monitor {screen}")
        for line in troubles:
            print(f"  {line}")
        print(loopback_help())
    if not there:
        raise typer.Exit(1)

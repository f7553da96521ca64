"""A MIDI controller that somebody plays for ever, on a JACK server.

python -m bench.night.controller
"""

import math
import time
from typing import Any

NAME = "nanoKONTROL2"  # has a map that comes with the program
_EVERY = 0.1  # seconds between two turns
_CONTROLS = range(4)
_SLOWEST = 7.0  # seconds of a turn to and fro


def plugged_in() -> Any:
    """Its port, once there is a server."""
    import mido

    while True:
        try:
            return mido.open_output(NAME, virtual=True, client_name=NAME)
        except Exception:  # the driver's errors are of many kinds; all mean: not yet
            time.sleep(0.5)


def main() -> None:
    import mido

    port = plugged_in()
    while True:
        now = time.monotonic()
        for control in _CONTROLS:
            turn = math.sin(2 * math.pi * now / (_SLOWEST + control))
            value = round(64 + 60 * turn)
            port.send(mido.Message("control_change", control=control, value=value))
        time.sleep(_EVERY)


if __name__ == "__main__":
    main()

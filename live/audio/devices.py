"""Which inputs there are, and which one a name means."""

import atexit
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synth.errors import UserError

_MISSING = (
    "sounddevice is not installed; pip install 'latent-jockey[live]', or play a file with --file"
)
RATES = (44100, 48000, 96000)
_LOOPBACKS = ("monitor", "loopback", "blackhole", "stereo mix", "vb-cable", "soundflower", "what u")
_HELP = {
    "linux": "To hear what this computer plays: PULSE_SOURCE=@DEFAULT_MONITOR@ lj live, or choose "
    "“Monitor of …” for lj in pavucontrol.",
    "darwin": "To hear what this computer plays: install BlackHole, send the sound to it, and "
    "choose it here.",
    "win32": "To hear what this computer plays: enable “Stereo Mix”, or install VB-CABLE, and "
    "choose it here.",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One device that can be heard."""

    number: int
    name: str
    channels: int
    rate: float  # Hz, its own choice
    default: bool

    @property
    def loopback(self) -> bool:
        """Whether it carries what the computer itself plays."""
        return any(word in self.name.lower() for word in _LOOPBACKS)


def check_installed() -> None:
    """Raise UserError where there is no library for sound; does not begin it."""
    if importlib.util.find_spec("sounddevice") is None:
        raise UserError(_MISSING)


def portaudio() -> Any:
    """The sounddevice module, or UserError that says what is missing.

    Its own farewell at exit closes streams, which waits for ever where a sound server hangs; the
    system closes them all the same.
    """
    try:
        import sounddevice
    except ImportError as error:
        raise UserError(_MISSING) from error
    except OSError as error:
        raise UserError(
            "the PortAudio library is missing; apt-get install libportaudio2, or play a file "
            "with --file"
        ) from error
    atexit.unregister(sounddevice._exit_handler)
    return sounddevice


def inputs() -> list[Input]:
    """Every device with input channels, as PortAudio numbers them."""
    sounddevice = portaudio()
    default = sounddevice.default.device[0]
    return [
        Input(
            number,
            str(device["name"]),
            int(device["max_input_channels"]),
            float(device["default_samplerate"]),
            number == default,
        )
        for number, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def chosen(devices: Sequence[Input], wanted: str | None) -> Input:
    """The input of a number, a name or a part of a name; the default one when none is wanted."""
    if not devices:
        raise UserError(
            "no sound input was found; plug one in, start the sound server, or play a file with "
            "--file"
        )
    if wanted is None:
        return next((d for d in devices if d.default), devices[0])
    numbered = [d for d in devices if wanted == str(d.number)]
    exact = [d for d in devices if wanted.lower() == d.name.lower()]
    part = [d for d in devices if wanted.lower() in d.name.lower()]
    found = numbered or exact or part
    if not found:
        names = ", ".join(d.name for d in devices)
        raise UserError(f"--input {wanted}: no such input; use one of {names}")
    if len(found) > 1:
        names = ", ".join(f"{d.number} {d.name}" for d in found)
        raise UserError(f"--input {wanted}: could be {names}; use the number")
    return found[0]


def loopback_help() -> str:
    """How to capture what the computer plays, on this system."""
    return _HELP.get(sys.platform, _HELP["linux"])

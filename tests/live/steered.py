"""A show that waits to be steered."""

from pathlib import Path

from live.audio.file_player import Playback
from live.control.address_space import AddressSpace
from live.engine.parameters import Parameters
from synth.settings.preset import preset_of
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp


def controls_in(folder: Path) -> AddressSpace:
    """The controls of a show that has not begun; its second of silence lies in `folder`."""
    song = sounds.write_wav(folder / "song.wav", sounds.silence(1))
    parameters = Parameters(preset_of("silk"), [], None)
    return AddressSpace(show_of(Playback(song, aloud=False), parameters, Lamp()).deck)

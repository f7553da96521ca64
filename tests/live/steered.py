"""A show that waits to be steered."""

from pathlib import Path

from live.audio.file_player import Playback
from live.control.address_space import Controls
from live.control.parameters import Desk
from live.show import Show
from synth.settings.preset import preset_of
from tests import sounds
from tests.doubles import Lamp


def controls_in(folder: Path) -> Controls:
    """The controls of a show that has not begun; its second of silence lies in `folder`."""
    song = sounds.write_wav(folder / "song.wav", sounds.silence(1))
    return Controls(
        Show(Playback(song, aloud=False), Desk(preset_of("silk"), [], None), Lamp(), [])
    )

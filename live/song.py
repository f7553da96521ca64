"""A file that plays as if it came from a microphone: in real time, and heard where it can be."""

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from synth.hop import HOP, RATE
from synth.sound import hops_of, song_of
from synth.trouble import Trouble

from .inputs import portaudio
from .ring import Ring

_AHEAD = 0.05  # seconds that may be decoded before they are due


class Playback:
    """Plays a song into a ring at the pace of the clock, and to the output if there is one."""

    def __init__(self, song: Path, *, start: float = 0.0, aloud: bool = True) -> None:
        song_of(song)
        self.name = song.name
        self.ring = Ring(RATE, 1)
        self.overflows = 0
        self.trouble = ""
        self.faults: list[str] = []
        self.ended = False
        self._song, self._start, self._aloud = song, start, aloud
        self._stop = threading.Event()
        self._player = threading.Thread(target=self._play, name="song", daemon=True)

    def start(self) -> None:
        self._player.start()

    def stop(self) -> None:
        self._stop.set()

    def _play(self) -> None:
        output = self._output() if self._aloud else None
        try:
            self._pace(output)
        except Trouble as trouble:
            self.trouble = str(trouble)
            self.faults.append(self.trouble)
        finally:
            self.ended = True
            if output is not None:
                output.abort()
                output.close()

    def _pace(self, output: Any) -> None:
        begun, skipped = time.monotonic(), round(self._start * RATE / HOP)
        for number, hop in enumerate(hops_of(self._song)):
            if number < skipped:
                continue
            due = begun + (number - skipped + 1) * HOP / RATE
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            if output is not None and output.write_available >= len(hop):
                output.write(hop[:, None])
            self.ring.write(hop[:, None])

    def _output(self) -> Any:
        """An open output; None where there is none, for a song may be played in silence."""
        try:
            sounddevice = portaudio()
            if sounddevice.default.device[1] < 0:
                return None
            stream = sounddevice.OutputStream(
                samplerate=RATE, channels=1, dtype="float32", latency=_AHEAD
            )
            stream.start()
            stream.write(np.zeros((round(_AHEAD * RATE), 1), np.float32))
        except Trouble:
            return None
        except Exception as error:  # PortAudio's errors are of many kinds; all mean: no output
            self.faults.append(f"no sound output ({str(error).splitlines()[0]})")
            return None
        return stream

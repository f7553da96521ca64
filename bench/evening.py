"""Half an hour on stage: does a show keep its pace and its memory?

    python -m bench.evening [SECONDS]

`lj live` listens to a real sound server, into which the demo song plays round and round, and draws
in a window on a virtual screen.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from bench.report import machine, publish
from demo.compose import compose, write
from synth.audio_file import hops_of
from synth.constants import HOP, RATE
from tests.stage import SoundServer, as_s16, virtual_display

SECONDS = 1800
_LOOK = 20.0  # seconds between two looks at the memory


def feed(fifo: Path, song: np.ndarray) -> None:
    """Play the song into the sound server, in real time, until nobody listens."""
    pcm = as_s16(song)
    with fifo.open("wb", buffering=0) as pipe:
        due = time.monotonic()
        while True:
            for begin in range(0, len(pcm), HOP):
                due = max(due, time.monotonic() - 0.1)  # what nobody took in time is not caught up
                time.sleep(max(0.0, due - time.monotonic()))
                try:
                    pipe.write(np.repeat(pcm[begin : begin + HOP], 2).tobytes())
                except OSError:
                    return
                due += HOP / RATE


def played(folder: Path, seconds: int) -> tuple[dict[str, Any], list[int]]:
    """The show's own report, and its memory in MB every _LOOK seconds."""
    write(folder / "song.wav", compose())
    server = SoundServer(folder)
    server.start()
    song = np.concatenate(list(hops_of(folder / "song.wav")))
    threading.Thread(target=feed, args=(server.fifo, song), daemon=True).start()
    report = folder / "report.json"
    words = ["--input", "pulse", "--windowed", "1280x720", "--preset", "reef", "--midi", "off"]
    words += ["--osc", "off", "--oscquery", "off", "--seconds", str(seconds)]
    memory: list[int] = []
    with virtual_display():
        show = subprocess.Popen(
            [sys.executable, "-m", "lj", "live", *words, "--report", str(report), "--quiet"],
            env=os.environ | server.environment | {"PULSE_SOURCE": "pipe"},
        )
        while show.poll() is None:
            time.sleep(min(_LOOK, seconds / 4))
            memory += _resident(show.pid)
    server.stop()
    told: dict[str, Any] = json.loads(report.read_text("utf-8"))
    return told, memory


def _resident(process: int) -> list[int]:
    try:
        lines = Path(f"/proc/{process}/status").read_text("utf-8").splitlines()
    except OSError:
        return []
    return [int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS")]


def tell(report: dict[str, Any], memory: list[int]) -> None:
    """Publish what became of it."""
    seconds, late = report["seconds"], report["latency_ms"]
    publish(
        "evening",
        f"""# Half an hour on stage

{machine()}; a virtual screen of 1280x720, drawn by the processor.

* {seconds:.0f} s, {report["frames_shown"]} frames shown ({report["frames_shown"] / seconds:.1f} a
  second), {report["frames_generated"]} drawn ({report["frames_generated"] / seconds:.1f} a second)
* {report["onsets_shown"]} of {report["onsets_heard"]} onsets shown
* sound to screen {late["p50"]:.0f} ms in the median, p95 {late["p95"]:.0f}, p99 {late["p99"]:.0f}
* {report["drops"]} samples lost, {len(report["faults"])} faults
* memory {memory[0]} MB at first, {memory[-1]} MB at last, {max(memory)} MB at most""",
    )


def main() -> None:
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o700)
        tell(*played(folder, seconds))


if __name__ == "__main__":
    main()

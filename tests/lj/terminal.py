"""The command as a person runs it: the installed wheel, outside the clone."""

import os
import subprocess
import sys
from pathlib import Path


class Terminal:
    """Runs `lj` in a folder of its own."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.folder = folder
        self._lj = [sys.executable, str(site / "bin" / "lj")]
        self._own = {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self._lj + list(words),
            cwd=self.folder,
            env=os.environ | self._own,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.start(*words) as process:
            try:
                out, err = process.communicate(timeout=200)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, out, err

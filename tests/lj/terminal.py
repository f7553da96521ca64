"""The command as a person runs it: the installed wheel, outside the clone."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Terminal:
    """Runs `lj` in a folder of its own."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.folder = folder
        self._lj = [sys.executable, str(site / "bin" / "lj")]
        self._own = {"PYTHONPATH": str(site), "XDG_CACHE_HOME": str(folder / "cache")}

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start it; `options` are subprocess.Popen's."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command, own = self._lj + list(words), os.environ | self._own
        return subprocess.Popen(command, cwd=self.folder, env=own, text=True, **(pipes | options))

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.start(*words) as process:
            try:
                out, err = process.communicate(timeout=200)
            except subprocess.TimeoutExpired:
                process.kill()
                raise
        return process.returncode, out, err

"""The command as a person runs it: the installed wheel, outside the clone."""

import os
import signal
import subprocess
import sys
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

from lj.__main__ import main


class Terminal:
    """Runs `lj` in a folder of its own."""

    def __init__(self, site: Path, folder: Path) -> None:
        self.folder = folder
        self._lj = [sys.executable, str(site / "bin" / "lj")]
        self._cache = {"XDG_CACHE_HOME": str(folder / "cache")}
        # no compiler: nothing is built behind what a test is about
        self._own = {"PYTHONPATH": str(site), "CXX": "no-such-compiler"} | self._cache
        self._started: list[subprocess.Popen[str]] = []

    def start(self, *words: str, **options: Any) -> subprocess.Popen[str]:
        """Start it; `options` are subprocess.Popen's."""
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        command, own = self._lj + list(words), os.environ | self._own
        process = subprocess.Popen(
            command, cwd=self.folder, env=own, text=True, **(pipes | options)
        )
        self._started.append(process)
        return process

    def close(self) -> None:
        """End what a failed test has left running."""
        for process in self._started:
            with process:
                process.kill()

    def run(self, *words: str) -> tuple[int, str, str]:
        process = self.start(*words)
        out, err = process.communicate(timeout=200)
        return process.returncode, out, err

    def here(self, *words: str) -> tuple[int, str, str]:
        """The clone's command in this process: torch and its like are imported once for all tests.

        What it changes in the process is put back; an error that it lets through is raised here.
        """
        signals = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
        out, err = StringIO(), StringIO()
        try:
            with (
                chdir(self.folder),
                patch.dict(os.environ, self._cache),
                patch.object(sys, "argv", ["lj", *words]),
                redirect_stdout(out),
                redirect_stderr(err),
            ):
                code = _exit_code()
        finally:
            for number, handler in signals.items():
                signal.signal(number, handler)
        return code, out.getvalue(), err.getvalue()


def _exit_code() -> int:
    try:
        main()
    except SystemExit as end:
        if end.code == 130:  # whoever stops the tests stops no command alone
            raise KeyboardInterrupt from end
        return int(end.code or 0)
    return 0

"""Chunks on every device of one machine: a process each, the generator loaded once in each.

A worker that dies or fails is told, and costs the chunk it was at. Told to stop, all stop at once
and keep what they have; when the process that started them is killed, none stays behind.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType

from synth.errors import UserError, cut

from . import farm
from .manifest import Manifest, read_manifest
from .parts import Say

_ATTEMPTS = 3  # deaths on a device, without a chunk done in between, until it is given up
_GRACE = 1.0  # seconds that a worker has to close its segment when it is told to stop
_FAREWELL = 10.0  # seconds that one has to end when nothing is left to do
_SIGNALS = ("SIGINT", "SIGHUP", "SIGTERM")


def devices_of(count: int | None, device: str) -> list[str]:
    """The devices to work on: every NVIDIA GPU, or the processor `count` times (once)."""
    import torch

    if device == "auto" and torch.cuda.is_available():
        return [f"cuda:{k}" for k in range(count or torch.cuda.device_count())]
    return [device] * (count or 1)


def work_by(devices: Sequence[str], say: Say = lambda _text: None) -> farm.Work:
    """One process for each device; `say` hears of those that are lost."""

    def work(manifest: Manifest, chunks: Sequence[int], done: farm.Told, _told: farm.Told) -> None:
        team = _Team(manifest, devices, say)
        try:
            team.work(chunks, done)
            team.part()
        finally:
            team.stop()

    return work


@dataclass
class _Worker:
    """A process, the way to it, whether it has its generator, and the chunk that it is at."""

    process: BaseProcess
    connection: Connection
    ready: bool = False
    number: int | None = None


class _Team:
    """The workers, one at most for each device, and what is left to do."""

    def __init__(self, manifest: Manifest, devices: Sequence[str], say: Say) -> None:
        self._manifest, self._devices, self._say = manifest, devices, say
        self._workers: dict[int, _Worker] = {}  # by the number of the device
        self._left: list[int] = []
        self._deaths = [0] * len(devices)  # on each, since a chunk was done there

    def work(self, chunks: Sequence[int], done: farm.Told) -> None:
        """Have every chunk rendered; UserError when workers die again and again on every device.

        Where the last of them failed, what it failed of is raised.
        """
        self._left = list(chunks)[::-1]
        while self._left or self._busy:
            self._hire()
            self._hand_out()
            ready = wait([worker.connection for worker in self._workers.values()])
            for place, worker in list(self._workers.items()):
                if worker.connection in ready:
                    self._hear(place, worker, done)

    def part(self) -> None:
        """Let workers go who have nothing left to do."""
        for worker in self._workers.values():
            worker.connection.close()
        self._wait(_FAREWELL)

    def stop(self) -> None:
        """End all that still run: asked first, so that they keep what they have, then killed."""
        try:
            for worker in self._workers.values():
                worker.process.terminate()
            self._wait(_GRACE)
        finally:
            for worker in self._workers.values():
                worker.process.kill()
                worker.process.join()
                worker.connection.close()

    def _wait(self, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        for worker in self._workers.values():
            worker.process.join(max(0.0, deadline - time.monotonic()))

    @property
    def _busy(self) -> int:
        """How many chunks are being rendered."""
        return sum(worker.number is not None for worker in self._workers.values())

    def _hire(self) -> None:
        """A worker on every device that has none, never more than chunks."""
        for place, device in enumerate(self._devices):
            if self._deaths[place] >= _ATTEMPTS or place in self._workers:
                continue
            if len(self._workers) < len(self._left) + self._busy:
                with _signals_held():  # else one that was just started might be forgotten
                    self._workers[place] = self._begun(device)

    def _begun(self, device: str) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        threads = max(1, (os.cpu_count() or 1) // len(self._devices))
        words = (self._manifest.folder.absolute(), device, threads, theirs)
        process = context.Process(target=_serve, args=words, name=f"lj worker on {device}")
        process.start()
        theirs.close()
        return _Worker(process, ours)

    def _hand_out(self) -> None:
        """A chunk for every worker that waits for one."""
        for worker in self._workers.values():
            if worker.ready and worker.number is None and self._left:
                worker.number = self._left.pop()
                with suppress(OSError):  # it has just died, and its connection tells so next
                    worker.connection.send(worker.number)

    def _hear(self, place: int, worker: _Worker, done: farm.Told) -> None:
        """A worker is ready for a chunk, has done one, has failed or has died."""
        try:
            said = worker.connection.recv()
        except (EOFError, OSError):
            self._lose(place, worker)
            return
        except Exception as error:  # what it failed of cannot be told here
            said = error
        if isinstance(said, UserError):  # what is asked for cannot be done by another one either
            raise said
        if isinstance(said, BaseException):
            self._lose(place, worker, said)
            return
        number, worker.number, worker.ready = worker.number, None, True
        if number is not None:
            self._deaths[place] = 0
            done(number)

    def _lose(self, place: int, worker: _Worker, error: BaseException | None = None) -> None:
        """A worker was killed, or failed; its chunk is made again."""
        del self._workers[place]
        worker.connection.close()
        worker.process.join(_GRACE)  # a device may hold it
        worker.process.kill()
        worker.process.join()
        if worker.number is not None:
            self._left.append(worker.number)
        self._deaths[place] += 1
        how = f"died with status {worker.process.exitcode}" if error is None else repr(error)
        if self._deaths[place] < _ATTEMPTS:
            self._say(f"{worker.process.name}: {cut(how)}; another one takes its place")
        elif any(deaths < _ATTEMPTS for deaths in self._deaths):
            self._say(f"{worker.process.name}: {cut(how)}; given up after {_ATTEMPTS} of them")
        elif error is not None:
            raise error
        else:
            raise UserError(
                f"{self._manifest.folder}: workers died {sum(self._deaths)} times, the last with "
                f"status {worker.process.exitcode}; is there memory enough?"
            )


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals wait meanwhile, here and in a process that is started, until it lets them in."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # starting it later would let signals in
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signals() -> set[signal.Signals]:
    return {getattr(signal, name) for name in _SIGNALS if hasattr(signal, name)}


def _serve(folder: Path, device: str, threads: int, connection: Connection) -> None:
    """In a worker: load the generator, then render what is asked for until nobody asks."""
    try:
        _obey()
        import torch

        torch.set_num_threads(threads)
        manifest = read_manifest(folder)
        job, generator = farm.job_of(manifest), farm.generator_of(manifest, device)
        connection.send(None)
        while True:
            number = connection.recv()
            farm.render_chunk(manifest, number, generator, job)
            connection.send(number)
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        pass
    except Exception as error:  # told where the person is
        error.add_note("".join(traceback.format_exception(error)))
        connection.send(error)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _obey() -> None:
    """Stop when the process that started this one says so, or is gone.

    Ctrl-C and hang-ups reach a whole group of processes: what they mean is for the first to say.
    """
    for number in _signals():
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _interrupt)
    threading.Thread(target=_outlived, daemon=True).start()
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _signals())


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _outlived() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)

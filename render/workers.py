"""Chunks on every device of one machine: a process each, the generator loaded once in each."""

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import Queue
from pathlib import Path

from synth.generators import Generator
from synth.trouble import Trouble

from . import farm
from .manifest import Manifest, read_manifest
from .song import Job

_ATTEMPTS = 3  # pools that may break before it is given up

_manifest: Manifest
_generator: Generator
_job: Job


def devices_of(count: int | None, device: str) -> list[str]:
    """The devices to work on: every NVIDIA GPU, or the processor `count` times (once)."""
    import torch

    if device == "auto" and torch.cuda.is_available():
        return [f"cuda:{k}" for k in range(count or torch.cuda.device_count())]
    return [device] * (count or 1)


def work_by(devices: Sequence[str]) -> farm.Work:
    """One process for each device."""

    def work(manifest: Manifest, chunks: Sequence[int], done: farm.Told, _told: farm.Told) -> None:
        left = list(chunks)
        for _ in range(_ATTEMPTS):
            try:
                _pool(manifest, left, devices, done)
                return
            except BrokenProcessPool:  # a worker was killed; its chunk is made again
                left = manifest.missing()
        raise Trouble(f"{manifest.folder}: workers died {_ATTEMPTS} times; is there memory enough?")

    return work


def _pool(
    manifest: Manifest, chunks: Sequence[int], devices: Sequence[str], done: farm.Told
) -> None:
    context = multiprocessing.get_context("spawn")
    names: Queue[str] = context.Queue()
    for device in devices:
        names.put(device)
    threads = max(1, (os.cpu_count() or 1) // len(devices))
    pool = ProcessPoolExecutor(
        len(devices), context, initializer=_begin, initargs=(manifest.folder, names, threads)
    )
    try:
        for future in as_completed([pool.submit(_chunk, number) for number in chunks]):
            done(future.result())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin(folder: Path, names: "Queue[str]", threads: int) -> None:
    """In a worker: load the generator."""
    global _manifest, _generator, _job  # noqa: PLW0603 - a pool's initializer has no other place
    import torch

    device = names.get()
    torch.set_num_threads(threads)
    _manifest = read_manifest(folder)
    _job = farm.job_of(_manifest)
    _generator = farm.generator_of(_manifest, device)


def _chunk(number: int) -> int:
    farm.render_chunk(_manifest, number, _generator, _job)
    return number

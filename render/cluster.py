"""Chunks on a Ray cluster: actors that load the generator once and send finished segments back.

A node that dies costs the chunks it was at; nodes that join are put to work. Nothing needs to be
shared but the program and, for BigGAN, its weights, which every node finds where the first does.
"""

import logging
import os
import secrets
import signal
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from synth.errors import UserError
from synth.generators import Generator
from synth.latents.latent import Latent

from . import disk, farm
from .manifest import Manifest
from .parts import Say
from .song import Job

_LOOK = 2.0  # seconds between two looks for nodes that joined
_CPUS = 2  # of a node without GPUs, for one actor at most
_ATTEMPTS = 5  # at one chunk, and at setting up an actor


def work_on(address: str, say: Say = lambda _text: None) -> farm.Work:
    """The work of a cluster: `auto` starts or finds one here, else its address."""

    def work(manifest: Manifest, chunks: Sequence[int], done: farm.Told, _told: farm.Told) -> None:
        ray = _ray(address)
        try:
            _Crew(ray, manifest, say).work(list(chunks), done)
        finally:
            ray.shutdown()

    return work


def _ray(address: str) -> Any:
    """Ray, connected; with a token of our own where it starts a cluster itself."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    if address == "auto":
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    with _own_signals():
        try:
            import ray
        except ImportError as error:
            raise UserError("ray is not installed; pip install 'latent-jockey[cluster]'") from error
        place = None if address == "auto" else address
        try:
            ray.init(address=place, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # Ray's errors are of many kinds; all mean: no cluster
            raise UserError(
                f"--ray {address}: cannot be reached ({_lines(error)[0]}); use auto, or HOST:PORT "
                "of a head and its RAY_AUTH_TOKEN"
            ) from error
    return ray


@contextmanager
def _own_signals() -> Iterator[None]:
    """What SIGTERM means stays as it is: Ray makes it an exit at once, that keeps nothing."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    except SystemExit as stop:
        if stop.code == signal.SIGTERM:  # Ray's own answer to it
            raise KeyboardInterrupt from stop
        raise UserError(
            "ray cannot be started here; its own log tells why; leave --ray out"
        ) from stop
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _lines(error: Exception) -> list[str]:
    """What an error of Ray's says, line by line; at least one."""
    said = str(error).replace(f"{UserError.__module__}.{UserError.__name__}: ", "")
    lines = [line.strip()[:200] for line in said.splitlines() if line.strip()]
    return lines or [type(error).__name__]


class Hand:
    """An actor's inside: one generator, one chunk after the other."""

    def __init__(self, manifest: Manifest, device: str) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="lj-")
        self._manifest = replace(manifest, folder=Path(self._folder.name))
        self._generator: Generator = farm.generator_of(manifest, device)

    def ready(self) -> bool:
        """Answers once the generator is loaded."""
        return True

    def render(self, number: int, begin: int, latents: Sequence[Latent], job: Job) -> bytes:
        """A chunk's segment, as bytes."""
        farm.render_latents(self._manifest, number, begin, latents, self._generator, job)
        segment = self._manifest.segment(number)
        data = segment.read_bytes()
        segment.unlink()
        return data


class _Crew:
    """Actors, what each is at, and what is left."""

    def __init__(self, ray: Any, manifest: Manifest, say: Say = lambda _text: None) -> None:
        self._ray, self._manifest, self._job = ray, manifest, farm.job_of(manifest)
        self._say = say
        self._left: list[int] = []
        self._stillborn, self._reason = 0, ""  # actors that died before they were ready, and why
        self._tries: dict[int, int] = {}
        self._coming: dict[Any, Any] = {}  # reference to being ready: actor
        self._idle: list[Any] = []
        self._busy: dict[Any, tuple[Any, int]] = {}  # reference: actor and chunk

    def work(self, chunks: list[int], done: farm.Told) -> None:
        """Render every chunk; UserError when one fails, or actors die, again and again."""
        self._left = chunks[::-1]
        while self._left or self._busy:
            self._hire()
            if not self._there:
                raise UserError(f"{self._lament}; has every node memory and weights?")
            while self._left and self._idle:
                self._give(self._idle.pop(), self._left.pop())
            ready, _ = self._ray.wait([*self._busy, *self._coming], timeout=_LOOK)
            for reference in ready:
                if reference in self._coming:
                    self._welcome(reference)
                else:
                    self._take(reference, done)

    @property
    def _there(self) -> int:
        """Actors that work, wait for work or load the generator."""
        return len(self._idle) + len(self._busy) + len(self._coming)

    @property
    def _lament(self) -> str:
        return (
            f"{self._stillborn} actors one after the other died while they loaded the generator "
            f"({self._reason})"
        )

    def _hire(self) -> None:
        """As many actors as the cluster has room for, never more than chunks.

        None any more after as many as `_ATTEMPTS` died while they loaded, and none was ready since.
        """
        if self._stillborn >= _ATTEMPTS:
            return
        nodes = [node["Resources"] for node in self._ray.nodes() if node["Alive"]]
        gpus = sum(int(node.get("GPU", 0)) for node in nodes)
        cpus = [int(node.get("CPU", 0)) for node in nodes if node.get("CPU", 0) >= 1]
        share = min([_CPUS, *cpus])  # what every node that works can give
        room = gpus or max(1, sum(count // share for count in cpus))
        wanted = min(room, len(self._left) + len(self._busy))
        for _ in range(wanted - self._there):
            needs = {"num_gpus": 1} if gpus else {"num_cpus": share}
            # Ray's own restarts would wait for room that another actor holds: a new one is hired.
            hand = self._ray.remote(max_restarts=0, max_task_retries=0, **needs)(Hand)
            actor = hand.remote(self._manifest, "cuda" if gpus else "cpu")
            self._coming[actor.ready.remote()] = actor

    def _welcome(self, reference: Any) -> None:
        """An actor is ready to work, or died before it was."""
        actor = self._coming.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            self._stillborn, self._reason = self._stillborn + 1, _lines(error)[-1]
            if self._stillborn == _ATTEMPTS and self._there:
                self._say(f"{self._lament}; going on without more")
            return
        self._stillborn = 0
        self._idle.append(actor)

    def _give(self, actor: Any, number: int) -> None:
        begin, latents = farm.latents_for(self._manifest, number)
        self._tries[number] = self._tries.get(number, 0) + 1
        reference = actor.render.remote(number, begin, latents, self._job)
        self._busy[reference] = (actor, number)

    def _take(self, reference: Any, done: farm.Told) -> None:
        actor, number = self._busy.pop(reference)
        try:
            data = self._ray.get(reference)
        except Exception as error:  # the node died, or the chunk failed: another hand tries
            if self._tries[number] >= _ATTEMPTS:
                raise UserError(
                    f"chunk {number} failed {_ATTEMPTS} times on the cluster ({_lines(error)[-1]})"
                ) from error
            self._ray.kill(actor)
            self._left.append(number)
            return
        segment = self._manifest.segment(number)
        disk.write(segment, data)
        self._idle.append(actor)
        done(number)

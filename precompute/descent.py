"""Two ways downhill, each with all its restarts at once: Adam and CMA-ES.

Both move a mixture of bases, after FuseDream (Xingchao Liu and others, 2021). Bases are noise
(restarts, bases, levels, 128) and embeddings (restarts, bases, e), the best start first; what is
found is noise (restarts, levels, 128) and embeddings (restarts, e).
"""

import math

import numpy as np
import torch
from torch import Tensor

from synth.latents.walk import SIZE, WALL

from .task import Task

_RATE = 0.03  # of Adam
_TREMBLE = 0.01  # latent noise, against solutions that stand on a needle
_HEAD_START = 3.0  # of the best start in Adam's mixture, before the softmax
_LEAN = 2.0  # the same where CMA-ES begins
_FREE = 24  # directions of its own that CMA-ES may take
_SPREAD, _OFFSPRING = 0.6, 8  # of CMA-ES
_PATIENCE = 40  # steps without a better score after which a search ends

Bases = tuple[Tensor, Tensor]
Ends = tuple[Tensor, Tensor]


class _Best:
    """The best of each restart so far."""

    def __init__(self, ends: Ends) -> None:
        count = len(ends[0])
        self.noise, self.embedding = (end.clone() for end in ends)
        self._scores = torch.full((count,), -math.inf, device=ends[0].device)
        self._since = torch.zeros(count, device=ends[0].device)

    def take(self, scores: Tensor, noise: Tensor, embedding: Tensor) -> bool:
        """Whether any restart may still find better."""
        better = scores > self._scores
        self._scores = torch.where(better, scores, self._scores)
        self._since = torch.where(better, 0.0, self._since + 1)
        self.noise = torch.where(better[:, None, None], noise, self.noise)
        self.embedding = torch.where(better[:, None], embedding, self.embedding)
        return bool((self._since <= _PATIENCE).any())


def adam(task: Task, bases: Bases) -> Ends:
    """Down the gradient; every number has a mixture of its own, and the bases move too."""
    moving = [base.clone().requires_grad_() for base in bases]
    mixtures = [torch.zeros_like(base).requires_grad_() for base in bases]
    for mixture in mixtures:
        mixture.data[:, 0] = _HEAD_START
    walk = torch.optim.Adam([*moving, *mixtures], lr=_RATE)
    trembling, changes = task.stream(2), task.stream(100)
    bound = WALL * task.how.truncation
    best = _Best((bases[0][:, 0], bases[1][:, 0]))
    for _ in range(task.how.steps):
        noise, embedding = (
            (mixture.softmax(1) * base).sum(1)
            for mixture, base in zip(mixtures, moving, strict=True)
        )
        noise = noise.clamp(-bound, bound)
        tremble = torch.randn(noise.shape, generator=trembling).to(noise.device)
        scores = task.score(noise + _TREMBLE * tremble, embedding, changes)
        if not best.take(scores.detach(), noise.detach(), embedding.detach()):
            break
        walk.zero_grad()
        (-scores.sum()).backward()
        walk.step()
    return best.noise, best.embedding


def evolve(task: Task, bases: Bases) -> Ends:
    """CMA-ES (Nikolaus Hansen) over the mixtures and a few directions of each restart's own."""
    import cma

    spaces = [
        _Space(task, noise, embedding, task.how.seed + 1 + number)
        for number, (noise, embedding) in enumerate(zip(*bases, strict=True))
    ]
    evolutions = [
        cma.CMAEvolutionStrategy(
            space.start, _SPREAD, {"seed": space.seed, "verbose": -9, "popsize": _OFFSPRING}
        )
        for space in spaces
    ]
    best = _Best(_stacked([space.latent(space.start) for space in spaces]))
    for _ in range(task.how.steps):
        asked = [evolution.ask() for evolution in evolutions]
        latents = [space.latent(x) for space, xs in zip(spaces, asked, strict=True) for x in xs]
        noise, embedding = _stacked(latents)
        scores = task.scores(noise, embedding).unflatten(0, (len(spaces), _OFFSPRING))
        for evolution, xs, values in zip(evolutions, asked, scores, strict=True):
            evolution.tell(xs, [-float(value) for value in values])
        tops = scores.max(1)
        leaders = tops.indices + _OFFSPRING * torch.arange(len(spaces))
        if not best.take(tops.values, noise[leaders], embedding[leaders]):
            break
        if all(evolution.stop() for evolution in evolutions):
            break
    return best.noise, best.embedding


class _Space:
    """What one restart of CMA-ES walks: shares of the bases, then its own directions."""

    def __init__(self, task: Task, noise: Tensor, embedding: Tensor, seed: int) -> None:
        self._noise, self._embedding, self.seed = noise, embedding, seed
        self._bound = WALL * task.how.truncation
        shape = (_FREE, task.how.levels, SIZE)
        free = np.random.RandomState(seed).standard_normal(shape) / math.sqrt(_FREE)
        self._directions = torch.from_numpy(free.astype(np.float32))
        self.start = np.zeros(2 * len(noise) + _FREE)
        self.start[0] = self.start[len(noise)] = _LEAN

    def latent(self, x: np.ndarray) -> tuple[Tensor, Tensor]:
        """Noise (levels, 128) and embedding (e,) of one place."""
        count = len(self._noise)
        numbers = torch.from_numpy(np.asarray(x, np.float32))
        mixed = torch.tensordot(numbers[:count].softmax(0), self._noise, 1)
        own = torch.tensordot(numbers[2 * count :], self._directions, 1)
        embedding = numbers[count : 2 * count].softmax(0) @ self._embedding
        return (mixed + own).clamp(-self._bound, self._bound), embedding


def _stacked(latents: list[tuple[Tensor, Tensor]]) -> Ends:
    noise, embedding = (torch.stack(part) for part in zip(*latents, strict=True))
    return noise, embedding

"""The search for a picture that means a line: many starts, the best few as bases, then descent.

After FuseDream: every number of noise and embedding is a mixture of the k best starts', and both
the mixture and the bases move. Where the generator gives gradients Adam walks; where not, CMA-ES
(Nikolaus Hansen) moves the mixture and a few directions of its own.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from synth.imagenet import CLASSES
from synth.walk import SIZE, WALL, truncated_normal

from .artists import Artist
from .guide import Guide

_RATE = 0.03  # of Adam
_TREMBLE = 0.01  # latent noise, against solutions that stand on a needle
_FREE = 24  # directions of its own that CMA-ES may take
_PATIENCE = 40  # steps without a better score after which a search ends
_TOGETHER = 16  # starts that are drawn at once
_JUDGED = 4  # seeds over which final scores are averaged


@dataclass(frozen=True, slots=True)
class Search:
    """How hard to look."""

    steps: int = 100
    samples: int = 64
    bases: int = 5
    restarts: int = 1
    truncation: float = 0.7
    seed: int = 0
    avoid: tuple[int, ...] = ()  # ImageNet classes that no start may have


@dataclass(frozen=True, slots=True)
class Found:
    """A keyframe."""

    noise: np.ndarray  # (128,) float32, within the walls times truncation
    embedding: np.ndarray  # (e,) float32
    truncation: float
    score: float  # AugCLIP
    start: float  # the score of the best start
    picture: np.ndarray  # (h, w, 3) uint8


def search(
    artist: Artist, guide: Guide, text: str, how: Search, before: Sequence[Found] = ()
) -> Found:
    """The best picture for a text; `before` are found ones that it may start from."""
    target = guide.target(text)
    noise, embedding = _starts(artist, how, before)
    scores = _scored(artist, guide, target, noise, embedding, how)
    best: tuple[float, Tensor, Tensor] | None = None
    order = scores.argsort(descending=True)
    first = _judged(artist, guide, target, noise[order[:1]], embedding[order[:1]], how)
    for restart in range(how.restarts):
        chosen = order[restart * how.bases :][: how.bases]
        if not len(chosen):
            break
        descend = _adam if artist.differentiable else _evolve
        ends = descend(artist, guide, target, noise[chosen], embedding[chosen], how, restart)
        score = _judged(artist, guide, target, ends[0][None], ends[1][None], how)
        if best is None or score > best[0]:
            best = (score, *ends)
    assert best is not None
    if best[0] < first:  # a search may only gain
        best = (first, noise[order[0]], embedding[order[0]])
    return _found(artist, best, first, how)


def _found(artist: Artist, best: tuple[float, Tensor, Tensor], first: float, how: Search) -> Found:
    score, noise, embedding = best
    with torch.no_grad():
        picture = artist.draw(noise[None], embedding[None], how.truncation)[0]
    levels = (picture * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    return Found(
        noise.cpu().numpy().astype(np.float32),
        embedding.cpu().numpy().astype(np.float32),
        how.truncation,
        score,
        first,
        levels.cpu().numpy(),
    )


def _starts(artist: Artist, how: Search, before: Sequence[Found]) -> tuple[Tensor, Tensor]:
    stream = np.random.RandomState(how.seed)
    noise = np.stack([truncated_normal(stream, SIZE) for _ in range(how.samples)]) * how.truncation
    allowed = np.setdiff1d(np.arange(CLASSES), how.avoid)
    classes = np.eye(CLASSES, dtype=np.float32)[stream.choice(allowed, how.samples)]
    embedding = artist.embed(classes)
    if before:
        noise = np.concatenate([noise, [found.noise for found in before]])
        embedding = np.concatenate([embedding, [found.embedding for found in before]])
    return tuple(  # type: ignore[return-value]
        torch.from_numpy(v.astype(np.float32)).to(artist.device) for v in (noise, embedding)
    )


def _stream(how: Search, salt: int) -> torch.Generator:
    return torch.Generator().manual_seed(how.seed * 7919 + salt)


@torch.no_grad()
def _scored(
    artist: Artist, guide: Guide, target: Tensor, noise: Tensor, embedding: Tensor, how: Search
) -> Tensor:
    """(n,) scores, every picture seen through the same changes."""
    scores = []
    for part in torch.arange(len(noise), device=noise.device).split(_TOGETHER):
        pictures = artist.draw(noise[part], embedding[part], how.truncation)
        scores += [guide.score(p[None], target, _stream(how, 1))[0] for p in pictures]
    return torch.stack(scores)


@torch.no_grad()
def _judged(
    artist: Artist, guide: Guide, target: Tensor, noise: Tensor, embedding: Tensor, how: Search
) -> float:
    """One latent's score through changes that no search has seen."""
    picture = artist.draw(noise, embedding, how.truncation)
    scores = [guide.score(picture, target, _stream(how, 1000 + k)) for k in range(_JUDGED)]
    return float(torch.stack(scores).mean())


def _adam(
    artist: Artist,
    guide: Guide,
    target: Tensor,
    noise: Tensor,
    embedding: Tensor,
    how: Search,
    restart: int,
) -> tuple[Tensor, Tensor]:
    bases = [v.clone().requires_grad_() for v in (noise, embedding)]
    mixtures = [torch.zeros_like(v).requires_grad_() for v in (noise, embedding)]
    for mixture in mixtures:
        mixture.data[0] = 3.0  # begins at the best start
    walk = torch.optim.Adam([*bases, *mixtures], lr=_RATE)
    stream, changes = _stream(how, 2 + restart), _stream(how, 100 + restart)
    bound, best, since = WALL * how.truncation, -math.inf, 0
    kept = (noise[0], embedding[0])
    for _ in range(how.steps):
        mixed = [(m.softmax(0) * b).sum(0) for m, b in zip(mixtures, bases, strict=True)]
        z = mixed[0].clamp(-bound, bound)
        trembling = z + _TREMBLE * torch.randn(SIZE, generator=stream).to(z.device)
        pictures = artist.draw(trembling[None], mixed[1][None], how.truncation)
        score = guide.score(pictures, target, changes)[0]
        since += 1
        if (value := float(score.detach())) > best:
            best, since, kept = value, 0, (z.detach().clone(), mixed[1].detach().clone())
        if since > _PATIENCE:
            break
        walk.zero_grad()
        (-score).backward()
        walk.step()
    return kept


def _evolve(
    artist: Artist,
    guide: Guide,
    target: Tensor,
    noise: Tensor,
    embedding: Tensor,
    how: Search,
    restart: int,
) -> tuple[Tensor, Tensor]:
    import cma

    count, seed = len(noise), how.seed + 1 + restart
    free = np.random.RandomState(seed).standard_normal((_FREE, SIZE)) / math.sqrt(_FREE)
    directions = torch.from_numpy(free.astype(np.float32))
    bound = WALL * how.truncation

    def latent(x: np.ndarray) -> tuple[Tensor, Tensor]:
        numbers = torch.from_numpy(np.asarray(x, np.float32))
        z = numbers[:count].softmax(0) @ noise + numbers[2 * count :] @ directions
        return z.clamp(-bound, bound), numbers[count : 2 * count].softmax(0) @ embedding

    start = np.zeros(2 * count + _FREE)
    start[0] = start[count] = 2.0
    options = {"seed": seed, "verbose": -9, "maxiter": how.steps, "popsize": 8}
    evolution = cma.CMAEvolutionStrategy(start, 0.6, options)
    best, since, kept = -math.inf, 0, latent(start)
    for _ in range(how.steps):
        if evolution.stop():
            break
        asked = evolution.ask()
        latents = [latent(x) for x in asked]
        z, e = (torch.stack(part) for part in zip(*latents, strict=True))
        scores = _scored(artist, guide, target, z, e, how)
        evolution.tell(asked, [-float(score) for score in scores])
        leader = int(scores.argmax())
        since += 1
        if float(scores[leader]) > best:
            best, since, kept = float(scores[leader]), 0, latents[leader]
        if since > _PATIENCE:
            break
    return kept

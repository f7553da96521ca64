"""The search for a picture that means a line: many starts, the best few as bases, then descent.

After FuseDream (Xingchao Liu and others, 2021): every number of noise and embedding is a mixture of
the k best starts', and both the mixture and the bases move.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synth.generators.protocol import Renderer
from synth.latents.walk import SIZE, truncated_normal
from synth.settings.imagenet import CLASSES

from .descent import Bases, adam, evolve
from .objective import Objective
from .task import Found, Search, Task


def search(
    renderer: Renderer, objective: Objective, aim: Tensor, how: Search, before: Sequence[Found] = ()
) -> Found:
    """The best picture for an aim (d,); `before` are found ones that it may start from."""
    task = Task(renderer, objective, aim, how)
    noise, embedding = _starts(renderer, how, before)
    order = task.scores(noise, embedding).argsort(descending=True)
    bases = _bases(noise, embedding, order, how)
    descend = adam if renderer.differentiable else evolve
    ends = descend(task, bases) if how.steps else (bases[0][:, 0], bases[1][:, 0])
    noise = torch.cat([noise[order[:1]], ends[0]])  # a search may only gain: the start stays in
    embedding = torch.cat([embedding[order[:1]], ends[1]])
    judged = task.judged(noise, embedding)
    best = int(judged.argmax())
    with torch.no_grad():
        picture = renderer.draw(noise[best][None], embedding[best][None], how.truncation)[0]
    levels = (picture * 255).round().clamp(0, 255).to(torch.uint8).permute(1, 2, 0)
    return Found(
        noise[best].cpu().numpy(),
        embedding[best].cpu().numpy(),
        how.truncation,
        float(judged[best]),
        float(judged[0]),
        levels.cpu().numpy(),
    )


def _bases(noise: Tensor, embedding: Tensor, order: Tensor, how: Search) -> Bases:
    """For each restart its own of the best starts: (restarts, bases, …)."""
    count = min(how.bases, len(order))
    restarts = min(how.restarts, len(order) // count)
    chosen = order[: restarts * count].reshape(restarts, count)
    return noise[chosen], embedding[chosen]


def _starts(renderer: Renderer, how: Search, before: Sequence[Found]) -> tuple[Tensor, Tensor]:
    stream = np.random.RandomState(how.seed)
    noise = np.stack([truncated_normal(stream, SIZE) for _ in range(how.samples)]) * how.truncation
    noise = np.repeat(noise[:, None], how.levels, 1)
    allowed = np.setdiff1d(np.arange(CLASSES), how.avoid)
    classes = np.eye(CLASSES, dtype=np.float32)[stream.choice(allowed, how.samples)]
    embedding = renderer.embed(classes)
    if before and how.consistency:
        noise = np.concatenate([noise, [found.noise for found in before]])
        embedding = np.concatenate([embedding, [found.embedding for found in before]])
    return tuple(  # type: ignore[return-value]
        torch.from_numpy(v.astype(np.float32)).to(renderer.device) for v in (noise, embedding)
    )

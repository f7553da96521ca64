"""The network learns from examples; one piece in 20 is kept apart to validate with."""

import csv
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

from .examples import HEADS

WIDTH, UNITS = 64, 96  # of the first layer, and of both recurrent ones
_BATCH = 32  # pieces
_STRETCH = 512  # hops through which errors are followed back
_RATE = 2e-3
_KEPT_APART = 20  # one piece in so many validates
_COUNTS = {"onset": 1.0, "beat": 2.0, "downbeat": 2.0, "kick": 1.0, "snare": 1.0, "hat": 1.0}


class Network(nn.Module):
    """Activations of the heads, as logits, from what is heard; causal."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(inputs))
        self.scale = nn.Buffer(torch.ones(inputs))
        self.first = nn.Linear(inputs, WIDTH)
        self.lower = nn.GRU(WIDTH, UNITS, batch_first=True)
        self.upper = nn.GRU(UNITS, UNITS, batch_first=True)
        self.told = nn.Linear(2 * UNITS, len(HEADS))

    def forward(
        self, heard: torch.Tensor, state: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
        """Logits (pieces, hops, heads) of (pieces, hops, inputs), and the state after them."""
        seen = torch.relu(self.first((heard - self.mean) * self.scale))
        lower, low_state = self.lower(seen, state[0] if state else None)
        upper, high_state = self.upper(lower, state[1] if state else None)
        return self.told(torch.cat([lower, upper], -1)), (low_state, high_state)


class Pieces:
    """All examples of a folder, in memory."""

    def __init__(self, files: list[Path]) -> None:
        loaded = [np.load(file) for file in files]
        self.heard = [torch.from_numpy(one["heard"]) for one in loaded]
        self.targets = [torch.from_numpy(one["targets"]) for one in loaded]
        self.weights = [torch.from_numpy(one["weights"]) for one in loaded]

    def batches(self, order: np.ndarray) -> Iterator[list[tuple[torch.Tensor, ...]]]:
        """Stretches of a batch of pieces, one after another: inputs, targets and weights."""
        for begin in range(0, len(order), _BATCH):
            rows = order[begin : begin + _BATCH]
            hops = min(len(self.heard[row]) for row in rows)
            wholes = (
                torch.stack([of[row][:hops] for row in rows])
                for of in (self.heard, self.targets, self.weights)
            )
            heard, targets, weights = wholes
            yield [
                (
                    heard[:, k : k + _STRETCH].float(),
                    targets[:, k : k + _STRETCH].float() / 255,
                    weights[:, k : k + _STRETCH].float() / 255,
                )
                for k in range(0, hops, _STRETCH)
            ]


def _loss(logits: torch.Tensor, targets: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Cross entropy of each head (heads,), over what counts."""
    raw = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
    mean: torch.Tensor = (raw * weights).sum((0, 1)) / weights.sum((0, 1)).clamp(min=1.0)
    return mean


def _epoch(
    network: Network,
    pieces: Pieces,
    order: np.ndarray,
    optimiser: torch.optim.Optimizer | None,
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None,
) -> np.ndarray:
    counts = torch.tensor([_COUNTS[head] for head in HEADS])
    found = []
    for stretches in pieces.batches(order):
        state = None
        for heard, targets, weights in stretches:
            with torch.set_grad_enabled(optimiser is not None):
                logits, (low, high) = network(heard, state)
                losses = _loss(logits, targets, weights)
            state = low.detach(), high.detach()
            found.append(losses.detach().numpy())
            if optimiser is not None:
                optimiser.zero_grad()
                (losses * counts).sum().backward()
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimiser.step()
        if schedule is not None:
            schedule.step()
    mean: np.ndarray = np.mean(found, 0)
    return mean


def train(folder: Path, epochs: int, seed: int = 0) -> None:
    """Learn; weights and losses of each epoch are written beside the examples.

    Records, not examples, tell which epoch is the best; see `bench.records`.
    """
    torch.manual_seed(seed)
    files = sorted(folder.glob("[0-9]*.npz"))
    apart = [file for k, file in enumerate(files) if k % _KEPT_APART == 0]
    pieces = Pieces([file for file in files if file not in apart])
    others = Pieces(apart)
    some = torch.cat(pieces.heard[:200]).float()
    network = Network(some.shape[1])
    network.mean.copy_(some.mean(0))
    network.scale.copy_(1 / some.std(0).clamp(min=0.05))
    optimiser = torch.optim.Adam(network.parameters(), _RATE)
    steps = epochs * -(-len(pieces.heard) // _BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, _RATE, steps)
    random = np.random.default_rng(seed)
    with (folder / "curve.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", "seconds", *HEADS, *(f"{head} apart" for head in HEADS)])
        begun = time.monotonic()
        for epoch in range(epochs):
            order = random.permutation(len(pieces.heard))
            losses = _epoch(network, pieces, order, optimiser, schedule)
            checked = _epoch(network, others, np.arange(len(others.heard)), None)
            seconds = round(time.monotonic() - begun)
            rows.writerow([epoch, seconds, *np.round(losses, 5), *np.round(checked, 5)])
            file.flush()
            print(epoch, seconds, np.round(losses, 4), np.round(checked, 4), flush=True)
            write(network, folder / f"epoch-{epoch:02}.safetensors")


def write(network: Network, to: Path) -> None:
    """The weights in half precision, with the inputs' scale folded into the first layer."""
    state = {name: value.detach().clone() for name, value in network.state_dict().items()}
    mean, scale = state.pop("mean"), state.pop("scale")
    state["first.weight"] = state["first.weight"] * scale
    state["first.bias"] = state["first.bias"] - state["first.weight"] @ mean
    halves = {name: value.to(torch.float16).contiguous() for name, value in state.items()}
    save_file(halves, to, {"heads": ",".join(HEADS)})

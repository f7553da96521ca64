"""The hand-over: every frame once, in order, the next batch begun before the last is used."""

from collections.abc import Sequence

import numpy as np
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from synth.generators.device_to_host import DeviceToHost, drawn_ahead
from synth.latents.latent import Latent


def latent(number: int) -> Latent:
    return Latent(np.full(128, number, np.float32), np.zeros(128, np.float32), 0.5)


class Numbered:
    """Draws a latent's number into its one pixel, and remembers when it was asked."""

    name, resolution, width, embedding_size = "numbered", 1, 1, 128

    def __init__(self) -> None:
        self.diary: list[str] = []

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return classes[:, :128]

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        numbers = [int(v.noises[0, 0]) for v in latents]
        self.diary.append(f"draw {numbers[0]}")
        return torch.tensor(numbers, dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 1, 3)


@given(st.lists(st.integers(1, 8), max_size=6))
def test_every_frame_comes_once_and_in_order(sizes: list[int]) -> None:
    numbers = iter(range(sum(sizes)))
    batches = [[latent(next(numbers)) for _ in range(size)] for size in sizes]
    came = list(drawn_ahead(Numbered(), batches))
    assert [len(batch) for batch in came] == sizes
    assert [int(v) for batch in came for v in batch[:, 0, 0, 0]] == list(range(sum(sizes)))


def test_the_next_batch_is_begun_before_the_last_is_used() -> None:
    generator = Numbered()
    for pictures in drawn_ahead(generator, [[latent(n)] for n in range(3)]):
        generator.diary.append(f"use {pictures[0, 0, 0, 0]}")
    assert generator.diary == ["draw 0", "draw 1", "use 0", "draw 2", "use 1", "use 2"]


def test_frames_on_the_host_are_not_copied() -> None:
    frames = torch.zeros(1, 2, 2, 3, dtype=torch.uint8)
    assert np.shares_memory(DeviceToHost().fetch(frames)(), frames.numpy())

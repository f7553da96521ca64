"""Frames from the device to the host, beside the device's work on the next ones."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

if TYPE_CHECKING:
    from synth.latents.latent import Latent

    from . import Generator


class DeviceToHost:
    """Copies frames to the host; from an NVIDIA GPU on a stream of its own."""

    def __init__(self) -> None:
        self._stream: torch.cuda.Stream | None = None

    def fetch(self, frames: Tensor) -> Callable[[], np.ndarray]:
        """Begin to copy uint8 (B, h, w, 3); the returned function waits and gives them."""
        if frames.device.type != "cuda":
            return frames.cpu().numpy
        stream = self._stream_on(frames.device)
        pinned = torch.empty(frames.shape, dtype=frames.dtype, pin_memory=True)  # torch keeps some
        copied = torch.cuda.Event()
        stream.wait_stream(torch.cuda.current_stream(frames.device))
        with torch.cuda.stream(stream):
            pinned.copy_(frames, non_blocking=True)
            frames.record_stream(stream)
            copied.record(stream)

        def host() -> np.ndarray:
            copied.synchronize()
            return pinned.numpy()

        return host

    def _stream_on(self, device: torch.device) -> torch.cuda.Stream:
        if self._stream is None or self._stream.device != device:
            self._stream = torch.cuda.Stream(device)
        return self._stream


def drawn_ahead(
    generator: "Generator", batches: "Iterable[Sequence[Latent]]"
) -> Iterator[np.ndarray]:
    """Pictures uint8 (B, h, w, 3) of batch after batch of latents.

    Each batch is asked for before the one before is waited for, so a GPU draws while the host
    does whatever it does with pictures.
    """
    device_to_host = DeviceToHost()
    coming: Callable[[], np.ndarray] | None = None
    for batch in batches:
        begun = device_to_host.fetch(generator.frames(batch))
        if coming is not None:
            yield coming()
        coming = begun
    if coming is not None:
        yield coming()

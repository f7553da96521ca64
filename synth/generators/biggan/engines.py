"""What runs the network: plain or compiled torch on any device, CUDA graphs on NVIDIA."""

import ctypes
import platform
import threading
from collections.abc import Callable
from typing import Literal, Protocol

import torch
from torch import Tensor

from .network import Network

Compiles = Literal["never", "first", "background"]
Say = Callable[[str], None]
Form = Callable[[Tensor, Tensor, Tensor], Tensor]  # Network.drawn, plain or compiled

BUCKETS = (1, 2, 4, 8)  # batches that are captured or compiled; others are filled up
_AGREEMENT = 30.0  # dB between the plain and the compiled form's 8-bit pictures


class Engine(Protocol):
    """Runs the network in batches of up to the largest bucket."""

    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        """uint8 (B, h, w, 3) from float32 conditions (B, blocks, 256) and truncations (B,)."""
        ...


def bucket_of(count: int) -> int:
    """The smallest bucket that holds `count` frames."""
    return next(bucket for bucket in BUCKETS if bucket >= count)


def filled(batch: Tensor, count: int) -> Tensor:
    """A batch whose last row is repeated until there are `count`."""
    return torch.cat([batch, batch[-1:].expand(count - len(batch), *batch.shape[1:])])


class TorchEngine:
    """The network as it is, until its compiled form is ready and was seen to agree."""

    def __init__(
        self, network: Network, device: torch.device, *, compiles: Compiles, say: Say
    ) -> None:
        _keep_large_blocks()
        self._network = network.eval().to(device)
        self._device, self._say = device, say
        self._compiles = compiles
        self._compiled: dict[int, Form] = {}
        self._begun: dict[int, threading.Thread] = {}

    @torch.no_grad()
    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        condition, truncation = condition.to(self._device), truncation.to(self._device)
        if self._compiles == "never":
            return self._network.frames(condition, truncation)
        count, bucket = len(condition), bucket_of(len(condition))
        condition, truncation = filled(condition, bucket), filled(truncation, bucket)
        if bucket not in self._begun:
            self._begin(condition, truncation)
        form = self._compiled.get(bucket, self._network.drawn)
        return form(condition, *self._network.statistics(truncation))[:count]

    @property
    def compiled(self) -> tuple[int, ...]:
        """Batches whose compiled form is in use."""
        return tuple(self._compiled)

    def wait(self) -> None:
        """Until every compilation that was begun has ended, well or not."""
        for thread in list(self._begun.values()):
            thread.join()

    def _begin(self, condition: Tensor, truncation: Tensor) -> None:
        work = threading.Thread(
            target=self._compile,
            args=(condition.clone(), truncation.clone()),
            name="compile",
            daemon=True,
        )
        self._begun[len(condition)] = work
        work.start()
        if self._compiles == "first":
            work.join()

    def _compile(self, condition: Tensor, truncation: Tensor) -> None:
        try:
            from torch._dynamo import config as tracing
            from torch._inductor import config as lowering

            form: Form = torch.compile(self._network.drawn, dynamic=False)
            # torch counts the forms of all networks and batches as recompilations of one method
            with (
                torch.no_grad(),
                tracing.patch(recompile_limit=256),
                lowering.patch(freezing=True),
            ):
                inputs = (condition, *self._network.statistics(truncation))
                made, wanted = form(*inputs), self._network.drawn(*inputs)
        except Exception as error:  # compilers fail in any way; the plain form goes on
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            self._say(f"compilation failed ({reason[:160]}); the plain form goes on")
            return
        if (agreement := psnr(made, wanted)) < _AGREEMENT:
            self._say(f"the compiled form differs ({agreement:.0f} dB); the plain form goes on")
            return
        self._compiled[len(condition)] = form


class CudaGraphEngine:
    """On NVIDIA: each bucket captured once as a CUDA graph and replayed without the host."""

    def __init__(
        self, network: Network, device: torch.device, *, compiles: Compiles, say: Say
    ) -> None:
        self._network = network.eval().to(device)
        self._device, self._say = device, say
        self._form: Form = (
            torch.compile(self._network.drawn, dynamic=False, mode="max-autotune-no-cudagraphs")
            if compiles == "first"
            else self._network.drawn
        )
        self._graphs: dict[int, _Graph] = {}

    @torch.no_grad()
    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        bucket = bucket_of(len(condition))
        if bucket not in self._graphs:
            self._graphs[bucket] = _Graph(
                self._drawn,
                filled(condition, bucket).to(self._device),
                filled(truncation, bucket).to(self._device),
            )
        return self._graphs[bucket].replay(condition, truncation)

    def _drawn(self, condition: Tensor, truncation: Tensor) -> Tensor:
        return self._form(condition, *self._network.statistics(truncation))


class _Graph:
    """One captured forward with its fixed memory."""

    def __init__(
        self, form: Callable[[Tensor, Tensor], Tensor], condition: Tensor, truncation: Tensor
    ) -> None:
        self._condition, self._truncation = condition, truncation
        warm = torch.cuda.Stream(condition.device)
        warm.wait_stream(torch.cuda.current_stream(condition.device))
        with torch.cuda.stream(warm):
            for _ in range(3):
                form(condition, truncation)
        torch.cuda.current_stream(condition.device).wait_stream(warm)
        self._graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self._graph):
            self._frames = form(condition, truncation)

    def replay(self, condition: Tensor, truncation: Tensor) -> Tensor:
        count = len(condition)
        self._condition[:count].copy_(condition.pin_memory(), non_blocking=True)
        self._truncation[:count].copy_(truncation.pin_memory(), non_blocking=True)
        self._graph.replay()
        return self._frames[:count].clone()  # the graph writes into the same memory again


class Handover:
    """Brings frames from the device to the host beside the next frames' work."""

    def __init__(self, device: torch.device) -> None:
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None
        self._pinned: Tensor | None = None

    def fetch(self, frames: Tensor) -> Callable[[], Tensor]:
        """Begin copying; the returned function waits for the end and gives a host tensor.

        The tensor is valid until the next `fetch`.
        """
        if self._stream is None:
            return lambda: frames
        if self._pinned is None or self._pinned.shape != frames.shape:
            self._pinned = torch.empty(frames.shape, dtype=frames.dtype, pin_memory=True)
        pinned, copied = self._pinned, torch.cuda.Event()
        self._stream.wait_stream(torch.cuda.current_stream(frames.device))
        with torch.cuda.stream(self._stream):
            pinned.copy_(frames, non_blocking=True)
            frames.record_stream(self._stream)
            copied.record(self._stream)

        def host() -> Tensor:
            copied.synchronize()
            return pinned

        return host


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures, dB."""
    error = (a.float() - b.float()).pow(2).mean()
    return float(10 * torch.log10(255**2 / error.clamp(min=1e-10)))


def _keep_large_blocks() -> None:
    """Let glibc keep what it was given: new pages for each layer cost more than some layers."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(-3, 1 << 30)  # M_MMAP_THRESHOLD
        libc.mallopt(-1, (1 << 31) - 1)  # M_TRIM_THRESHOLD

"""What runs the network: plain or compiled torch on any device, CUDA graphs on NVIDIA."""

import threading
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from synth.errors import UserError
from synth.memory import keep_large_blocks

from ..compiling import Compiles, Say, keep_compiled_code_private
from .network import Network

Drawn = Callable[[Tensor, Tensor, Tensor], Tensor]  # Network.drawn, plain or compiled
Form = Callable[[Tensor, Tensor], Tensor]  # the same from condition and truncation on any device

BUCKETS = (1, 2, 4, 8)  # batches that are captured or compiled; others are filled up
_CAPTURE = threading.Lock()  # beginning a capture waits for the device, which would break another
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
    """The network as it is, until its compiled form is ready and was seen to agree.

    On an NVIDIA GPU either form is captured as a CUDA graph, one for each bucket, so that a frame
    costs the host one launch.
    """

    def __init__(
        self, network: Network, device: torch.device, *, compiles: Compiles, say: Say
    ) -> None:
        keep_large_blocks()
        self._network = network.eval().to(device)
        self._device, self._say = device, say
        self._compiles = compiles if compiles == "never" else self._if_private(compiles)
        self._captures = device.type == "cuda"
        self._forms: dict[int, Form] = {}  # the one in use for each bucket
        self._compiled: list[int] = []
        self._begun: list[threading.Thread] = []

    def _if_private(self, compiles: Compiles) -> Compiles:
        try:
            keep_compiled_code_private()
        except UserError as trouble:
            self._say(f"{trouble}; the plain form goes on")
            return "never"
        return compiles

    @torch.no_grad()
    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        """uint8 (B, h, w, 3) of conditions (B, c) and truncations (B,)."""
        if self._compiles == "never" and not self._captures:
            return self._network.frames(condition.to(self._device), truncation.to(self._device))
        count, bucket = len(condition), bucket_of(len(condition))
        condition, truncation = filled(condition, bucket), filled(truncation, bucket)
        if bucket not in self._forms:
            self._forms[bucket] = self._ready(self._network.drawn, condition, truncation)
            if self._compiles != "never":
                self._begin(condition, truncation)
        return self._forms[bucket](condition, truncation)[:count]

    @property
    def compiled(self) -> tuple[int, ...]:
        """Batches whose compiled form is in use."""
        return tuple(self._compiled)

    def wait(self) -> None:
        """Until every compilation that was begun has ended, well or not."""
        for thread in list(self._begun):
            thread.join()

    def _ready(self, drawn: Drawn, condition: Tensor, truncation: Tensor) -> Form:
        """What is called for each batch; captured from this one where graphs are."""

        def form(condition: Tensor, truncation: Tensor) -> Tensor:
            return drawn(condition, *self._network.statistics(truncation))

        if self._captures:
            return _Graph(form, condition.to(self._device), truncation.to(self._device)).replay
        return lambda condition, truncation: form(
            condition.to(self._device), truncation.to(self._device)
        )

    def _begin(self, condition: Tensor, truncation: Tensor) -> None:
        work = threading.Thread(
            target=self._compile,
            args=(condition.clone(), truncation.clone()),
            name="compile",
            daemon=True,
        )
        self._begun.append(work)
        work.start()
        if self._compiles == "first":
            work.join()

    @torch.no_grad()
    def _compile(self, condition: Tensor, truncation: Tensor) -> None:
        try:
            form, agreement = self._lowered(condition, truncation)
        except Exception as error:  # compilers fail in any way; the plain form goes on
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            self._say(f"compilation failed ({reason[:160]}); the plain form goes on")
            return
        if agreement < _AGREEMENT:
            self._say(f"the compiled form differs ({agreement:.0f} dB); the plain form goes on")
            return
        self._forms[len(condition)] = form
        self._compiled.append(len(condition))

    def _lowered(self, condition: Tensor, truncation: Tensor) -> tuple[Form, float]:
        """The compiled form, and how well it agrees with the plain one, dB."""
        from torch._dynamo import config as tracing
        from torch._inductor import config as lowering

        # searching kernels takes minutes and keeps a GPU from drawing: not beside a show
        mode = "max-autotune-no-cudagraphs" if self._searches else None
        compiled: Drawn = torch.compile(self._network.drawn, dynamic=False, mode=mode)
        # torch counts the forms of all networks and batches as recompilations of one method
        with (
            tracing.patch(recompile_limit=256),
            lowering.patch(freezing=not self._captures),
        ):
            here = condition.to(self._device), truncation.to(self._device)
            inputs = (here[0], *self._network.statistics(here[1]))
            agreement = psnr(compiled(*inputs), self._network.drawn(*inputs))
        return self._ready(compiled, condition, truncation), agreement

    @property
    def _searches(self) -> bool:
        return self._captures and self._compiles == "first"


class _Graph:
    """One captured forward with its fixed memory."""

    def __init__(self, form: Form, condition: Tensor, truncation: Tensor) -> None:
        self._condition, self._truncation = condition, truncation
        with torch.backends.cudnn.flags(enabled=True, benchmark=True):  # shapes never change
            _warm(form, condition, truncation)
            self._graph = torch.cuda.CUDAGraph()
            # one capture at a time, while another thread may be drawing with another graph
            with _CAPTURE, torch.cuda.graph(self._graph, capture_error_mode="thread_local"):
                self._frames = form(condition, truncation)

    def replay(self, condition: Tensor, truncation: Tensor) -> Tensor:
        self._condition.copy_(condition.pin_memory(), non_blocking=True)
        self._truncation.copy_(truncation.pin_memory(), non_blocking=True)
        self._graph.replay()
        return self._frames.clone()  # the graph writes into the same memory again


def _warm(form: Form, condition: Tensor, truncation: Tensor) -> None:
    """Three times on a side stream, so that nothing is chosen or allocated while capturing."""
    side = torch.cuda.Stream(condition.device)
    side.wait_stream(torch.cuda.current_stream(condition.device))
    with torch.cuda.stream(side):
        for _ in range(3):
            form(condition, truncation)
    torch.cuda.current_stream(condition.device).wait_stream(side)


def psnr(a: Tensor, b: Tensor) -> float:
    """Peak signal-to-noise ratio of 8-bit pictures, dB."""
    error = (a.float() - b.float()).pow(2).mean()
    return float(10 * torch.log10(255**2 / error.clamp(min=1e-10)))

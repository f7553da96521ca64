"""BigGAN as a generator: latents to conditions, batches to an engine."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from synth.errors import UserError
from synth.latents.latent import Latent

from ..compiling import Compiles, Say
from ..protocol import Precision
from .engines import BUCKETS, Engine, TorchEngine
from .network import COLUMNS, Network
from .store import Model

_COARSE, _MIDDLE = 8, 32  # pixels of a block's input up to which it counts as such


def dtype_for(precision: Precision, device: torch.device) -> torch.dtype:
    """float16 on a GPU, bfloat16 where the processor multiplies it natively, else float32."""
    if precision == "full":
        return torch.float32
    if device.type != "cpu":
        return torch.float16
    return torch.bfloat16 if precision == "half" or _has_bfloat16() else torch.float32


def _has_bfloat16() -> bool:
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


def level_of(side: int) -> int:
    """0 coarse, 1 middle, 2 fine: what a block whose input is `side` pixels wide decides."""
    return 0 if side <= _COARSE else 1 if side <= _MIDDLE else 2


class BigGan:
    """The published function in its inference form, run by an engine."""

    def __init__(
        self,
        name: str,
        model: Model,
        *,
        device: str = "cpu",
        precision: Precision = "auto",
        wide: str = "off",
        compiles: Compiles = "never",
        engine: Engine | None = None,
        say: Say = lambda _notice: None,
    ) -> None:
        self.name, self.device, self._say = name, torch.device(device), say
        self.resolution = model.resolution
        self.width = model.resolution * (len(COLUMNS[wide]) if wide != "off" else 4) // 4
        self._embeddings = model.tensors["embeddings"].float().numpy().copy()
        self.embedding_size = len(self._embeddings)
        self._levels = [level_of(block.side) for block in model.shape.blocks]
        self._most = BUCKETS[-1]
        self.engine = engine or self._torch_engine(model, precision, wide, compiles)

    def _torch_engine(
        self, model: Model, precision: Precision, wide: str, compiles: Compiles
    ) -> Engine:
        network = Network(
            model.shape, model.tensors, dtype=dtype_for(precision, self.device), wide=wide
        )
        return TorchEngine(network, self.device, compiles=compiles, say=self._say)

    def embed(self, classes: np.ndarray) -> np.ndarray:
        """Class embeddings (n,128) of class vectors (n,1000)."""
        embedded: np.ndarray = classes.astype(np.float32) @ self._embeddings.T
        return embedded

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        """uint8 (B, resolution, width, 3) on this generator's device.

        Where memory does not suffice, batches are halved from then on, and that is said.
        """
        condition = torch.from_numpy(np.stack([self.condition(v) for v in latents]))
        truncation = torch.tensor([v.truncation for v in latents], dtype=torch.float32)
        while True:
            try:
                parts = zip(condition.split(self._most), truncation.split(self._most), strict=True)
                return torch.cat([self.engine.frames(*part) for part in parts])
            except RuntimeError as error:
                self._step_down(error)

    def condition(self, latent: Latent) -> np.ndarray:
        """(blocks, 256) float32: every block's noise and class embedding."""
        noise = latent.noises[self._levels]
        embedding = np.broadcast_to(latent.embedding, (len(noise), len(latent.embedding)))
        return np.concatenate([noise, embedding], 1, dtype=np.float32)

    def _step_down(self, error: RuntimeError) -> None:
        out_of_memory = isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error)
        if not out_of_memory:
            raise error
        if self._most == 1:
            raise UserError(
                f"{self.name}: one frame does not fit into the memory of {self.device}; use a "
                "smaller biggan or --device cpu"
            ) from error
        self._most //= 2
        self._say(f"{self.name}: out of memory, batches of {self._most} from now on")

"""BigGAN as an ONNX graph, and the runtimes that play it: onnxruntime and OpenVINO.

The graph has a fixed batch. Its inputs are `condition` (B, blocks, 256), `mean` and `deviation`
(B, n), which are the statistics of the batch norms at the wanted truncation; its output is
`picture` (B, 3, h, w) in -1..1, all float32. Weights are float32 or float16.
"""

import hashlib
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from synth.cache import cache_place, check_own, private_folder
from synth.errors import UserError

from .engines import bucket_of, filled
from .folding import CONDITION
from .network import Network, bytes_of
from .store import Model

OPSET = 23
TOLERANCE = 1e-3  # of a picture in -1..1, between torch and onnxruntime, in float32
_HALF_TOLERANCE = 0.1
_PROVIDERS = (  # the first that is there is taken; the CPU always is
    "CUDAExecutionProvider",
    "OpenVINOExecutionProvider",
    "CoreMLExecutionProvider",
    "CPUExecutionProvider",
)

Runtime = Literal["onnx", "openvino", "tensorrt"]
Run = Callable[[dict[str, np.ndarray]], np.ndarray]  # named inputs to pictures


def export_model(model: Model, path: Path, *, batch: int, half: bool, wide: str) -> float:
    """Write a model's graph; see `export`."""
    dtype = torch.float16 if half else torch.float32
    return export(Network(model.shape, model.tensors, dtype=dtype, wide=wide), batch, path)


def export(network: Network, batch: int, path: Path) -> float:
    """Write the graph and return its largest difference from torch in onnxruntime.

    A graph that differs by more than the tolerance is removed, with UserError.
    """
    _need("onnx"), _need("onnxscript")
    ort = _need("onnxruntime")
    example = _example(network, batch)
    working = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with _without_chatter(), torch.no_grad():
            torch.onnx.export(
                network.eval(),
                tuple(example.values()),
                working,
                dynamo=True,
                opset_version=OPSET,
                external_data=False,
                verbose=False,
                input_names=list(example),
                output_names=["picture"],
            )
            wanted = network(*example.values())
        session = ort.InferenceSession(working, providers=["CPUExecutionProvider"])
        got = session.run(None, {name: v.numpy() for name, v in example.items()})[0]
        difference = float(np.abs(got - wanted.numpy()).max())
        allowed = TOLERANCE if network.dtype == torch.float32 else _HALF_TOLERANCE
        if not difference <= allowed:
            raise UserError(
                f"{path}: onnxruntime's picture differs from torch's by {difference:.2g}; "
                f"{allowed:g} is allowed, so the file was not written"
            )
        working.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        working.unlink(missing_ok=True)
    return difference


@contextmanager
def _without_chatter() -> Iterator[None]:
    """The exporter's own deprecations and registrations are not the user's."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)


def _example(network: Network, batch: int) -> dict[str, Tensor]:
    stream = torch.Generator().manual_seed(0)
    condition = 0.5 * torch.randn(batch, len(network.blocks), CONDITION, generator=stream)
    mean, deviation = network.statistics(torch.linspace(0.3, 0.7, batch))
    return {"condition": condition, "mean": mean, "deviation": deviation}


def exported_engine(runtime: Runtime, model: Model, *, wide: str, half: bool) -> "GraphEngine":
    """An engine over a graph that is exported when first needed and kept in the user's cache."""
    _check(runtime)
    private_folder(_engine_folder())
    small = half and runtime == "tensorrt"
    dtype = torch.float16 if small else torch.float32
    network = Network(model.shape, model.tensors, dtype=dtype, wide=wide)
    return GraphEngine(network, _identity(model, wide, dtype), runtime)


class GraphEngine:
    """Plays exported graphs, one a batch size."""

    def __init__(self, network: Network, identity: str, runtime: Runtime) -> None:
        self._network, self._identity, self._runtime = network, identity, runtime
        self._runs: dict[int, Run] = {}

    @torch.no_grad()
    def frames(self, condition: Tensor, truncation: Tensor) -> Tensor:
        """uint8 (B, h, w, 3) on the host."""
        count, bucket = len(condition), bucket_of(len(condition))
        if bucket not in self._runs:
            self._runs[bucket] = run_of(self._runtime, self._graph(bucket))
        mean, deviation = self._network.statistics(filled(truncation, bucket))
        inputs = {"condition": filled(condition, bucket), "mean": mean, "deviation": deviation}
        picture = self._runs[bucket]({name: value.numpy() for name, value in inputs.items()})
        return bytes_of(torch.from_numpy(picture[:count]).float())

    def _graph(self, batch: int) -> Path:
        path = _engine_folder() / f"{self._identity}-{batch}.onnx"
        if not _is_own(path):
            export(self._network, batch, path)
            path.chmod(0o600)
        return path


def _engine_folder() -> Path:
    return cache_place("engines")


def _is_own(graph: Path) -> bool:
    """Whether a graph is there that others did not write; another one is exported anew."""
    try:
        check_own(graph)
    except UserError:
        return False
    return True


def _identity(model: Model, wide: str, dtype: torch.dtype) -> str:
    """Hash of every weight and of what shapes the graph."""
    digest = hashlib.sha256(f"{OPSET} {wide} {dtype} {torch.__version__}".encode())
    for name, tensor in sorted(model.tensors.items()):
        digest.update(name.encode())
        digest.update(tensor.contiguous().numpy().data)
    return digest.hexdigest()[:24]


def _need(package: str) -> Any:
    try:
        return __import__(package)
    except ImportError as error:
        extra = "openvino" if package == "openvino" else "onnx"
        raise UserError(
            f"{package} is not installed; pip install 'latent-jockey[{extra}]'"
        ) from error


def run_of(runtime: Runtime, path: Path) -> Run:
    """Load an exported graph into its runtime."""
    return {"onnx": _onnx_run, "openvino": _openvino_run, "tensorrt": _tensorrt_run}[runtime](path)


def _check(runtime: Runtime) -> None:
    """Look for what the runtime needs now, not at the first frame."""
    if runtime == "openvino":
        _need("openvino")
    else:
        ort = _need("onnxruntime")
        if runtime == "tensorrt" and "TensorrtExecutionProvider" not in _available(ort):
            raise UserError(
                "--engine tensorrt: this onnxruntime has no TensorRT; install onnxruntime-gpu and "
                "TensorRT on a machine with an NVIDIA GPU, or use --engine torch"
            )
    _need("onnxscript")


def _available(ort: Any) -> list[str]:
    names: list[str] = ort.get_available_providers()
    return names


def _session_run(path: Path, providers: list[Any]) -> Run:
    ort = _need("onnxruntime")
    session = ort.InferenceSession(path, providers=providers)

    def run(inputs: dict[str, np.ndarray]) -> np.ndarray:
        picture: np.ndarray = session.run(None, inputs)[0]
        return picture

    return run


def _onnx_run(path: Path) -> Run:
    there = _available(_need("onnxruntime"))
    return _session_run(path, [name for name in _PROVIDERS if name in there])


def _tensorrt_run(path: Path) -> Run:
    cache = path.with_suffix(".tensorrt")
    options = {
        "trt_fp16_enable": True,
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(private_folder(cache)),  # machine code, as OpenVINO's
    }
    return _session_run(
        path,
        [
            ("TensorrtExecutionProvider", options),
            "CUDAExecutionProvider",
            "CPUExecutionProvider",
        ],
    )


def _openvino_run(path: Path) -> Run:
    openvino = _need("openvino")
    core = openvino.Core()
    core.set_property({"CACHE_DIR": str(private_folder(path.with_suffix(".openvino")))})
    compiled = core.compile_model(core.read_model(path), "CPU", {"PERFORMANCE_HINT": "LATENCY"})
    request = compiled.create_infer_request()

    def run(inputs: dict[str, np.ndarray]) -> np.ndarray:
        picture: np.ndarray = request.infer(inputs)[0]
        return picture.copy()

    return run

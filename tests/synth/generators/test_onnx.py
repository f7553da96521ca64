"""Exported graphs, run by a real onnxruntime."""

import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime
import pytest
import torch
from torch import Tensor

from synth.errors import UserError
from synth.generators import Generator, generator_of
from synth.generators.biggan import onnx
from synth.generators.biggan.engines import psnr
from synth.generators.biggan.network import Network
from synth.generators.biggan.store import Model, folded_model
from synth.latents.latent import Latent
from tests.networks import shallow


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    return tmp_path / "latent-jockey"


@pytest.fixture(scope="module")
def model() -> Model:
    return folded_model(shallow())


class Exported(NamedTuple):
    path: Path
    difference: float


@pytest.fixture(scope="module")
def graph(model: Model, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """A graph of three pictures at once, in single precision."""
    path = tmp_path_factory.mktemp("exported") / "graph.onnx"
    return Exported(path, onnx.export_model(model, path, batch=3, half=False, wide="off"))


@pytest.fixture(scope="module")
def latents() -> list[Latent]:
    stream = np.random.RandomState(1)
    rows = stream.standard_normal((3, 2, 128)).astype(np.float32) * 0.5
    return [
        Latent(noise, embedding, t)
        for (noise, embedding), t in zip(rows, (0.3, 0.55, 0.9), strict=True)
    ]


def player(weights: Path, engine: str = "onnx") -> Generator:
    return generator_of("biggan-128", weights=weights, device="cpu", engine=engine)


class Played(NamedTuple):
    cache: Path
    frames: Tensor


@pytest.fixture(scope="module")
def played(
    tiny_biggan: Path, latents: list[Latent], tmp_path_factory: pytest.TempPathFactory
) -> Played:
    """What the first start draws, and the cache that it leaves."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as first:
        first.setattr("platformdirs.user_cache_dir", lambda name: str(folder / name))
        frames = player(tiny_biggan).frames(latents)
    return Played(folder / "latent-jockey", frames)


def test_an_exported_graph_has_a_fixed_batch_and_named_inputs(
    model: Model, graph: Exported
) -> None:
    assert graph.difference < 1e-3
    session = onnxruntime.InferenceSession(graph.path, providers=["CPUExecutionProvider"])
    shapes = {node.name: node.shape for node in session.get_inputs()}
    channels = sum(model.shape.norms)
    assert shapes == {
        "condition": [3, len(model.shape.blocks), 256],
        "mean": [3, channels],
        "deviation": [3, channels],
    }
    assert [node.shape for node in session.get_outputs()] == [[3, 3, 16, 16]]


def test_truncation_is_an_input_of_the_graph(model: Model, graph: Exported) -> None:
    """One graph, swept through truncation, draws what torch draws."""
    session = onnxruntime.InferenceSession(graph.path, providers=["CPUExecutionProvider"])
    network = Network(model.shape, model.tensors)
    condition = (0.5 * torch.randn(1, len(network.blocks), 256)).expand(3, -1, -1)
    mean, deviation = network.statistics(torch.tensor([0.05, 0.433, 1.0]))
    with torch.no_grad():
        wanted = network(condition, mean, deviation).numpy()
    inputs = {"condition": condition, "mean": mean, "deviation": deviation}
    got = session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
    assert np.abs(got - wanted).max() < 1e-3
    assert np.abs(got[1:] - got[:-1]).max((1, 2, 3)).min() > 0.05


def test_half_a_graph_is_half_the_size(model: Model, graph: Exported, tmp_path: Path) -> None:
    half = tmp_path / "half.onnx"
    onnx.export_model(model, half, batch=3, half=True, wide="mirror")
    assert half.stat().st_size < 0.7 * graph.path.stat().st_size


def test_the_onnx_engine_draws_what_torch_draws(
    tiny_biggan: Path, cache: Path, latents: list[Latent], played: Played
) -> None:
    assert played.frames.shape == (3, 128, 128, 3)
    torch_frames = player(tiny_biggan, "torch").frames(latents)
    assert psnr(played.frames, torch_frames) > 35  # torch may be in half precision here
    shutil.copytree(played.cache, cache, dirs_exist_ok=True)
    (graph,) = (cache / "engines").glob("*.onnx")
    written = graph.stat().st_mtime_ns
    assert torch.equal(player(tiny_biggan).frames(latents), played.frames)
    assert graph.stat().st_mtime_ns == written  # the kept graph was used


def test_graphs_that_others_may_write_are_exported_anew(
    tiny_biggan: Path, cache: Path, latents: list[Latent], played: Played
) -> None:
    shutil.copytree(played.cache, cache, dirs_exist_ok=True)
    (graph,) = (cache / "engines").glob("*.onnx")
    assert [place.stat().st_mode & 0o777 for place in (cache, graph.parent, graph)] == [
        0o700,
        0o700,
        0o600,
    ]
    graph.write_bytes(b"planted")
    graph.chmod(0o666)
    assert torch.equal(player(tiny_biggan).frames(latents), played.frames)
    assert graph.stat().st_mode & 0o777 == 0o600


def test_a_place_that_others_write_keeps_no_graphs(
    tiny_biggan: Path, cache: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(UserError, match="everyone may replace what lies in it"):
        player(tiny_biggan)


def test_a_graph_that_differs_is_not_written(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="the file was not written"):
        onnx.export_model(model, tmp_path / "graph.onnx", batch=1, half=False, wide="off")
    assert list(tmp_path.glob("*graph.onnx*")) == []


@pytest.mark.parametrize(
    ("engine", "package", "extra"),
    [("onnx", "onnxruntime", "onnx"), ("openvino", "openvino", "openvino")],
)
def test_an_absent_runtime_names_its_extra(
    engine: str, package: str, extra: str, tiny_biggan: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(UserError, match=rf"{package} is not installed; .*\[{extra}\]"):
        generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine=engine)


def test_tensorrt_without_tensorrt_is_one_sentence(tiny_biggan: Path) -> None:
    with pytest.raises(UserError, match="this onnxruntime has no TensorRT"):
        generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine="tensorrt")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "magic"}, "--engine is magic; use torch, onnx, openvino, tensorrt"),
        ({"precision": "double"}, "--precision is double; use auto, half, full"),
    ],
)
def test_unknown_choices_are_named(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        generator_of("biggan-128", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"wide": "mirror"}, "procedural draws squares"), ({"engine": "onnx"}, "runs on torch")],
)
def test_procedural_says_what_it_has_not(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        generator_of("procedural", **options)  # type: ignore[arg-type]

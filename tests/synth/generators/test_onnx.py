"""Exported graphs, run by a real onnxruntime."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from synth.generators import generator_of
from synth.generators.biggan import onnx
from synth.generators.biggan.engines import psnr
from synth.generators.biggan.network import Network
from synth.generators.biggan.store import model_of
from synth.latents import Latent
from synth.trouble import Trouble


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    return tmp_path / "latent-jockey"


@pytest.fixture
def latents() -> list[Latent]:
    stream = np.random.RandomState(1)
    rows = stream.standard_normal((3, 2, 128)).astype(np.float32) * 0.5
    return [
        Latent(noise, embedding, t)
        for (noise, embedding), t in zip(rows, (0.3, 0.55, 0.9), strict=True)
    ]


def test_an_exported_graph_has_a_fixed_batch_and_named_inputs(
    tiny_biggan: Path, tmp_path: Path
) -> None:
    model = model_of("biggan-128", tiny_biggan, half=False)
    path = tmp_path / "graph.onnx"
    assert onnx.export_model(model, path, batch=3, half=False, wide="off") < 1e-3
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    shapes = {node.name: node.shape for node in session.get_inputs()}
    channels = sum(model.shape.norms)
    assert shapes == {
        "condition": [3, len(model.shape.blocks), 256],
        "mean": [3, channels],
        "deviation": [3, channels],
    }
    assert [node.shape for node in session.get_outputs()] == [[3, 3, 128, 128]]


def test_truncation_is_an_input_of_the_graph(tiny_biggan: Path, tmp_path: Path) -> None:
    """One graph, swept through truncation, draws what torch draws."""
    model = model_of("biggan-128", tiny_biggan, half=False)
    path = tmp_path / "graph.onnx"
    onnx.export_model(model, path, batch=1, half=False, wide="off")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    network = Network(model.shape, model.tensors)
    condition = 0.5 * torch.randn(1, len(network.blocks), 256)
    for truncation in (0.05, 0.433, 1.0):
        mean, deviation = network.statistics(torch.tensor([truncation]))
        with torch.no_grad():
            wanted = network(condition, mean, deviation).numpy()
        inputs = {"condition": condition, "mean": mean, "deviation": deviation}
        got = session.run(None, {name: value.numpy() for name, value in inputs.items()})[0]
        assert np.abs(got - wanted).max() < 1e-3


def test_half_a_graph_is_half_the_size(tiny_biggan: Path, tmp_path: Path) -> None:
    model = model_of("biggan-128", tiny_biggan, half=False)
    for name, half in (("full", False), ("half", True)):
        onnx.export_model(model, tmp_path / f"{name}.onnx", batch=1, half=half, wide="mirror")
    sizes = [(tmp_path / f"{name}.onnx").stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.7 * sizes[0]


def test_the_onnx_engine_draws_what_torch_draws(
    tiny_biggan: Path, cache: Path, latents: list[Latent]
) -> None:
    engines = {
        name: generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine=name)
        for name in ("torch", "onnx")
    }
    frames = {name: generator.frames(latents) for name, generator in engines.items()}
    assert frames["onnx"].shape == (3, 128, 128, 3)
    assert psnr(frames["onnx"], frames["torch"]) > 35  # torch may be in half precision here
    (graph,) = (cache / "engines").glob("*.onnx")
    written = graph.stat().st_mtime_ns
    again = generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine="onnx")
    assert torch.equal(again.frames(latents), frames["onnx"])
    assert graph.stat().st_mtime_ns == written  # the kept graph was used


def test_graphs_that_others_may_write_are_exported_anew(
    tiny_biggan: Path, cache: Path, latents: list[Latent]
) -> None:
    options = {"weights": tiny_biggan, "device": "cpu", "engine": "onnx"}
    frames = generator_of("biggan-128", **options).frames(latents)  # type: ignore[arg-type]
    (graph,) = (cache / "engines").glob("*.onnx")
    assert [place.stat().st_mode & 0o777 for place in (cache, graph.parent, graph)] == [
        0o700,
        0o700,
        0o600,
    ]
    graph.write_bytes(b"planted")
    graph.chmod(0o666)
    again = generator_of("biggan-128", **options).frames(latents)  # type: ignore[arg-type]
    assert torch.equal(again, frames)
    assert graph.stat().st_mode & 0o777 == 0o600


def test_a_place_that_others_write_keeps_no_graphs(
    tiny_biggan: Path, cache: Path, tmp_path: Path
) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(Trouble, match="everyone may replace what lies in it"):
        generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine="onnx")


def test_a_graph_that_differs_is_not_written(
    tiny_biggan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx, "TOLERANCE", -1.0)
    model = model_of("biggan-128", tiny_biggan, half=False)
    with pytest.raises(Trouble, match="the file was not written"):
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
    with pytest.raises(Trouble, match=rf"{package} is not installed; .*\[{extra}\]"):
        generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine=engine)


def test_tensorrt_without_tensorrt_is_one_sentence(tiny_biggan: Path) -> None:
    with pytest.raises(Trouble, match="this onnxruntime has no TensorRT"):
        generator_of("biggan-128", weights=tiny_biggan, device="cpu", engine="tensorrt")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"engine": "magic"}, "--engine is magic; use torch, onnx, openvino, tensorrt"),
        ({"precision": "double"}, "--precision is double; use auto, half, full"),
    ],
)
def test_unknown_choices_are_named(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(Trouble, match=sentence):
        generator_of("biggan-128", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"wide": "mirror"}, "procedural draws squares"), ({"engine": "onnx"}, "runs on torch")],
)
def test_procedural_says_what_it_has_not(options: dict[str, str], sentence: str) -> None:
    with pytest.raises(Trouble, match=sentence):
        generator_of("procedural", **options)  # type: ignore[arg-type]

import json
import pickle
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from synth.errors import UserError
from synth.generators import generator_of
from synth.generators.biggan.weights import read_checkpoint


@pytest.fixture
def folder(tiny_biggan: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_biggan, tmp_path / "weights"))


def state_of(folder: Path) -> dict[str, torch.Tensor]:
    state: dict[str, torch.Tensor] = torch.load(folder / "pytorch_model.bin", weights_only=True)
    return state


def test_folder_and_file_and_safetensors_read_alike(folder: Path) -> None:
    state = state_of(folder)
    by_folder = read_checkpoint(folder)
    by_file = read_checkpoint(folder / "pytorch_model.bin")
    save_file(state, folder / "model.safetensors")
    by_safetensors = read_checkpoint(folder)
    assert by_safetensors.source.suffix == ".safetensors"
    for key, tensor in state.items():
        for checkpoint in (by_folder, by_file, by_safetensors):
            assert torch.equal(checkpoint.state[key], tensor)


class Bomb:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("exploded"),))


def _spoil(kind: str, folder: Path) -> None:
    model, config = folder / "pytorch_model.bin", folder / "config.json"
    state = state_of(folder)
    match kind:
        case "missing key":
            del state["generator.bn.weight"]
        case "extra key":
            state["generator.surplus"] = torch.zeros(1)
        case "shape":
            state["embeddings.weight"] = torch.zeros(128, 999)
        case "nan":
            state["generator.bn.bias"][3] = float("nan")
    torch.save(state, model)
    match kind:
        case "truncated":
            model.write_bytes(model.read_bytes()[:5000])
        case "no file":
            model.unlink()
        case "no config":
            config.unlink()
        case "config text":
            config.write_text("layers: many")
        case "config list":
            config.write_text("[1, 2]")
        case "config z":
            config.write_text(json.dumps(json.loads(config.read_text()) | {"z_dim": 64}))
        case "config layers":
            config.write_text(json.dumps(json.loads(config.read_text()) | {"layers": [1]}))
        case "pickle":
            model.write_bytes(pickle.dumps(Bomb()))


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("missing key", "lacks generator.bn.weight"),
        ("extra key", "holds the unknown generator.surplus"),
        ("shape", r"embeddings.weight is \(128, 999\); \(128, 1000\) is needed"),
        ("nan", "generator.bn.bias holds NaN"),
        ("truncated", "is not a whole, safe weights file"),
        ("no file", "holds neither model.safetensors nor pytorch_model.bin"),
        ("no config", "config.json: is missing"),
        ("config text", "is not a BigGAN configuration"),
        ("config list", "is not a BigGAN configuration"),
        ("config z", "z_dim is 64; 128 is needed"),
        ("config layers", "describes no network"),
        ("pickle", "is not a whole, safe weights file"),
    ],
)
def test_damaged_weights_are_refused_by_name(
    kind: str, says: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _spoil(kind, folder)
    monkeypatch.chdir(folder)
    with pytest.raises(UserError, match=says) as refusal:
        read_checkpoint(folder)
    assert "\n" not in str(refusal.value)
    assert not (folder / "exploded").exists()


def test_a_checkpoint_for_another_size_is_refused(folder: Path) -> None:
    with pytest.raises(UserError, match="use --generator biggan-128"):
        generator_of("biggan-256", weights=folder)


def test_absent_weights_tell_both_ways(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda name: str(tmp_path / name))
    with pytest.raises(UserError, match="run `lj fetch biggan-256`, or name a local folder"):
        generator_of("biggan-256")
    with pytest.raises(UserError, match="no such folder"):
        generator_of("biggan-256", weights=tmp_path / "absent")


def test_unknown_generators_and_devices_are_refused() -> None:
    with pytest.raises(UserError, match="is no generator; use procedural"):
        generator_of("biggan-1024")
    with pytest.raises(UserError, match="device warp cannot be used"):
        generator_of("procedural", device="warp")
    with pytest.raises(UserError, match="needs no weights"):
        generator_of("procedural", weights=Path("/somewhere"))

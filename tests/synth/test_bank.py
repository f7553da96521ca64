import json
import os
import re
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save

from synth.errors import UserError
from synth.latents import bank as banks
from synth.latents.bank import Bank, Keyframe, save_bank
from synth.latents.latent import Latent

STREAM = np.random.RandomState(0)


def keyframe(text: str, time: float, duration: float = 2.0) -> Keyframe:
    noise, embedding = (STREAM.standard_normal(128).astype(np.float32) * 0.5 for _ in range(2))
    latent = Latent(noise, embedding, 0.5)
    return Keyframe(text, time, duration, 0.3, 0.2, latent, np.zeros((8, 8, 3), np.uint8))


def narrow(text: str, at: float) -> Keyframe:
    """A line of 0.6 s that a lamp can show."""
    frame = keyframe(text, at, 0.6)
    return replace(frame, latent=replace(frame.latent, embedding=frame.latent.embedding[:12]))


def bank(folder: Path, *frames: Keyframe) -> Bank:
    path = folder / "song.ljbank"
    save_bank(path, frames, {"generator": "procedural", "weights": ""})
    return Bank(path)


def test_keyframes_come_back_in_the_order_of_their_times(tmp_path: Path) -> None:
    late, early = keyframe("späte Zeile", 9.0), keyframe("early", 1.0)
    read = bank(tmp_path, late, early)
    assert [(e.text, e.time, e.duration) for e in read.entries] == [
        ("early", 1.0, 2.0),
        ("späte Zeile", 9.0, 2.0),
    ]
    assert np.array_equal(read.latent(1).noise, late.latent.noise)
    assert np.array_equal(read.latent(1).embedding, late.latent.embedding)
    assert read.latent(1).truncation == 0.5
    assert read.thumbnail(0).shape == (8, 8, 3)
    assert read.find("SPÄTE") == 1
    assert read.find("nothing") is None


def test_another_generators_bank_is_refused(tmp_path: Path) -> None:
    read = bank(tmp_path, keyframe("a", 0))
    read.check_for("procedural", "")
    with pytest.raises(UserError, match="was made for procedural, not biggan-256"):
        read.check_for("biggan-256", "abc")
    with pytest.raises(UserError, match="other weights of procedural"):
        read.check_for("procedural", "abc")


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_bank_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ljbank"
    path.write_bytes(data)
    with pytest.raises(UserError, match=re.escape(str(path)) + ": is no bank"):
        Bank(path)


def test_a_file_that_goes_takes_nothing_with_it(tmp_path: Path) -> None:
    read = bank(tmp_path, keyframe("a", 0), keyframe("b", 1))
    whole = [read.latent(k).noise.copy() for k in range(2)]
    read.path.write_bytes(b"")
    read.path.unlink()
    assert all(np.array_equal(read.latent(k).noise, whole[k]) for k in range(2))
    assert read.thumbnail(1).shape == (8, 8, 3)


TWO: dict[str, np.ndarray] = {
    "noise": np.zeros((2, 128), np.float32),
    "embedding": np.zeros((2, 16), np.float32),
    "truncation": np.full((2, 1), 0.5, np.float32),
    "thumbnails": np.zeros((2, 8, 8, 3), np.uint8),
}
LINES = [
    {"text": t, "time": k, "duration": 1.0, "score": 0.3, "start": 0.1} for k, t in enumerate("ab")
]
ABOUT = {"format": "1", "generator": "procedural", "weights": ""}


def written(path: Path, **changes: Any) -> Path:
    """Two keyframes in a file that differs from a good one as told; None leaves a tensor out."""
    tensors = {k: v for k, v in (TWO | changes).items() if k in {*TWO, "levels"} and v is not None}
    header = {
        name: told if isinstance(told, str) else json.dumps(told)
        for name, told in (
            ("about", changes.get("about", ABOUT)),
            ("keyframes", changes.get("keyframes", LINES)),
        )
    }
    path.write_bytes(save(tensors, header))
    return path


def line(**changes: Any) -> list[dict[str, Any]]:
    return [LINES[0], LINES[1] | changes]


def test_the_smallest_good_bank_is_read(tmp_path: Path) -> None:
    read = Bank(written(tmp_path / "a.ljbank", noise=TWO["noise"].astype(np.float16)))
    assert [entry.text for entry in read.entries] == ["a", "b"]
    assert read.latent(1).noise.dtype == np.float32
    assert read.embedding_size == 16
    assert read.find("") is None


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"noise": None}, "noise is missing"),
        ({"noise": np.zeros((1, 128), np.float32)}, r"noise has shape (1, 128), not (2, 128)"),
        ({"noise": np.zeros((2, 64), np.float32)}, "noise has shape"),
        ({"noise": np.zeros((2, 128), np.int32)}, "noise is int32, not float32"),
        ({"noise": np.full((2, 128), np.nan, np.float32)}, "noise holds what is no number"),
        ({"embedding": np.full((2, 16), np.inf, np.float32)}, "embedding holds what is no number"),
        ({"embedding": np.full((2, 16), 1e300)}, "embedding holds what is no number"),
        ({"embedding": np.zeros((2, 0), np.float32)}, "embedding has shape (2, 0), not (2, any)"),
        ({"truncation": np.full((2, 1), 7, np.float32)}, "a truncation is out of 0.02 to 1"),
        ({"truncation": np.zeros((2,), np.float32)}, "truncation has shape"),
        ({"levels": np.zeros((2, 2, 128), np.float32)}, "levels has shape"),
        ({"thumbnails": np.zeros((2, 8, 8, 3), np.float32)}, "thumbnails are float32, not uint8"),
        ({"thumbnails": np.zeros((2, 8, 8, 4), np.uint8)}, "thumbnails has shape"),
        ({"keyframes": LINES[:1]}, "noise has shape (2, 128), not (1, 128)"),
        ({"keyframes": []}, "it has 0 keyframes, not 1 to 10000"),
        ({"keyframes": LINES * 5001}, "it has 10002 keyframes, not 1 to 10000"),
        ({"keyframes": LINES[::-1]}, "not in the order of their times"),
        ({"keyframes": line(text=7)}, "a text is 7"),
        ({"keyframes": line(text="\ud800")}, "surrogates not allowed"),
        ({"keyframes": line(time=float("nan"))}, "a keyframe's time or score is nan"),
        ({"keyframes": line(duration=float("inf"))}, "a keyframe's time or score is inf"),
        ({"keyframes": line(time=10**400)}, "is a number of 401 digits"),
        ({"keyframes": line(time=True)}, "a keyframe's time or score is True"),
        ({"keyframes": line(more=1)}, "a keyframe is {"),
        ({"keyframes": [7]}, "a keyframe is 7"),
        ({"keyframes": "[" * 100_000}, "maximum recursion depth"),
        ({"keyframes": "[{"}, "Expecting property name"),
        ({"keyframes": "7"}, "'int' object is not iterable"),
        ({"about": "[" * 100_000}, "maximum recursion depth"),
        ({"about": "[7]"}, "cannot convert dictionary"),
        ({"about": ABOUT | {"format": "x" * 9000}}, "has format 'xxx"),
        ({"about": ABOUT | {"format": 2}}, "has format 2; this lj reads '1'"),
    ],
)
def test_a_bank_that_is_not_as_it_should_be_is_named_in_one_sentence(
    changes: dict[str, Any], says: str, tmp_path: Path
) -> None:
    path = written(tmp_path / "a.ljbank", **changes)
    with pytest.raises(UserError) as refusal:
        Bank(path)
    assert str(refusal.value).startswith(f"{path}: ")
    assert says in str(refusal.value)
    assert len(str(refusal.value)) < len(str(path)) + 250
    assert str(refusal.value).isprintable()


def test_only_files_of_a_sensible_size_are_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe.ljbank")
    (tmp_path / "zero.ljbank").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(UserError, match="is no file; name a bank of keyframes"):
            Bank(tmp_path / f"{name}.ljbank")
    with pytest.raises(UserError, match="no such bank of keyframes"):
        Bank(tmp_path / "none.ljbank")
    with (tmp_path / "vast.ljbank").open("wb") as file:
        file.truncate(1 << 40)  # a hole
    monkeypatch.setattr(banks, "LARGEST", 4 << 20)
    with pytest.raises(UserError, match="vast.ljbank: is larger than 4 MB"):
        Bank(tmp_path / "vast.ljbank")


def cut_short(data: bytes, place: int, _byte: int) -> bytes:
    return data[:place]


def spoiled(data: bytes, place: int, byte: int) -> bytes:
    return data[:place] + bytes([byte]) + data[place + 1 :]


def with_length(data: bytes, place: int, byte: int) -> bytes:
    return struct.pack("<Q", (1 << (byte % 64)) + place) + data[8:]


@settings(deadline=None, max_examples=400)
@given(
    change=st.sampled_from([cut_short, spoiled, with_length]),
    place=st.integers(0, 2**16),
    byte=st.integers(0, 255),
)
def test_no_damage_ends_in_another_error(
    change: Callable[[bytes, int, int], bytes],
    place: int,
    byte: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.getbasetemp() / "spoiled.ljbank"
    whole = written(path).read_bytes()
    path.write_bytes(change(whole, place % len(whole), byte))
    try:
        read = Bank(path)
    except UserError as trouble:
        assert str(trouble).startswith(f"{path}: ")
        return
    for number in range(len(read)):
        assert np.isfinite(read.latent(number).noise).all()
        assert read.thumbnail(number).dtype == np.uint8

import re
from pathlib import Path

import numpy as np
import pytest

from synth.bank import Bank, Keyframe, save_bank
from synth.latents import Latent
from synth.trouble import Trouble

STREAM = np.random.RandomState(0)


def keyframe(text: str, time: float, duration: float = 2.0) -> Keyframe:
    noise, embedding = (STREAM.standard_normal(128).astype(np.float32) * 0.5 for _ in range(2))
    latent = Latent(noise, embedding, 0.5)
    return Keyframe(text, time, duration, 0.3, 0.2, latent, np.zeros((8, 8, 3), np.uint8))


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
    with pytest.raises(Trouble, match="was made for procedural, not biggan-256"):
        read.check_for("biggan-256", "abc")
    with pytest.raises(Trouble, match="other weights of procedural"):
        read.check_for("procedural", "abc")


@pytest.mark.parametrize("data", [b"", b"nonsense", b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_is_no_bank_is_named(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ljbank"
    path.write_bytes(data)
    with pytest.raises(Trouble, match=re.escape(str(path)) + ": is no bank"):
        Bank(path)

"""A family of generators in a few lines goes everywhere that the others go."""

import json
from collections.abc import Iterator, Sequence

import av
import numpy as np
import pytest
import torch
from torch import Tensor

from synth.generators import FAMILIES, Family
from synth.generators.protocol import Options
from synth.latents.latent import Latent
from tests.lj.terminal import Terminal


class Stripes:
    """Five stripes as bright as the class says, moved by the noise."""

    name, embedding_size = "stripes", 5

    def __init__(self, resolution: int) -> None:
        self.resolution = self.width = resolution

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return np.add.reduceat(classes, range(0, 1000, 200), axis=1).astype(np.float32)

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        pictures = []
        for latent in latents:
            stripes = np.resize(latent.embedding, self.width) + latent.noise.mean()
            row = np.tile(stripes[None, :, None], (self.resolution, 1, 3))
            pictures.append(np.uint8(255 * row.clip(0, 1)))
        return torch.from_numpy(np.stack(pictures))


def load(_name: str, options: Options) -> Stripes:
    return Stripes(options.resolution)


@pytest.fixture(autouse=True)
def stripes() -> Iterator[None]:
    family = Family(("stripes",), load, lambda _name, side: float(side), sides=(128, 64))
    FAMILIES.append(family)
    yield
    FAMILIES.remove(family)


def test_it_is_rendered_whole_and_in_chunks(terminal: Terminal) -> None:
    for film, more in (("a.mp4", ()), ("b.mp4", ("--chunk", "20"))):
        words = ("render", "song.wav", "-o", film, "-g", "stripes", "--size", "64")
        code, _, err = terminal.here(*words, "--duration", "1", *more)
        assert code == 0, err
        assert "generator: stripes, 64x64 px (as asked)" in err
        with av.open(terminal.folder / film) as made:
            assert sum(1 for _ in made.decode(video=0)) == 30


def test_it_plays_live(terminal: Terminal) -> None:
    words = ("live", "--file", "song.wav", "--mute", "--no-window", "-g", "stripes")
    code, _, err = terminal.here(*words, "--seconds", "1.5", "--report", "r.json", "--midi", "off")
    assert code == 0, err
    report = json.loads((terminal.folder / "r.json").read_text())
    assert report["generator"] == "stripes 128"
    assert report["frames_generated"] > 10
    assert report["faults"] == []


def test_its_keyframes_are_found_and_come(terminal: Terminal) -> None:
    (terminal.folder / "song.lrc").write_text("[00:00.20]a house of glass\n[00:01.00]snow\n")
    quick = ("--clip", "tiny-random", "--steps", "1", "--samples", "2")
    words = ("score", "song.wav", "song.lrc", "-o", "song.ljbank", "-g", "stripes", *quick)
    code, _, err = terminal.here(*words)
    assert code == 0, err
    render = ("render", "song.wav", "-o", "a.mp4", "--size", "64", "--duration", "1")
    code, _, err = terminal.here(*render, "-g", "stripes", "--bank", "song.ljbank")
    assert code == 0, err
    code, _, err = terminal.here(*render[:3], "b.mp4", *render[4:], "--bank", "song.ljbank")
    assert code == 1
    assert "was made for stripes, not procedural" in err


def test_it_is_on_contact_sheets_and_doctor_tells_of_it(terminal: Terminal) -> None:
    code, _, err = terminal.here("sheet", "song.wav", "-o", "s.png", "-g", "stripes")
    assert code == 0, err
    _, out, _ = terminal.here("doctor")
    assert "generator stripes" in out
    assert "usable, 256 px" in out


def test_it_has_nothing_to_fetch_or_export(terminal: Terminal) -> None:
    for words in (("fetch", "stripes"), ("export", "stripes", "-o", "a.onnx")):
        code, _, err = terminal.here(*words)
        assert code == 1
        assert "“stripes” has no" in err

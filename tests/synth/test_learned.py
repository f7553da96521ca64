"""The ear that has learnt: the same in numpy as in torch, hop by hop as in one piece."""

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from bench.training import train
from synth.analysis.beat import Pulse
from synth.analysis.learned import ActivationPicker, _Doubling, _Halving
from synth.analysis.network import WEIGHTS, Network
from synth.analysis.spectra import Spectra, spectra_of
from synth.constants import HOP, RATE
from synth.errors import UserError
from tests import sounds

DT = HOP / RATE


def test_numpy_computes_what_torch_computes(tmp_path: Path) -> None:
    torch.manual_seed(1)
    network = train.Network(146)
    network.mean.copy_(torch.randn(146))
    network.scale.copy_(torch.rand(146) + 0.5)
    train.write(network, tmp_path / "made.safetensors")
    heard = torch.rand(1, 200, 146) * 2
    with torch.no_grad():
        wanted = torch.sigmoid(network(heard)[0])[0].numpy()
    ours = Network(tmp_path / "made.safetensors")
    found = [ours.step(row) for row in heard[0].numpy()]
    got = np.array([[getattr(a, head) for head in train.HEADS] for a in found])
    assert np.abs(got - wanted).max() < 0.01  # half precision of the weights


def test_hop_by_hop_is_what_the_whole_is() -> None:
    mono = sounds.noise(1.0, 0.2, 3).astype(np.float32)
    hops = len(mono) // HOP
    gains = np.linspace(0.5, 2.0, hops)
    spectra = Spectra(RATE)
    one_by_one = [spectra.step(mono[k * HOP : (k + 1) * HOP], gains[k]) for k in range(hops)]
    assert spectra_of(mono, gains, RATE, HOP) == pytest.approx(np.array(one_by_one), abs=1e-4)


def test_loudness_is_made_up_for_by_gain() -> None:
    mono = sounds.noise(0.5, 0.2, 3).astype(np.float32)
    gains = np.ones(len(mono) // HOP)
    loud = spectra_of(mono, gains, RATE, HOP)
    soft = spectra_of(mono / 100, 100 * gains, RATE, HOP)
    assert soft == pytest.approx(loud, abs=1e-4)


def test_the_weights_are_small_and_of_these_heads() -> None:
    assert WEIGHTS.stat().st_size < 500_000
    state = load_file(WEIGHTS)
    assert state["told.weight"].shape == (len(train.HEADS), 2 * train.UNITS)
    assert state["first.weight"].shape[1] == Spectra(RATE).size


@pytest.mark.parametrize("held", [None, b"", b"no weights at all"])
def test_weights_that_cannot_be_read_are_one_sentence(held: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "ears.safetensors"
    if held is not None:
        path.write_bytes(held)
    with pytest.raises(UserError, match=r"ears\.safetensors: cannot be read .* install lj anew"):
        Network(path)


def test_weights_that_do_not_fit_are_one_sentence(tmp_path: Path) -> None:
    whole = load_file(WEIGHTS)
    damaged = {
        "gone": {name: value for name, value in whole.items() if name != "first.weight"},
        "short": whole | {"told.weight": whole["told.weight"][:4].contiguous()},
        "no numbers": whole | {"lower.bias_ih_l0": whole["lower.bias_ih_l0"] * torch.nan},
        "no numbers of": whole | {"first.weight": whole["first.weight"].flatten()},
    }
    for number, state in enumerate(damaged.values()):
        path = tmp_path / f"{number}.safetensors"
        save_file(state, path)
        with pytest.raises(UserError, match="cannot be read .* (has shape|is no number)"):
            Network(path)


def test_an_onset_is_told_as_it_rises_and_once() -> None:
    picker = ActivationPicker(DT)
    shape = [0.02] * 10 + [0.2, 0.7, 0.9, 0.6, 0.3, 0.1] + [0.02] * 10
    told = [picker.step(value) for value in shape * 3]
    assert np.flatnonzero(told).tolist() == [11, 11 + 26, 11 + 52]


def test_two_hits_close_together_are_two() -> None:
    picker = ActivationPicker(DT)
    told = [picker.step(value) for value in [0.1, 0.9, 0.5, 0.2, 0.2, 0.2, 0.8, 0.2]]
    assert np.flatnonzero(told).tolist() == [1, 6]


def pulses(octave: str, beats: int = 12, bpm: float = 120.0) -> list[Pulse]:
    """A steady beat of bars of four, from the middle of one on, counted at an octave."""
    period = 60 / bpm
    counting = _Halving() if octave == "half" else _Doubling()
    told = []
    for hop in range(round(beats * period / DT)):
        now = hop * DT
        number = int(now / period)
        told.append(
            counting.step(
                Pulse(
                    beat=number != int((now - DT) / period),
                    phase=now / period - number,
                    next_beat=(number + 1) * period,
                    bpm=bpm,
                    beat_in_bar=number % 4 + 1,
                    beats_per_bar=4,
                )
            )
        )
    return told


@pytest.mark.parametrize(("octave", "factor"), [("half", 0.5), ("double", 2.0)])
def test_an_octave_is_counted(octave: str, factor: float) -> None:
    told = pulses(octave)[100:]
    assert {pulse.bpm for pulse in told} == {120 * factor}
    hops = np.flatnonzero([pulse.beat for pulse in told])
    assert np.diff(hops) * DT == pytest.approx(0.5 / factor, abs=1.5 * DT)
    for hop in hops[1:]:
        assert told[hop - 1].next_beat == pytest.approx((100 + hop) * DT, abs=2 * DT)
        assert told[hop].phase < 0.1
        assert told[hop - 1].phase > 0.85


def test_doubling_begins_and_trembles_without_a_beat_too_many() -> None:
    """It begins in the second half of a beat, and corrections move the phase about."""
    random, doubling, told = np.random.default_rng(2), _Doubling(), []
    for hop in range(30, 2000):
        now, period = hop * DT, 0.5
        number = int(now / period)
        phase = min(max(now / period - number + random.normal(0, 0.03), 0.0), 0.999)
        beat = number != int((now - DT) / period)
        told.append(doubling.step(Pulse(beat, phase, (number + 1) * period, 120.0)))
    hops = np.flatnonzero([pulse.beat for pulse in told])
    assert np.diff(hops).min() * DT > 0.17
    assert len(hops) == pytest.approx((2000 - 30) * DT / 0.25, abs=2)
    assert all(0 <= pulse.phase < 1 for pulse in told)


def test_every_second_beat_is_the_first_and_third_of_a_bar() -> None:
    told = pulses("half")
    beats = [hop * DT for hop, pulse in enumerate(told) if pulse.beat and hop > 100]
    assert [round(at / 0.5) % 4 for at in beats] == [round(at / 0.5) % 4 // 2 * 2 for at in beats]

"""The bench of a night: its grammar, its arithmetic, its table, and a night of seven seconds."""

import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.night.faults import KINDS
from bench.night.measures import Digests, Usage, slope, unexplained, usage
from bench.night.night import Fuzz, Injection, Night, tells
from bench.night.packets import BURST, Grammar, Packet, bundle, message, send
from bench.night.tables import text, verdicts, warm
from live.control.inbox import BURST as MOST
from live.control.osc_packets import messages
from synth.latents.latent import Latent

ADDRESSES = ["/steer/truncation", "/steer/truncation/to", "/steer/classes", "/cue", "/freeze"]
PRESETS = ["reef", "silk"]


def grammar(seed: int = 0) -> Grammar:
    return Grammar(seed, ADDRESSES, PRESETS)


# ---- what is sent


def test_the_same_seed_makes_the_same_packets() -> None:
    ones, others = grammar(3), grammar(3)
    first = [ones.packet() for _ in range(500)]
    assert first == [others.packet() for _ in range(500)]
    assert first != [grammar(4).packet() for _ in range(500)]


def test_the_grammar_speaks_of_everything() -> None:
    """Most of it is OSC, some of it is not, and nothing raises what the show does not expect."""
    spoken, types, nested, timed, bad = set(), set(), 0, 0, 0
    chance = grammar()
    for _ in range(20_000):
        packet = chance.packet()
        try:
            for when, address, arguments in messages(packet.timed(time.time())):
                spoken.add(address)
                types |= {type(a) for a in arguments}
                nested += any(isinstance(a, list) for a in arguments)
                timed += when is not None and when > time.time() + 0.5
        except ValueError:
            bad += 1
    assert spoken.issuperset(ADDRESSES)
    assert types >= {int, float, str, bytes, bool, type(None), list, tuple}
    assert nested > 100
    assert timed > 100
    assert 100 < bad < 5000


def test_a_bundle_is_timed_when_it_is_sent() -> None:
    packet = Packet(bundle([message("/cue", "i", b"\0\0\0\1")]), 1, 2.5)
    ((when, address, arguments),) = messages(packet.timed(1_000_000.0))
    assert when == pytest.approx(1_000_002.5, abs=1e-3)
    assert (address, arguments) == ("/cue", [1])


def test_packets_cost_what_the_show_counts() -> None:
    chance = grammar()
    for _ in range(5000):
        packet = chance.packet()
        try:
            count = sum(1 for _ in messages(packet.data))
        except ValueError:
            continue
        assert count == packet.messages
        assert packet.cost >= max(count, len(packet.data) // 64)


def test_messages_are_sent_at_the_rate_and_in_small_bursts() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        ear.bind(("127.0.0.1", 0))
        ear.settimeout(0.5)
        heard: list[bytes] = []

        def listen() -> None:
            try:
                while True:
                    heard.append(ear.recv(65536))
            except TimeoutError:
                return

        thread = threading.Thread(target=listen)
        thread.start()
        begun = time.monotonic()
        sent, packets = send(ear.getsockname()[1], grammar(), 1000, 2000.0)
        took = time.monotonic() - begun
        thread.join()
    expected, cost, chance = 0, 0, grammar()
    for _ in heard:
        packet = chance.packet()
        expected += packet.messages
        cost += packet.cost
    assert sent == expected >= 1000
    assert packets == len(heard)
    assert took > (cost - 2 * BURST) / 2000.0
    assert BURST + 128 < MOST  # a burst ends with a packet, which costs no more than that


# ---- what is measured


def test_a_slope_is_found_in_spite_of_steps_that_come_and_go() -> None:
    stream = np.random.RandomState(0)
    times = np.arange(0.0, 7200.0, 10.0)
    values = 800 + 6.0 * times / 3600 + stream.standard_normal(len(times))
    values[100:106] += 50  # what a fault took and gave back
    found = slope(times.tolist(), values.tolist())
    assert found is not None
    assert found.low < 6.0 < found.high
    assert found.high - found.low < 1.0
    assert slope(times[:12].tolist(), values[:12].tolist()) is None


def test_only_a_stop_of_the_whole_explains_a_gap_and_no_more_than_it_lasted() -> None:
    stops = [(10.1, 15.1), (30.0, 31.0)]
    assert unexplained((10.0, 15.2), stops) == pytest.approx(0.2)
    assert unexplained((10.0, 25.0), stops) == pytest.approx(10.0)
    assert unexplained((20.0, 20.4), stops) == pytest.approx(0.4)
    assert unexplained((29.0, 30.5), stops) == pytest.approx(1.0)


def test_what_a_program_holds_is_what_its_processes_hold() -> None:
    code = "import sys; held = bytearray(60_000_000); print(flush=True); sys.stdin.read()"
    before = usage(os.getpid(), 0.0)
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        meanwhile = usage(os.getpid(), 0.0)
        child.kill()
    assert meanwhile.children == before.children + 1
    assert meanwhile.memory > before.memory + 50
    assert meanwhile.threads > before.threads


def test_another_latent_makes_another_digest() -> None:
    one, other = Digests(), Digests()
    for number in range(1200):
        noise = np.full(128, number, np.float32)
        one.add(Latent(noise, noise[:64], 0.5))
        noise = noise + (number == 700)
        other.add(Latent(noise, noise[:64], 0.5))
    assert len(one.found) == 2
    assert [a == b for a, b in zip(one.found, other.found, strict=True)] == [True, False]


def test_a_fault_is_told_when_its_part_told_one_more_in_its_words() -> None:
    kind = next(kind for kind in KINDS if kind.name == "generator raises")
    words = "procedural failed (RuntimeError: the generator was told to fail)"
    now = {"faults": [("drawing", "a", 3, words), ("capture", "b", 1, "no sound came for 1.5 s")]}
    assert tells(kind, {("drawing", "a"): 2}, now)
    assert not tells(kind, {("drawing", "a"): 3}, now)
    assert not tells(kind, {}, {"faults": [("drawing", "c", 1, "has not come round for 2.0 s")]})


def test_there_are_at_least_twenty_kinds_and_each_has_its_own_name() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) > 20
    for kind in KINDS:
        re.compile(kind.part)
        re.compile(kind.words)


# ---- what is said of it


def night_of(**changes: Any) -> Night:
    night = Night(None, 0, set())  # type: ignore[arg-type]  # nothing is played
    for second in range(0, 7200, 10):
        night.samples.append(Usage(night.begun + second, 800 + 0.001 * second / 3600, 30, 20))
    kind = KINDS[0]
    values = {"told": True, "gap": 0.1, "pictures": 0.2, "recovered": 1.0, "memory": 0.0}
    values |= {"onsets": 0, "wrong": ""} | changes
    night.injections.append(Injection(kind, night.begun + 60, **values))  # type: ignore[arg-type]
    return night


def failed(night: Night) -> list[str]:
    return [one.words for one in verdicts(night, None, 7200.0) if one.holds is False]


def test_a_good_night_holds_and_each_failure_is_named() -> None:
    assert failed(night_of()) == []
    assert failed(night_of(told=False)) == ["every fault is told"]
    (unwell,) = failed(night_of(recovered=None))
    assert "well after each" in unwell
    gap = night_of()
    gap.gap = 1.2
    assert len(failed(gap)) == 1
    growing = night_of()
    for number, sample in enumerate(growing.samples):
        growing.samples[number] = Usage(sample.at, 800 + 20 * number / 360, 30, 20)
    assert "memory" in failed(growing)[0]
    slow = night_of()
    slow.fuzz = Fuzz(1000, sent=1000, packets=900, received=900, pictures=0.3)
    assert "new pictures come every" in failed(slow)[0]
    assert "a new picture every" in failed(night_of(pictures=1.2))[0]
    still = night_of()
    still.still = 1.2
    assert "a new picture every" in failed(still)[0]
    deaf = night_of()
    deaf.fuzz = Fuzz(1000, sent=1000, packets=900, received=20)
    assert "every packet arrives" in failed(deaf)[0]
    dead = night_of()
    dead.death = "the show's process ended: SIGSEGV"
    assert failed(dead) == ["the show lives until it is ended"]
    assert "SIGSEGV" in text(dead, None, 7200.0, [])


def test_a_short_night_does_not_judge_the_memory() -> None:
    night = night_of()
    night.samples = night.samples[:30]
    memory = next(one for one in verdicts(night, None, 300.0) if "memory" in one.words)
    assert memory.holds is None
    assert warm(night.samples, night.begun, 300.0)[0].at == night.begun + 80  # a quarter of it


def test_the_table_names_what_was_not_run() -> None:
    said = text(night_of(), None, 7200.0, ["no MIDI: jackd is missing"])
    assert "* no MIDI: jackd is missing" in said
    assert f"* {KINDS[-1].name}: never its turn" in said
    assert f"| {KINDS[0].name} | 1 | 1 |" in said


def test_an_order_of_chance_brings_every_kind_once_before_any_again() -> None:
    kinds = Night(None, 7, {"midi"})._kinds()  # type: ignore[arg-type]
    needed = [kind for kind in KINDS if kind.needs != "midi"]
    order = [next(kinds) for _ in needed]
    assert {kind.name for kind in order} == {kind.name for kind in needed}
    assert order[0].name.startswith(("generator", "analysis"))  # allocates once, in the warming up
    again = [next(kinds) for _ in needed]
    assert {kind.name for kind in again} == {kind.name for kind in needed}
    assert again != order


def test_a_night_of_seven_seconds(tmp_path: Path) -> None:
    """The real thing: a server, a screen, a show, a fault, and everything back from the disk."""
    words = ["--hours", "0.0018", "--every", "3", "--no-midi", "--only", "generator gives rubbish"]
    ran = subprocess.run(
        [sys.executable, "-m", "bench.night", *words, "--to", str(tmp_path / "night.md")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    said = (tmp_path / "night.md").read_text("utf-8")
    assert "* **holds**: every fault is told: " in said, said + ran.stderr
    assert "* **holds**: nothing is lost on disk: nothing" in said, said + ran.stderr
    assert re.search(r"\| generator gives rubbish \| [1-3] \| [1-3] \|", said), said
    assert "* drawing: procedural failed (ValueError: frames of shape" in said


def test_chance_is_ours_alone() -> None:
    """A night is the same night again, whatever else draws numbers."""
    random.seed(1)
    first = next(Night(None, 5, set())._kinds())  # type: ignore[arg-type]
    random.seed(2)
    assert next(Night(None, 5, set())._kinds()) is first  # type: ignore[arg-type]

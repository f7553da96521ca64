"""A running show, and hands that do anything at all: packets, presets, cues and keys.

All of it comes from a grammar. The show's clock is its sound: for each hop that the test makes, it
is heard, drawn and shown. OSC comes through a real socket into the real threads.
"""

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from live.control.address_space import AddressSpace
from live.control.osc import OscPort
from live.engine.ladder import Step
from live.engine.parameters import Parameters
from live.output.window import NoWindow
from live.supervisor import Shift, Supervisor
from synth.constants import HOP, RATE
from synth.latents.bank import Bank, Keyframe, save_bank
from synth.latents.keyframes import Cues
from synth.latents.latent import Latent
from synth.settings.knobs import Knobs
from synth.settings.preset import preset_of
from tests import osc_grammar
from tests.decks import show_of
from tests.doubles import Room, Tints
from tests.stage import until

QUARTER = RATE // HOP // 4 + 1  # hops in 250 ms


class Screen(NoWindow):
    """Counts new pictures, and shows them as fast as they come."""

    def __init__(self) -> None:
        super().__init__()
        self.pictures = 0

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        self.pictures += 1

    def draw(self, fit: str, shade: float) -> bool:
        return True


class Stepped:
    """A show that goes on hop by hop, as the test says."""

    def __init__(self, folder: Path) -> None:
        bank = folder / "lines.ljbank"
        save_bank(bank, [keyframe(k) for k in range(4)], {"generator": "tints", "weights": ""})
        (folder / "own.toml").write_text('description = "mine"\n')
        self.preset = folder / "own.toml"
        self.room, self.screen, self.hops = Room(), Screen(), 0
        generator = Tints()
        self.supervisor = Supervisor(self.clock)
        self.show = show_of(
            self.room,
            Parameters(preset_of(str(self.preset)), [], self.preset),
            generator,
            [Step("tints", 1.0, lambda: generator)],
            governs=False,
            cues=Cues(Bank(bank), follows=False),
            supervisor=self.supervisor,
        )
        self.address_space = AddressSpace(self.show.deck)
        self.port = OscPort(self.address_space, ("127.0.0.1", 0), clock=self.clock, wall=self.wall)
        self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.show.deck.parameters.start(self.supervisor)
        self.port.start(self.supervisor)
        self._ears = self._painter = Shift(self.clock)
        self.show.deck.analysis._supervisor = self.show.deck.renderer._supervisor = self.supervisor
        self.go_on(QUARTER)

    def clock(self) -> float:
        return 1000.0 + self.hops * HOP / RATE

    def wall(self) -> float:
        return 1.8e9 + self.hops * HOP / RATE

    def close(self) -> None:
        self.port.stop()
        self.show.deck.parameters.stop()
        self.sender.close()

    def send(self, packet: bytes) -> None:
        """One packet, and wait until it was taken."""
        before = self.port.received
        self.sender.sendto(packet[:60_000], self.port.place)
        until(lambda: self.port.received > before, f"the taking of {packet[:80]!r}", 5)

    def go_on(self, hops: int) -> int:
        """So many hops of sound; returns how many new pictures came."""
        before = self.screen.pictures
        for _ in range(hops):
            self.hops += 1
            self.room.sound()
            self.show.deck.analysis._listen(self._ears)
            self.show.deck.renderer._paint(self._painter)
            self.show._once(self.screen)
        return self.screen.pictures - before

    @property
    def untold(self) -> int:
        """What was refused or dropped, less what was told of it."""
        quiet = self.address_space.refused + self.port.dropped + self.port.malformed
        told = (f.count for f in self.supervisor.faults if f.part in ("controls", "OSC in"))
        return quiet - sum(told)


def keyframe(number: int) -> Keyframe:
    stream = np.random.RandomState(number)
    noise = stream.standard_normal(128).clip(-2, 2).astype(np.float32) * 0.5
    latent = Latent(noise, stream.random_sample(12).astype(np.float32), 0.5)
    return Keyframe(
        f"line {number}", float(number), 1.0, 0.1, 0.1, latent, np.zeros((4, 4, 3), np.uint8)
    )


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stepped]:
    running = Stepped(tmp_path_factory.mktemp("fuzz"))
    yield running
    running.close()


ADDRESSES = sorted(
    AddressSpace(show_of(Room(), Parameters(preset_of("silk"), [], None), Tints()).deck).nodes
)
PACKETS = osc_grammar.packets(ADDRESSES, 1.8e9)
TOML = st.one_of(
    st.text(max_size=60),
    st.just(""),
    st.just("[" * 3000),
    st.just("x = " + "[" * 3000),
    st.just("description = 5"),
    st.builds(
        "[steer]\n{} = {}\n".format,
        st.sampled_from(("truncation", "seed", "classes", "kick", "nothing")),
        st.sampled_from(("0.3", "nan", "inf", "-1", "9" * 5000, '"a"', "[1,2]", "{}", "true", "")),
    ),
)
HANDS = st.one_of(
    *[PACKETS.map(lambda packet: ("packet", packet))] * 6,
    TOML.map(lambda text: ("preset", text)),
    st.sampled_from([" ", "b", "f", "h", "p", "left", "right", "t", "g", "l", "1", "9"]).map(
        lambda key: ("key", key)
    ),
)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(hands=st.lists(HANDS, min_size=1, max_size=6))
def test_pictures_go_on_every_thread_lives_and_every_fault_is_told(
    stepped: Stepped, hands: list[tuple[str, bytes | str]]
) -> None:
    for kind, what in hands:
        if isinstance(what, bytes):
            stepped.send(what)
        elif kind == "preset":
            stepped.preset.write_text(what, "utf-8", errors="replace")
        else:
            stepped.show.key(stepped.screen, what)
        stepped.go_on(2)
    stepped.show.deck.freeze(False)  # a frozen picture stands because it is asked to
    assert stepped.go_on(QUARTER) > 0
    stepped.supervisor.look()
    dead = [
        worker.name for worker in stepped.supervisor.workers if worker._thread and not worker.alive
    ]
    assert not dead
    assert not stepped.supervisor.restarts
    assert stepped.untold <= 0
    assert not stepped.show.deck.analysis.trouble
    Knobs.model_validate(stepped.show.deck.engine.knobs.model_dump())
    unknown = [
        str(fault)
        for fault in stepped.supervisor.faults
        if fault.part in ("analysis", "drawing", "main loop", "OSC out")
        or (fault.part == "OSC in" and "failed" in fault.kind)
    ]
    assert not unknown, unknown


def test_a_good_message_is_carried_out_after_all_that(stepped: Stepped) -> None:
    stepped.go_on(4 * QUARTER)  # the allowance of messages is full again
    stepped.send(osc_grammar.message("/panic", []))
    stepped.send(osc_grammar.message("/steer/kick", [("f", b"\x3e\x80\0\0")]))
    stepped.go_on(QUARTER)
    assert stepped.show.deck.engine.knobs.steer.kick == 0.25

"""What controllers cost: from datagram to knob, and what a flood or rubbish does to a show.

    python -m bench.hands

A show plays the demo song meanwhile, with the embedded generator and no window.
"""

import random
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from bench.report import machine, publish, table
from demo.compose import compose, write
from live.audio.file_player import Playback
from live.control.address_space import AddressSpace
from live.control.osc import OscPort
from live.control.osc_packets import messages, packet_of
from live.deck import assembled
from live.engine.ladder import Ladder, Step
from live.engine.parameters import Parameters
from live.output.window import NoWindow
from live.report import Report
from live.show import Show
from synth.generators.procedural.generator import Procedural
from synth.settings.preset import preset_of

SECONDS = 8.0
STEADY, FLOOD = 1000, 50000  # messages a second
RUBBISH = 10000
MUTATED = 200_000


def shown(song: Path, meanwhile: Callable[[OscPort], None]) -> tuple[Report, OscPort]:
    """A show of SECONDS, and what was done to its port."""
    generator = Procedural(256)
    parameters = Parameters(preset_of("silk"), [], None)
    ladder = Ladder(generator, [Step("procedural", 1.0, lambda: generator)])
    show = Show(assembled(Playback(song, aloud=False), parameters, ladder, governs=False))
    show.panel.overlay_on = False
    port = OscPort(AddressSpace(show.deck), ("127.0.0.1", 0))
    port.start(show.supervisor)
    hands = threading.Thread(target=meanwhile, args=(port,))
    hands.start()
    report = show.run(NoWindow(), SECONDS)
    hands.join()
    port.stop()
    return report, port


def delays(port: OscPort, late: list[float]) -> None:
    """Milliseconds from sending until the knob's value can be read, STEADY messages a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        end, due, number = time.monotonic() + SECONDS - 1, time.monotonic(), 0
        while time.monotonic() < end:
            number += 1
            value = round(0.1 + 0.0001 * (number % 5000), 6)
            sent = time.monotonic()
            sender.sendto(packet_of("/steer/truncation", [value]), port.place)
            if number % 10 == 0:
                while abs(port.address_space.value("/steer/truncation")[0] - value) > 1e-6:
                    if time.monotonic() - sent > 0.2:
                        break
                    time.sleep(0.0002)
                late.append(1000 * (time.monotonic() - sent))
            due += 1 / STEADY
            time.sleep(max(0.0, due - time.monotonic()))


def flooded(port: OscPort) -> None:
    """FLOOD datagrams a second from another process."""
    code = f"""
import socket, time
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
packet = {packet_of("/steer/truncation", [0.5])!r}
end = due = time.monotonic()
end += {SECONDS - 1}
while time.monotonic() < end:
    for _ in range(250): sender.sendto(packet, ("127.0.0.1", {port.place[1]}))
    due += 250 / {FLOOD}
    time.sleep(max(0, due - time.monotonic()))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def rubbish(port: OscPort) -> None:
    """Mutated packets from another process, RUBBISH a second."""
    code = f"""
import itertools, socket, time
from bench.hands import mutated
packets = itertools.cycle(list(mutated(20000)))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
end = due = time.monotonic()
end += {SECONDS - 2}
while time.monotonic() < end:
    for _ in range(50): sender.sendto(next(packets), ("127.0.0.1", {port.place[1]}))
    due += 50 / {RUBBISH}
    time.sleep(max(0, due - time.monotonic()))
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def escaped() -> int:
    """Exceptions that leave the parser for MUTATED packets, other than the one it promises."""
    count = 0
    for packet in mutated(MUTATED):
        try:
            list(messages(packet))
        except ValueError:
            continue
        except Exception:  # that is what is counted
            count += 1
    return count


def mutated(count: int) -> Iterator[bytes]:
    """Good packets with bytes changed, cut, added and doubled."""
    chance = random.Random(0)
    whole = packet_of("/steer/truncation", [0.4])
    seeds = [
        whole,
        packet_of("/steer/truncation/to", [0.2, 4.0]),
        packet_of("/preset/load", ["reef"]),
        b"#bundle\0" + struct.pack(">IIi", 0, 1, len(whole)) + whole,
    ]
    for _ in range(count):
        packet = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 6)):
            _mutate(packet, chance)
        yield bytes(packet)


def _mutate(packet: bytearray, chance: random.Random) -> None:
    match chance.randint(0, 3):
        case 0 if packet:
            packet[chance.randrange(len(packet))] = chance.randrange(256)
        case 1:
            del packet[chance.randint(0, len(packet)) :]
        case 2:
            packet += chance.randbytes(chance.randint(0, 8))
        case _:
            packet += packet[: chance.randint(0, len(packet))]


def row(name: str, report: Report, port: OscPort) -> list[object]:
    seconds = report.seconds
    return [
        name,
        port.received,
        port.dropped,
        port.malformed,
        f"{report.frames_generated / seconds:.1f}",
        f"{report.frames_shown / seconds:.0f}",
        f"{report.onsets_shown} of {report.onsets_heard}",
        f"{report.latency_ms['p50']:.0f} / {report.latency_ms['p99']:.0f}",
    ]


def main() -> None:
    late: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        song = Path(name) / "song.wav"
        write(song, compose())
        rows = [
            row("nobody", *shown(song, lambda _port: None)),
            row(f"{STEADY} a second", *shown(song, lambda port: delays(port, late))),
            row(f"{FLOOD} a second", *shown(song, flooded)),
            row(f"{RUBBISH} of rubbish", *shown(song, rubbish)),
        ]
    head = ["messages", "taken", "dropped", "malformed", "drawn/s", "shown/s", "onsets", "ms late"]
    publish(
        "hands",
        f"""# Controllers: what they cost a show

{machine()}.

{SECONDS:.0f} seconds of the demo song each, the embedded generator at 256 px, no window; the
senders run on the same cores. *ms late* is from sound to picture, median / p99.

{table(head, rows)}

From datagram to knob at {STEADY} messages a second: median {np.median(late):.2f} ms, p99
{np.percentile(late, 99):.2f} ms ({len(late)} measured).

{MUTATED} mutated packets: {escaped()} exceptions escaped.""",
    )


if __name__ == "__main__":
    main()

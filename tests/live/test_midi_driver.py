"""The driver's process: asked, told, hung, fallen and killed."""

import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from live.control import midi_process
from live.control.midi_driver import (
    Driver,
    DriverFault,
    DriverLost,
    DriverMissing,
    Link,
    Told,
    driver_for,
)
from synth.errors import UserError
from tests.live import wired
from tests.live.wired import Wires
from tests.stage import until

wires = wired.wires


@pytest.fixture
def heard() -> list[Told]:
    return []


@pytest.fixture
def driver(wires: Wires, heard: list[Told]) -> Iterator[Driver]:
    driver = Driver(heard.append)
    yield driver
    driver.end(1.0)


def begun_to_look(link: Link) -> tuple[threading.Thread, list[DriverLost]]:
    """A thread that looks until its link is lost, and what it is told then."""
    freed: list[DriverLost] = []

    def look() -> None:
        try:
            link.ask("look")
        except DriverLost as error:
            freed.append(error)

    thread = threading.Thread(target=look)
    thread.start()
    return thread, freed


def test_it_looks_opens_hears_and_sends(driver: Driver, wires: Wires, heard: list[Told]) -> None:
    wires.plug("Box 1", "Bóx 2")
    looking, playing = driver.links()
    assert looking.ask("look") == [["Box 1", "Bóx 2"]] * 2
    playing.ask("open", "Bóx 2")
    wires.say("Bóx 2", "control_change", control=7, value=64, channel=3)
    until(lambda: heard, "the message", 3)
    message = {"type": "control_change", "control": 7, "value": 64, "channel": 3, "time": 0}
    assert heard == [{"heard": message, "port": "Bóx 2"}]
    playing.ask("lights", "Bóx 2")
    playing.ask("send", "Bóx 2", [{"type": "note_on", "note": 5, "velocity": 127}])
    (light,) = wires.sent("Bóx 2")
    assert (light.type, light.note, light.velocity) == ("note_on", 5, 127)
    playing.ask("close", "Bóx 2", "Bóx 2")
    assert wires.calls("close") == 1


def test_a_driver_that_hangs_outlives_nobody_for_long(wires: Wires) -> None:
    """Not even a show that was killed and closes nothing."""
    wires.plug("Box")
    wires.fate("look-hangs").touch()
    program = [sys.executable, "-P", midi_process.__file__, "1"]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        assert process.stdin is not None
        process.stdin.write(b'["look"]\n')
        process.stdin.flush()
        try:
            assert process.wait(20) == -signal.SIGALRM
        finally:
            process.kill()


def test_a_message_takes_less_than_five_milliseconds_while_ports_are_looked_for(
    driver: Driver, wires: Wires
) -> None:
    """Beside the file that stands for the wire, which is looked at each millisecond."""
    times: list[float] = []
    driver._heard = lambda _: times.append(time.monotonic())
    wires.plug("Box")
    looking, playing = driver.links()
    playing.ask("open", "Box")
    wires.fate("look-hangs").touch()
    begun_to_look(looking)
    until(lambda: wires.calls("look"), "the look", 5)
    waits = []
    for n in range(40):
        before, said = len(times), time.monotonic()
        wires.say("Box", "control_change", control=7, value=n)
        until(lambda n=before: len(times) > n, "the message", 3)
        waits.append(times[-1] - said)
    assert sorted(waits)[10] < 0.005


def test_what_cannot_be_done_is_a_fault_and_the_process_goes_on(
    driver: Driver, wires: Wires
) -> None:
    wires.plug("Box")
    looking, playing = driver.links()
    wires.fate("open-raises").touch()
    with pytest.raises(DriverFault, match="OSError: the server is gone"):
        playing.ask("open", "Box")
    with pytest.raises(DriverFault, match="KeyError: 'Nowhere'"):
        playing.ask("send", "Nowhere", [{"type": "note_on"}])
    with pytest.raises(DriverFault, match="KeyError"):
        playing.ask("nonsense")
    wires.fate("open-raises").unlink()
    playing.ask("open", "Box")
    assert driver.links() == (looking, playing)


def test_one_that_falls_is_lost_and_another_one_is_there(driver: Driver, wires: Wires) -> None:
    looking, playing = driver.links()
    wires.fate("look-falls").touch()
    with pytest.raises(DriverLost, match="ended with signal 11"):
        looking.ask("look")
    with pytest.raises(DriverLost):
        looking.ask("look")
    wires.fate("look-falls").unlink()
    assert not set(driver.links()) & {looking, playing}
    assert driver.links()[0].ask("look") == [[], []]
    with pytest.raises(DriverLost):  # the other one's ports are of the same life
        playing.ask("look")


def test_one_that_hangs_with_pythons_lock_is_killed_and_frees_who_waits(
    driver: Driver, wires: Wires
) -> None:
    looking, _ = driver.links()
    looking.ask("hello")
    wires.fate("look-hangs").touch()
    thread, freed = begun_to_look(looking)
    until(lambda: wires.calls("look"), "the hanging", 3)
    begun = time.monotonic()
    driver.kill()
    thread.join(2)
    assert time.monotonic() - begun < 1
    assert len(freed) == 1
    with pytest.raises(DriverLost, match="not answered for 0.1 s"):
        driver.links()[0].ask("look", seconds=0.1)


def test_the_end_comes_in_time_and_nothing_begins_after_it(driver: Driver, wires: Wires) -> None:
    looking, _ = driver.links()
    wires.fate("look-hangs").touch()
    thread, freed = begun_to_look(looking)
    until(lambda: wires.calls("look"), "the hanging", 3)
    begun = time.monotonic()
    assert driver.end(0.5)
    assert time.monotonic() - begun < 0.8
    thread.join(1)
    assert len(freed) == 1
    with pytest.raises(DriverLost, match="not started again"):
        driver.links()


def test_a_process_that_nobody_asks_any_more_ends(wires: Wires) -> None:
    program = str(midi_process.__file__)
    with subprocess.Popen(
        [sys.executable, "-P", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'["look"]\n')
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == {"answer": [[], []]}
        process.stdin.close()
        assert process.wait(10) == 0


def test_too_much_at_once_drops_the_oldest_and_tells(wires: Wires, heard: list[Told]) -> None:
    """The show stands still for a while, and nobody reads what a controller says."""
    let_go = threading.Event()

    def slow(told: Told) -> None:
        let_go.wait(20)
        heard.append(told)

    driver = Driver(slow)
    wires.plug("Box")
    _, playing = driver.links()
    playing.ask("open", "Box")
    for n in range(6000):
        wires.say("Box", "control_change", control=n // 128, value=n % 128)
    wires.say("Box", "note_on", note=1)
    time.sleep(0.5)
    let_go.set()
    until(lambda: any(t.get("heard", {}).get("type") == "note_on" for t in heard), "the last", 5)
    until(lambda: any("dropped" in told for told in heard), "what was dropped", 5)
    dropped = sum(told.get("dropped", 0) for told in heard)
    assert dropped + sum("heard" in told for told in heard) == 6001
    assert dropped > 1000
    assert driver.end(1.0)


def test_a_start_without_file_descriptors_is_a_fault(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin, begun = subprocess.Popen, list[Any]()

    def popen(*words: Any, **how: Any) -> Any:
        if begun:
            raise OSError(24, "Too many open files")
        begun.append(begin(*words, **how))
        return begun[-1]

    monkeypatch.setattr("live.control.midi_driver.subprocess.Popen", popen)
    with pytest.raises(DriverFault, match="cannot be started .*Too many open files"):
        driver.links()
    assert begun[0].wait(2) < 0  # the half that began is not left behind
    monkeypatch.undo()


def test_no_library_and_no_server_are_said_at_once(
    wires: Wires, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDO_BACKEND", "no_such_backend")
    with pytest.raises(UserError, match="needs mido and python-rtmidi"):
        driver_for(print)
    monkeypatch.setenv("MIDO_BACKEND", "wires")
    wires.fate("look-raises").touch()
    with pytest.raises(UserError, match="cannot be had here .*the server is gone.*use OSC"):
        driver_for(print)
    monkeypatch.delenv("MIDO_BACKEND")
    if not Path("/dev/snd/seq").exists():
        with pytest.raises(UserError, match="cannot be had here .*/dev/snd/seq"):
            driver_for(print)


def test_a_driver_that_falls_at_first_is_asked_again_later(wires: Wires) -> None:
    wires.fate("look-falls").touch()
    driver = driver_for(print)
    wires.fate("look-falls").unlink()
    assert driver.links()[0].ask("look") == [[], []]
    assert driver.end(1.0)


def test_a_missing_library_is_a_fault_of_its_own(
    driver: Driver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MIDO_BACKEND", "no_such_backend")
    with pytest.raises(DriverMissing):
        driver.links()[0].ask("hello")

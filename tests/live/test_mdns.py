"""Being found by mDNS, on this machine's own network."""

import time

import pytest
from zeroconf import ServiceInfo, Zeroconf

from live.control.mdns import Announcement, Service, host_name
from live.control.network_addresses import interfaces, reachable
from live.supervisor import Supervisor
from tests.stage import until

HERE = str(next(i.ip for i in interfaces() if i.version == 4))


def found(kind: str, port: int, seconds: float = 4.0) -> ServiceInfo | None:
    network = Zeroconf(interfaces=[HERE])
    name = f"Latent Jockey {port}.{kind}.local."
    info = network.get_service_info(f"{kind}.local.", name, timeout=int(1000 * seconds))
    network.close()
    return info


def test_controllers_find_what_is_open_to_them() -> None:
    """OSCQuery and OSC, at this machine's addresses and under its name; and then no longer."""
    supervisor = Supervisor()
    services = [Service("_oscjson._tcp", "0.0.0.0", 9001), Service("_osc._udp", HERE, 9000)]
    announcement = Announcement(services)
    announcement.start(supervisor)
    info = found("_oscjson._tcp", 9001, 20)
    assert info is not None
    assert info.port == 9001
    assert info.server == f"{host_name(9001)}."
    four = [address for address in reachable("0.0.0.0") if ":" not in address]
    assert sorted(info.parsed_addresses()) == sorted(four)
    assert "127.0.0.1" not in info.parsed_addresses()
    info = found("_osc._udp", 9000)
    assert info is not None
    assert info.parsed_addresses() == [HERE]
    begun = time.monotonic()
    announcement.stop()
    assert time.monotonic() - begun < 1.2
    assert found("_oscjson._tcp", 9001, 0.5) is None
    assert list(supervisor.faults) == []


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "127.0.1.1"])
def test_what_is_on_loopback_is_nobodys_business(host: str) -> None:
    supervisor = Supervisor()
    announcement = Announcement([Service("_oscjson._tcp", host, 9001)])
    announcement.start(supervisor)
    assert supervisor.workers == [], "not even a socket is opened"
    announcement.stop()


def test_a_network_that_does_not_take_part_is_told_and_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr("zeroconf.asyncio.AsyncZeroconf.async_register_service", refuse)
    monkeypatch.setattr("live.control.mdns._AGAIN", 0.2)
    supervisor = Supervisor()
    announcement = Announcement([Service("_oscjson._tcp", "0.0.0.0", 9001)])
    announcement.start(supervisor)
    until(lambda: supervisor.faults.total >= 2, "another try", 10)
    (fault,) = supervisor.faults
    assert fault.part == "mDNS"
    assert "controllers do not find the show by themselves" in fault.text
    announcement.stop()


def test_a_network_that_hangs_delays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object, **__: object) -> None:
        time.sleep(3)
        raise OSError("too late")

    monkeypatch.setattr("zeroconf.asyncio.AsyncZeroconf.async_register_service", hang)
    supervisor = Supervisor()
    announcement = Announcement([Service("_oscjson._tcp", "0.0.0.0", 9001)])
    begun = time.monotonic()
    announcement.start(supervisor)
    assert time.monotonic() - begun < 0.5
    time.sleep(1.0)
    announcement.stop()
    assert time.monotonic() - begun < 2.5
    assert [fault.kind for fault in supervisor.faults] == ["left"]
    time.sleep(3)  # it ends by itself, and closes what it opened


@pytest.mark.parametrize("seconds", [0.0, 0.2, 0.6, 1.2])
def test_it_ends_soon_whenever_that_is(seconds: float) -> None:
    """Also in the middle of asking whether its name is free."""
    supervisor = Supervisor()
    announcement = Announcement([Service("_oscjson._tcp", "0.0.0.0", 9002)])
    announcement.start(supervisor)
    time.sleep(seconds)
    announcement.stop()
    assert list(supervisor.faults) == []


def test_without_a_network_there_is_nothing_to_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    """And once there is one, it is told."""
    monkeypatch.setattr("live.control.mdns._REFRESHED", 0.2)
    addresses = [["127.0.0.1"]]
    monkeypatch.setattr("live.control.mdns.reachable", lambda _: addresses[0])
    supervisor = Supervisor()
    announcement = Announcement([Service("_oscjson._tcp", "0.0.0.0", 9003)])
    announcement.start(supervisor)
    assert found("_oscjson._tcp", 9003, 1.0) is None
    addresses[0] = [HERE]
    assert found("_oscjson._tcp", 9003, 20) is not None
    announcement.stop()
    assert list(supervisor.faults) == []

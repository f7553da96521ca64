"""Who may enter, by headers and addresses alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from live.control.access import Guard, Refusal, networks_of, within
from synth.errors import UserError

HOSTS = {"192.168.1.5", "fd00::2", "latent-jockey-9001.local"}
GOOD = "192.168.1.5:9001"


def judged(*headers: tuple[str, str], tokens: tuple[str, ...] = (), token: str = "") -> object:
    return Guard(token).refusal(CIMultiDict(headers), tokens, HOSTS)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "localhost:9001",
        "LOCALHOST.:9001",
        "127.0.0.1",
        "127.0.0.1:9001",
        "127.9.9.9:1",
        "[::1]",
        "[::1]:9001",
        "[0:0:0:0:0:0:0:1]:9001",
        "[::ffff:127.0.0.1]:9001",
        "192.168.1.5",
        GOOD,
        "[fd00::2]:9001",
        "[FD00:0::2]:9001",
        "[fd00::2%eth0]:9001",
        "Latent-Jockey-9001.local.:9001",
    ],
)
def test_our_own_addresses_are_good_in_any_spelling(host: str) -> None:
    assert judged(("Host", host)) is None


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:9001",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "0.0.0.0:9001",
        "[::]:9001",
        "192.168.1.6",
        "127.1",
        "2130706433",
        "0x7f000001",
        "",
        "localhost:",
        "localhost:x",
        "localhost:123456",
        "::1",
        "[::1",
        "::1]",
        "[evil]:9001",
        "user@localhost",
        "localhost/",
        "localhost:9001, evil",
        "локалхост",
        "\udc80",
    ],
)
def test_any_other_name_is_refused(host: str) -> None:
    assert judged(("Host", host)) is Refusal.HOST


def test_a_host_is_told_once_and_only_once() -> None:
    assert judged() is Refusal.HOST
    assert judged(("Host", GOOD), ("Host", GOOD)) is Refusal.HOST


@pytest.mark.parametrize("site", ["cross-site", "same-site", "Cross-Site", "nonsense", ""])
def test_requests_of_other_sites_are_refused(site: str) -> None:
    assert judged(("Host", GOOD), ("Sec-Fetch-Site", site)) is Refusal.PAGE


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_what_a_person_opens_and_the_page_itself_may_enter(site: str) -> None:
    assert judged(("Host", GOOD), ("Sec-Fetch-Site", site)) is None


@pytest.mark.parametrize(
    ("host", "origin", "good"),
    [
        (GOOD, "http://192.168.1.5:9001", True),
        (GOOD, "http://192.168.1.5:9002", False),
        (GOOD, "http://192.168.1.5", False),
        (GOOD, "http://evil.example", False),
        (GOOD, "http://evil.example/http://192.168.1.5:9001", False),
        (GOOD, "null", False),
        (GOOD, "", False),
        (GOOD, "file://192.168.1.5:9001", False),
        ("192.168.1.5", "http://192.168.1.5", True),
        ("192.168.1.5:80", "http://192.168.1.5", True),
        ("192.168.1.5", "https://192.168.1.5:443", True),
        ("[::1]:9001", "http://[::1]:9001", True),
        ("localhost:9001", "http://127.0.0.1:9001", False),
        ("LOCALHOST:9001", "http://localhost:9001", True),
    ],
)
def test_an_origin_must_be_the_same(host: str, origin: str, good: bool) -> None:
    assert judged(("Host", host), ("Origin", origin)) is (None if good else Refusal.PAGE)


def test_a_token_is_needed_where_there_is_one() -> None:
    here = ("Host", GOOD)
    assert judged(here, token="secret") is Refusal.TOKEN
    assert judged(here, token="secret", tokens=("guess",)) is Refusal.WRONG
    assert judged(here, token="secret", tokens=("secre\udc80",)) is Refusal.WRONG
    assert judged(here, token="secret", tokens=("",)) is Refusal.WRONG
    assert judged(here, token="secret", tokens=("secret",)) is None
    assert judged(here, token="secret", tokens=("old", "secret")) is None, "a cookie from before"


@given(st.lists(st.tuples(st.sampled_from(["Host", "Origin", "Sec-Fetch-Site"]), st.text())))
def test_no_headers_raise_or_get_by_the_token(headers: list[tuple[str, str]]) -> None:
    assert judged(*headers, token="secret") is not None


@pytest.mark.parametrize(
    ("text", "host", "inside"),
    [
        ("10.0.0.2", "10.0.0.2", True),
        ("10.0.0.2", "10.0.0.3", False),
        ("10.0.0.2, 192.168.1.0/24", "192.168.1.77", True),
        ("192.168.1.5/24", "192.168.1.77", True),
        ("fd00::/8", "fd00::2", True),
        ("fd00::/8", "10.0.0.2", False),
        ("10.0.0.0/8", "::ffff:10.1.2.3", True),
        ("fe80::/10", "fe80::1%eth0", True),
        ("0.0.0.0/0", "8.8.8.8", True),
        ("10.0.0.2", "nonsense", False),
    ],
)
def test_networks_hold_their_addresses(text: str, host: str, inside: bool) -> None:
    assert within(host, networks_of(text, "--osc-allow")) == inside


@pytest.mark.parametrize("text", ["lamp", "10.0.0", "10.0.0.256", "10.0.0.2/33", "10.0.0.2,", "*"])
def test_what_is_no_address_is_told_with_the_cure(text: str) -> None:
    says = "--osc-allow is .*; write IP addresses or networks, such as 10.0.0.2,192.168.1.0/24"
    with pytest.raises(UserError, match=says):
        networks_of(text, "--osc-allow")


def test_nobody_is_named_where_the_option_is_missing() -> None:
    assert networks_of(None, "--osc-allow") == ()

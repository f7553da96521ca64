import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth.audio_file import hops_of
from synth.engine import Engine
from synth.errors import UserError
from synth.latents.keyframes import Cues
from synth.latents.latent import Latent
from synth.session import (
    BLACKOUT,
    Event,
    Replay,
    Session,
    SessionWriter,
    changed,
    load_session,
)
from synth.settings.knobs import Knobs, with_values
from synth.settings.preset import preset_of
from tests import sounds
from tests.doubles import Lamp
from tests.synth.test_bank import bank, keyframe

DEEP = "[" * 100_000


def written(folder: Path) -> Path:
    writer = SessionWriter(folder / "a.ljlog", {"preset": "silk"}, Knobs())
    for hop in sounds.hops(sounds.noise(1.0)):
        writer.hop(hop)
    writer.event({"hop": 3, "set": {"steer.truncation": 0.2}, "fade": None})
    writer.close()
    return folder / "a.ljlog"


def test_sound_comes_back_sample_for_sample(tmp_path: Path) -> None:
    session = load_session(written(tmp_path))
    assert np.array_equal(
        np.concatenate(list(hops_of(session.sound))),
        np.concatenate(sounds.hops(sounds.noise(1.0))),
    )
    assert session.about["preset"] == "silk"


def test_a_crash_leaves_what_was_written(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, synth.session as p\n"
        "p.SessionWriter.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from tests.synth.test_session import written\n"
        f"written(pathlib.Path({str(tmp_path)!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False)
    assert ran.returncode == -signal.SIGKILL
    folder = tmp_path / "a.ljlog"
    with (folder / "events.jsonl").open("a") as events:
        events.write('{"hop": 9, "se')
    session = load_session(folder)
    assert [event["hop"] for event in session.events] == [3]
    played = np.concatenate(sounds.hops(sounds.noise(1.0)))
    assert np.array_equal(np.concatenate(list(hops_of(session.sound))), played)


def test_a_performance_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's."""
    with pytest.raises(TypeError):
        SessionWriter(tmp_path / "a.ljlog", {"preset": object()}, Knobs())
    with pytest.raises(UserError, match=r"a\.ljlog: cannot be written \("):
        SessionWriter(Path("/proc/a.ljlog"), {}, Knobs())  # where root may not write either
    code = (
        "import pathlib, resource, signal\n"
        "from synth.session import Knobs, SessionWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))\n"
        f"SessionWriter(pathlib.Path({str(tmp_path / 'a.ljlog')!r}), {{}}, Knobs())"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "a.ljlog: cannot be written (File too large); free space" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_only_a_performance_without_sound_is_discarded(tmp_path: Path) -> None:
    SessionWriter(tmp_path / "a.ljlog", {}, Knobs()).discard()
    assert list(tmp_path.iterdir()) == []
    writer = SessionWriter(tmp_path / "a.ljlog", {}, Knobs())
    writer.event({"hop": 0, "freeze": True})
    writer.hop(np.ones(512, np.float32))
    writer.discard()
    writer.close()
    session = load_session(writer.path)
    assert len(session.events) == sum(map(len, hops_of(session.sound))) / 512 == 1


def test_changes_are_what_differs() -> None:
    silk, reef = preset_of("silk").knobs, preset_of("reef").knobs
    assert changed(silk, silk) == {}
    assert with_values(silk, changed(silk, reef), "here") == reef
    as_text = json.loads(json.dumps(changed(silk, reef)))
    assert with_values(silk, as_text, "here") == reef


def test_a_blackout_fades_over_a_second() -> None:
    hop = Engine.HOP_SECONDS
    events = ({"hop": round(2 / hop), "blackout": True}, {"hop": round(5 / hop), "blackout": False})
    session = Session(Path(), {}, Knobs(), events)
    shades = [session.shade(t) for t in (0.0, 1.9, 2.5, 3.1, 4.9, 5.5, 7.0)]
    assert shades == pytest.approx([1, 1, 0.5, 0, 0, 0.5, 1], abs=0.02)


def shade_by_its_definition(events: tuple[Event, ...], seconds: float) -> float:
    """Every blackout up to now, one after the other."""
    shade, aim, since = 1.0, 1.0, 0.0

    def faded(until: float) -> float:
        step = (until - since) / BLACKOUT
        return max(aim, shade - step) if aim < shade else min(aim, shade + step)

    for event in events:
        at = event["hop"] * Engine.HOP_SECONDS
        if "blackout" in event and at <= seconds:
            shade = faded(at)
            aim, since = (0.0 if event["blackout"] else 1.0), at
    return faded(seconds)


@given(
    st.lists(st.tuples(st.integers(0, 400), st.sampled_from([True, False, None])), max_size=30),
    st.lists(st.floats(0, 6), max_size=20),
)
def test_a_shade_is_what_its_definition_says(
    turns: list[tuple[int, bool | None]], moments: list[float]
) -> None:
    """Blackouts among other events, also several at one hop, asked for in any order."""
    events = tuple(
        {"hop": hop} | ({"freeze": True} if black is None else {"blackout": black})
        for hop, black in sorted(turns, key=lambda turn: turn[0])
    )
    session = Session(Path(), {}, Knobs(), events)
    assert session.darkens == any(black is not None for _, black in turns)
    on_the_spot = [event["hop"] * Engine.HOP_SECONDS for event in events]
    for moment in (*moments, *on_the_spot):
        assert session.shade(moment) == shade_by_its_definition(events, moment)


def test_a_frame_does_not_look_at_every_event_of_the_night() -> None:
    looked: list[int] = []

    class Night(tuple[Event, ...]):
        def __iter__(self) -> Iterator[Event]:
            looked.append(1)
            return super().__iter__()

    night = Night({"hop": 40 * k, "blackout": k % 2 == 0} for k in range(1000))
    session = Session(Path(), {}, Knobs(), night)
    once = len(looked)
    assert {session.shade(k / 30) for k in range(1000)} != {1.0}
    assert len(looked) == once


def test_an_event_that_was_written_late_comes_at_its_hop(tmp_path: Path) -> None:
    """The screen's thread writes freezes, the analysis one knobs; neither waits for the other."""
    folder = written(tmp_path)
    with (folder / "events.jsonl").open("a") as events:
        events.write('{"hop": 9, "set": {"steer.kick": 1.0}, "fade": null}\n')
        events.write('{"hop": 8, "freeze": true}\n{"hop": 20, "freeze": false}\n')
    session = load_session(folder)
    assert [event["hop"] for event in session.events] == [3, 8, 9, 20]
    replay = Replay(session, lambda classes: classes[:, :12])
    shown = [replay.hear(hop) for hop in hops_of(session.sound)]
    assert all(latent is shown[7] for latent in shown[8:20])
    assert shown[20] is not shown[7]


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("show.json", "no json", "is no session"),
        ("show.json", "[]", "is no session"),
        ("show.json", '{"knobs": {}, "format": 99}', "has format 99"),
        ("show.json", '{"knobs": {"steer": {"kick": 9}}}', "steer.kick is 9"),
        ("events.jsonl", "nonsense\n{}", "line 1 is no event"),
        ("events.jsonl", '{"hop": 1, "at": "x"}\n{"hop": 1}', "at is 'x'; it must be seconds"),
        pytest.param("show.json", DEEP, "is no session", id="deep"),
        pytest.param("events.jsonl", DEEP + '\n{"hop": 1}', "line 1 is no event", id="deep event"),
        ("events.jsonl", '{"hop": "x"}\n{"hop": 1}', "it must be a whole number"),
        ("events.jsonl", '{"hop": -1}', "hop is -1; it must be a whole number from 0"),
        ("events.jsonl", f'{{"hop": {10**40}}}', "it must be a whole number from 0"),
        ("events.jsonl", '{"hop": 1, "set": [1]}', "it must be knobs and their values"),
        ("events.jsonl", '{"hop": 1, "set": {}, "fade": "x"}', "it must be seconds from 0"),
        ("events.jsonl", '{"hop": 1, "set": {}, "fade": NaN}', "it must be seconds from 0"),
        ("events.jsonl", '{"hop": 1, "cue": "x"}', "it must be a keyframe's number, or null"),
        ("events.jsonl", '{"hop": 1, "blackout": 1}', "it must be true or false"),
    ],
)
def test_what_is_no_performance_is_named(name: str, text: str, says: str, tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / name).write_text(text)
    with pytest.raises(UserError, match=says):
        load_session(folder)


def test_a_performance_is_never_written_over(tmp_path: Path) -> None:
    folder = written(tmp_path)
    with pytest.raises(UserError, match="is there already"):
        SessionWriter(folder, {}, Knobs())
    with pytest.raises(UserError, match="ends in .ljlog"):
        SessionWriter(tmp_path / "a.zip", {}, Knobs())


def test_a_later_start_and_a_pause_play_again_with_the_same_cues(tmp_path: Path) -> None:
    """A song from its thirtieth second on, which stands still from hop 60 to 160."""
    frames = [keyframe(text, 30.0 + time, 0.5) for text, time in (("a", 0.4), ("b", 1.2))]
    keys = bank(tmp_path, *(replace(f, latent=narrow(f.latent)) for f in frames))
    live = Engine(Knobs(), Lamp().embed, Cues(keys, follows=True))
    writer = SessionWriter(tmp_path / "a.ljlog", {"follows": True}, Knobs())
    hops, gone, cued = sounds.hops(sounds.noise(4.0)), 0, []
    for number, hop in enumerate(hops):
        gone += not 60 <= number < 160
        latent = live.hear(hop, 30.0 + gone * live.dt)
        writer.hop(hop)
        if live.jump:
            writer.event({"hop": number} | live.jump)
        assert live.cues is not None
        cued.append((live.cues.playing, latent.embedding))
    writer.close()
    session = load_session(writer.path)
    assert len(session.events) == 3
    replay = Replay(session, Lamp().embed, Cues(keys, follows=True))
    for hop, (text, embedding) in zip(hops_of(session.sound), cued, strict=True):
        latent = replay.hear(hop)
        assert replay.cues is not None
        assert replay.cues.playing == text
        assert np.array_equal(latent.embedding, embedding)
    began = [next(k for k, (said, _) in enumerate(cued) if said == text) for text in "ab"]
    assert began == pytest.approx([0.4 / live.dt, 1.2 / live.dt + 100], abs=2)


def narrow(latent: Latent) -> Latent:
    """With an embedding as long as a lamp's."""
    return replace(latent, embedding=latent.embedding[: Lamp.embedding_size])


def old(folder: Path, knobs: dict[str, dict[str, object]], *events: Event) -> Session:
    """A session as an older version wrote it."""
    folder.mkdir()
    (folder / "show.json").write_text(json.dumps({"format": 1, "knobs": knobs}))
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return load_session(folder)


def test_what_an_older_version_took_plays_again(tmp_path: Path) -> None:
    limitless = {"set": {"look.flash_limit": False}, "fade": None}
    slow = {"set": {"hear.bpm": 0.01, "steer.kick": 0.9}, "fade": None}
    session = old(
        tmp_path / "a.ljlog",
        {"hear": {"bpm": 2.4}, "look": {"flash_limit": False}},
        {"hop": 1, "set": {"look.flash_limit": True, "hear.bpm": 0.0}, "fade": None},
        {"hop": 2, **slow},
        {"hop": 3, **limitless},
    )
    assert not session.knobs.look.flash_limit
    assert session.knobs.hear.bpm == 20
    replay, seen = Replay(session, Lamp().embed), []
    for _ in range(4):
        replay.hear(np.zeros(512, np.float32))
        seen.append((replay.knobs.look.flash_limit, replay.knobs.hear.bpm, replay.knobs.steer.kick))
    assert seen == [(False, 20, 0.5), (True, 0, 0.5), (True, 20, 0.9), (False, 20, 0.9)]

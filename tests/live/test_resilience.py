"""Parts of a show that raise, hang and vanish, and what the audience sees of it: pictures."""

import gc
import json
import os
import signal
import threading
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from live.audio.file_player import Playback
from live.engine.analysis_thread import AnalysisThread
from live.engine.handoff import Moment, Moments
from live.engine.ladder import Ladder, Step
from live.engine.parameters import Parameters
from live.engine.render_thread import RenderThread
from live.output.window import NoWindow
from live.output.writer_thread import Recordings
from live.report import Report, sentences
from live.show import Show
from live.statistics import Durations
from live.supervisor import Shift, Supervisor
from synth.audio_file import hops_of
from synth.constants import HOP, RATE
from synth.engine import Engine
from synth.latents.keyframes import Cues
from synth.latents.latent import Latent
from synth.session import Event, Replay, SessionWriter, load_session
from synth.settings.knobs import Knobs
from synth.settings.preset import Preset
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp, Room
from tests.stage import until
from tests.synth.test_bank import bank, keyframe, narrow


class Clock:
    """Real time, and what the test adds to it."""

    def __init__(self) -> None:
        self.more = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.more


class Hanging(Lamp):
    """Never comes back from its fourth frame, until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.let_go = threading.Event()
        self.hangs = threading.Event()

    def frames(self, latents: Sequence[Latent]) -> Tensor:
        if len(self.shown) == 3:
            self.hangs.set()
            self.let_go.wait(20)
            return torch.full((1, 8, 8, 3), 99, dtype=torch.uint8)
        return super().frames(latents)


class Other(Lamp):
    """A generator with classes of its own."""

    name = "other"

    def embed(self, classes: np.ndarray) -> np.ndarray:
        return -super().embed(classes)


class Kept:
    """A recording in memory."""

    def __init__(self, path: Path = Path("kept")) -> None:
        self.path = path
        self.hops: list[np.ndarray] = []
        self.events: list[Event] = []
        self.closed = self.discarded = False

    def hop(self, samples: np.ndarray) -> None:
        self.hops.append(samples)

    def event(self, event: Event) -> None:
        self.events.append(event)

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        """Not needed here."""

    def close(self) -> None:
        self.closed = True

    def discard(self) -> None:
        self.discarded = True


def parameters() -> Parameters:
    return Parameters(Preset("test", "", Knobs()), [], None)


def ladder(*generators: Lamp) -> list[Step]:
    def step(k: int, generator: Lamp) -> Step:
        return Step(f"{generator.name} {k}", 1.0, lambda: generator)

    return [step(k, generator) for k, generator in enumerate(generators)]


@contextmanager
def playing(show: Show, screen: NoWindow, **options: object) -> Iterator[list[Report]]:
    """A show in a thread; its report is in the list when it has ended."""
    ended: list[Report] = []
    thread = threading.Thread(target=lambda: ended.append(show.run(screen, 30.0, **options)))  # type: ignore[arg-type]
    thread.start()
    try:
        yield ended
    finally:
        show.key(screen, "escape")
        show.key(screen, "escape")
        thread.join(10)
    assert ended


@pytest.fixture
def song(tmp_path: Path) -> Path:
    return sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60, 64), 30))


# ---- the generator


def test_a_generator_that_hangs_gives_way_and_its_late_frame_is_refused(song: Path) -> None:
    clock = Clock()
    first, second, screen = Hanging(), Lamp(), NoWindow()
    show = show_of(
        Playback(song, aloud=False),
        parameters(),
        first,
        ladder(first, second),
        supervisor=Supervisor(clock),
    )
    with playing(show, screen) as ended:
        assert first.hangs.wait(10)
        shown = show.report().frames_shown
        clock.more += 2.5
        until(lambda: len(second.shown) > 5, "frames of the next step", 5)
        assert show.report().frames_shown > shown  # the window went on meanwhile
        first.let_go.set()
        before = show.deck.renderer.drawn
        until(lambda: show.deck.renderer.drawn > before + 5, "more frames", 5)
        assert show._newest is not None
        assert show._newest.picture.shape == (64, 64, 3)  # not the late one
    told = sentences(ended[0].faults)
    assert any(fault.startswith("drawing: has not come round for 2.") for fault in told)
    assert ended[0].restarts == 1


def test_a_generator_that_hangs_alone_is_made_anew(song: Path) -> None:
    clock, made = Clock(), list[Lamp]()

    def make() -> Lamp:
        made.append(Lamp())
        return made[-1]

    first = Hanging()
    show = show_of(
        Playback(song, aloud=False),
        parameters(),
        first,
        [Step("lamp", 1.0, make)],
        supervisor=Supervisor(clock),
    )
    with playing(show, NoWindow()):
        assert first.hangs.wait(10)
        clock.more += 2.5
        until(lambda: bool(made) and len(made[0].shown) > 3, "frames of the new one", 5)
        first.let_go.set()


def painter_of(
    *steps: Step, first: Lamp, level: int = 0, changed: Callable[..., None] = lambda _: None
) -> tuple[RenderThread, Supervisor]:
    renderer = RenderThread(Moments(), Ladder(first, steps, level), changed=changed)
    supervisor = Supervisor()
    renderer._supervisor = renderer._ladder._supervisor = supervisor
    return renderer, supervisor


def test_a_step_up_that_cannot_be_taken_leaves_the_level_and_waits_longer() -> None:
    def lost() -> Lamp:
        raise OSError("the weights are gone")

    lamp = Lamp()
    renderer, supervisor = painter_of(
        Step("fine", 1.0, lost), Step("coarse", 1.0, lambda: lamp), first=lamp, level=1
    )
    shift = Shift(time.monotonic)
    for _ in range(900):
        renderer._govern(0.01, shift)
    assert renderer.governor.level == 1
    assert renderer.generator is lamp
    assert renderer.governor.trial == 16.0
    (fault,) = supervisor.faults
    assert (fault.count, "the weights are gone" in fault.text) == (1, True)


def test_a_step_down_goes_past_steps_that_cannot_be_had() -> None:
    def lost() -> Lamp:
        raise MemoryError

    first, last = Lamp(), Lamp()
    renderer, _ = painter_of(
        Step("fine", 4.0, Lamp),
        Step("middle", 2.0, lost),
        Step("coarse", 1.0, lambda: last),
        first=first,
    )
    shift = Shift(time.monotonic)
    shift.wait = lambda _seconds: False  # type: ignore[method-assign]
    for _ in range(3):
        renderer._failed(RuntimeError("no"), shift)
    assert renderer.generator is last
    assert renderer.governor.level == 2


def test_frames_that_no_screen_can_show_count_as_failures(song: Path) -> None:
    class Odd(Lamp):
        def frames(self, latents: Sequence[Latent]) -> Tensor:
            return torch.zeros((1, 8, 8), dtype=torch.float32)

    second = Lamp()
    show = show_of(Playback(song, aloud=False), parameters(), Odd(), ladder(Odd(), second))
    with playing(show, NoWindow()) as ended:
        until(lambda: len(second.shown) > 3, "frames", 10)
    assert any("frames of shape (1, 8, 8)" in fault for fault in sentences(ended[0].faults))


def test_another_generator_draws_only_its_own_classes() -> None:
    """Both embeddings may be of one length: silent nonsense is what they would draw."""
    room, supervisor = Room(), Supervisor()
    lamp, other = Lamp(), Other()
    knobs = Knobs.model_validate({"steer": {"classes": [3], "smoothing": 0.0}})
    analysis = AnalysisThread(room, Engine(knobs, lamp.embed), space="lamp")
    shift = Shift(time.monotonic)
    for _ in range(3):
        room.sound()
        analysis._listen(shift)
    moment = analysis.moments.take(0.0)
    assert moment is not None
    assert (moment.space, moment.latent.embedding[3] > 0) == ("lamp", True)
    analysis.play_on("other", other.embed)
    room.sound()
    analysis._listen(shift)
    moment = analysis.moments.take(0.0)
    assert moment is not None
    assert (moment.space, moment.latent.embedding[3] < 0) == ("other", True)
    assert moment.before is None  # nothing is foreseen from another space
    assert not len(supervisor.faults)


def test_moments_of_another_generators_classes_are_not_drawn_but_their_onsets_are() -> None:
    room, lamp = Room(), Lamp()
    analysis = AnalysisThread(room, Engine(Knobs(), lamp.embed), space="another")
    renderer = RenderThread(analysis.moments, Ladder(lamp, ladder(lamp)))
    shift = Shift(time.monotonic)
    click = sounds.struck(sounds.click(), [0.3], 0.6)
    room.ring.write(click[: len(click) // HOP * HOP, None].astype(np.float32))
    analysis._listen(shift)
    assert analysis.moments.heard == 1
    renderer._paint(shift)
    assert not lamp.shown
    analysis.play_on("lamp", lamp.embed)
    room.sound()
    analysis._listen(shift)
    renderer._paint(shift)
    frame = renderer.frames.take(time.monotonic() + 1)
    assert frame is not None
    assert frame.onsets >= 1


def test_a_bank_of_another_generator_waits_until_its_own_plays_and_that_is_told(
    tmp_path: Path,
) -> None:
    """Both embeddings are equally long: what it would show is silent nonsense."""
    frames = [keyframe("one", 0.0, 1.0), keyframe("two", 1.0, 1.0)]
    narrow = [
        replace(f, latent=replace(f.latent, embedding=f.latent.embedding[:12])) for f in frames
    ]
    room, lamp = Room(), Lamp()
    cues = Cues(bank(tmp_path, *narrow), follows=False)  # made for procedural
    show = show_of(room, parameters(), lamp, ladder(lamp), cues=cues)
    assert [str(f) for f in show.supervisor.faults] == [
        "cues: lamp plays; the bank was made for procedural and waits"
    ]
    shift = Shift(time.monotonic)

    def noise() -> np.ndarray:
        room.sound()
        show.deck.analysis._listen(shift)
        moment = show.deck.analysis.moments.take(0.0)
        assert moment is not None
        return moment.latent.embedding

    noise()
    cues.go(1)
    before = noise()
    for _ in range(100):
        after = noise()
    assert cues.playing == ""
    show.deck.play_on(type("Own", (Lamp,), {"name": "procedural"})())
    for _ in range(100):
        after = noise()
    assert cues.playing == "two"
    assert not np.allclose(before, after, atol=0.05)


def test_a_look_that_fades_keeps_moving_as_it_did_on_another_generator() -> None:
    def noises(*, changes: bool) -> list[np.ndarray]:
        lamp, other = Lamp(), Other()
        engine = Engine(Knobs(), lamp.embed)
        rows = []
        for number in range(60):
            if number == 20:
                engine.change(Knobs.model_validate({"steer": {"seed": 5}}))
            if number == 30 and changes:
                engine.play_on("other", other.embed)
            rows.append(engine.hear(np.sin(np.arange(HOP) * 0.1).astype(np.float32)).noise)
        return rows

    assert np.array_equal(noises(changes=True), noises(changes=False))


def test_a_finer_step_is_made_while_the_present_one_draws(song: Path) -> None:
    made = threading.Event()

    def make() -> Lamp:
        made.wait(20)
        return Lamp()

    coarse, screen = Lamp(), NoWindow()
    steps = [Step("fine", 1.0, make), Step("coarse", 1.0, lambda: coarse)]
    show = show_of(Playback(song, aloud=False), parameters(), coarse, steps, level=1)
    show.deck.renderer.governor = replace(show.deck.renderer.governor, trial=0.05)
    with playing(show, screen):
        until(lambda: show.deck.renderer._ladder._wanted == 0, "the wish for more", 10)
        before = show.deck.renderer.drawn
        until(lambda: show.deck.renderer.drawn > before + 20, "pictures meanwhile", 5)
        assert show.deck.renderer.generator is coarse
        made.set()
        until(lambda: show.deck.renderer.generator is not coarse, "the finer one", 10)
    assert not len(show.supervisor.faults)


def test_a_finer_step_that_hangs_in_making_costs_the_present_one_nothing() -> None:
    let_go, clock = threading.Event(), Clock()
    first, supervisor = Lamp(), Supervisor(clock)

    def make() -> Lamp:
        let_go.wait(20)
        return Lamp()

    ladder = Ladder(first, [Step("fine", 1.0, make), Step("coarse", 1.0, Lamp)], 1)
    ladder.start(supervisor)
    assert ladder.asked(0) is None
    until(lambda: supervisor.workers[0]._shift.allowance, "the making", 5)
    for _ in range(70):
        clock.more += 1.0
        supervisor.look()
    assert "loading: has not come round" in str(next(iter(supervisor.faults)))
    assert ladder.hung == {0}
    assert ladder.asked(0) is False
    let_go.set()
    until(lambda: not ladder.hung, "the late one", 5)
    assert ladder.asked(0)  # what came back after all may be had
    ladder.stop()


def test_a_coarser_step_that_hangs_in_making_is_left_out() -> None:
    first, last = Lamp(), Lamp()
    renderer, _ = painter_of(
        Step("fine", 1.0, Lamp),
        Step("hangs", 1.0, lambda: pytest.fail("it was tried again")),
        Step("last", 1.0, lambda: last),
        first=first,
    )
    renderer._making = 1  # as the thread left it that waits for ever
    renderer._give_up_the_generator()
    shift = Shift(time.monotonic)
    assert renderer.generator is first
    assert renderer._step_down_or_anew("the generator failed", shift)
    assert renderer.generator is last


def test_a_generator_that_came_back_late_is_stepped_up_to_again() -> None:
    first, second = Lamp(), Lamp()
    renderer, _ = painter_of(
        Step("fine", 1.0, lambda: first), Step("coarse", 1.0, lambda: second), first=first
    )
    latent = Latent(np.zeros(128, np.float32), np.zeros(12, np.float32), 0.5)
    late, shift = Shift(time.monotonic), Shift(time.monotonic)

    moment = Moment(None, latent, 0.0)  # type: ignore[arg-type]

    def slow(latents: Sequence[Latent]) -> Tensor:
        late.end()
        renderer._give_up_the_generator()
        renderer._paint(shift)  # in the thread that takes over
        return Lamp().frames(latents)

    first.frames = slow  # type: ignore[method-assign]
    renderer._moments.take = lambda _seconds: moment  # type: ignore[method-assign]
    renderer._paint(late)
    assert renderer.governor.level == 1
    assert not renderer._ladder.hung


def test_a_step_that_hangs_is_not_stepped_up_to() -> None:
    first, second = Lamp(), Lamp()
    renderer, _ = painter_of(
        Step("fine", 1.0, lambda: first), Step("coarse", 1.0, lambda: second), first=first
    )
    shift = Shift(time.monotonic)
    renderer._give_up_the_generator()
    renderer._paint(shift)
    assert renderer.governor.level == 1
    for _ in range(20_000):
        renderer._govern(0.01, shift)
    assert renderer.governor.level == 1


def test_a_step_that_failed_is_tried_again_ever_later() -> None:
    first, second = Lamp(), Lamp()
    renderer, _ = painter_of(
        Step("fine", 1.0, lambda: first), Step("coarse", 1.0, lambda: second), first=first
    )
    shift = Shift(time.monotonic)
    shift.wait = lambda _seconds: False  # type: ignore[method-assign]
    waits = []
    for _ in range(3):
        while renderer.governor.level == 0:
            renderer._failed(RuntimeError("no memory"), shift)
        waits.append(renderer.governor.trial)
        while renderer.governor.level == 1:
            renderer._govern(0.01, shift)
    assert waits == [16.0, 32.0, 64.0]


def test_the_last_step_is_made_anew_when_it_fails_again_and_again() -> None:
    made: list[Lamp] = []

    def make() -> Lamp:
        made.append(Lamp())
        return made[-1]

    renderer, _ = painter_of(Step("only", 1.0, make), first=Lamp())
    shift = Shift(time.monotonic)
    shift.wait = lambda _seconds: False  # type: ignore[method-assign]
    for _ in range(6):
        renderer._failed(RuntimeError("no device"), shift)
    assert len(made) == 2
    assert renderer.generator is made[1]


# ---- hearing


def test_hands_that_raise_never_keep_a_hop_from_being_heard() -> None:
    def broken(_visual: Engine, _number: int) -> None:
        raise ValueError("a knob that cannot be turned")

    room, supervisor = Room(), Supervisor()
    analysis = AnalysisThread(
        room, Engine(Knobs(), Lamp().embed), broken, lambda _hop, _latent: 1 / 0
    )  # type: ignore[arg-type, return-value]
    analysis._supervisor = supervisor
    room.sound(20)
    analysis._listen(Shift(time.monotonic))
    assert analysis.hops == 20
    assert {fault.count for fault in supervisor.faults} == {20}


def test_an_instrument_that_cannot_hear_any_more_begins_anew_with_its_knobs() -> None:
    room, supervisor = Room(), Supervisor()
    knobs = Knobs.model_validate({"steer": {"truncation": 0.31}})
    analysis = AnalysisThread(room, Engine(knobs, Lamp().embed))
    analysis._supervisor = supervisor
    shift = Shift(time.monotonic)
    room.sound(5)
    analysis._listen(shift)
    analysis.engine._steering = None  # type: ignore[assignment]  # whatever breaks it
    room.sound(30)
    analysis._listen(shift)
    assert analysis.hops == 5 + 30
    assert analysis.trouble == ""
    assert analysis.engine.knobs == knobs
    assert any("begins anew" in fault.text for fault in supervisor.faults)


def test_hops_that_fail_again_and_again_are_tried_seldom() -> None:
    """Beginning anew takes longer than a hop."""
    room, made = Room(), list[int]()
    engine = Engine(Knobs(), Lamp().embed)

    def broken(*_: object) -> Latent:
        made.append(1)
        raise ZeroDivisionError

    class Broken(Engine):
        hear = broken

        def anew(self) -> Engine:
            return Broken(self.knobs, self.embed)

    analysis = AnalysisThread(room, engine)
    shift = Shift(time.monotonic)
    room.sound(3)
    analysis._listen(shift)
    analysis.engine = Broken(engine.knobs, engine.embed)
    room.sound(102)
    analysis._listen(shift)
    assert len(made) == 2 + 10
    assert analysis.hops == 3 + 102


def test_a_show_that_began_anew_plays_again_with_the_same_latents(tmp_path: Path) -> None:
    """Its cue is there again, and no hop is missing from the log."""
    keys = bank(tmp_path, narrow("a line", 0.0), narrow("another", 1.0))
    engine = Engine(Knobs(), Lamp().embed, Cues(keys, follows=False))
    log = SessionWriter(tmp_path / "a.ljlog", {}, engine.knobs)
    room, latents = Room(), list[Latent]()

    def after(hop: np.ndarray, latent: Latent) -> None:
        log.hop(hop)
        latents.append(latent)

    analysis = AnalysisThread(room, engine, after_hop=after, tell=log.event)
    shift = Shift(time.monotonic)
    assert engine.cues is not None
    log.event({"hop": 0, "cue": 1})
    engine.cues.go(1)
    room.sound(50)
    analysis._listen(shift)
    half_way = engine._steering.step

    def fails(*given: Any) -> Latent:
        half_way(*given)
        raise ZeroDivisionError

    engine._steering.step = fails  # type: ignore[method-assign]
    room.sound(200)
    analysis._listen(shift)
    log.close()
    assert analysis.engine is not engine
    assert analysis.engine.cues is not None
    assert analysis.engine.cues.playing == "another"
    session = load_session(tmp_path / "a.ljlog")
    replay = Replay(session, Lamp().embed, Cues(keys, follows=False))
    again = [replay.hear(hop) for hop in hops_of(session.sound)]
    assert len(again) == len(latents) == 250
    for played, replayed in zip(latents, again, strict=True):
        assert np.array_equal(played.noise, replayed.noise)
        assert np.array_equal(played.embedding, replayed.embedding)


def test_a_cue_that_breaks_hearing_is_not_cued_for_ever(tmp_path: Path) -> None:
    keys = bank(tmp_path, narrow("a line", 0.0))
    engine, room = Engine(Knobs(), Lamp().embed, Cues(keys, follows=False)), Room()
    analysis = AnalysisThread(room, engine)
    shift = Shift(time.monotonic)
    room.sound(5)
    analysis._listen(shift)
    keys.latent = lambda _number: 1 / 0  # type: ignore[method-assign, assignment, return-value]
    assert engine.cues is not None
    engine.cues.go(0)
    room.sound(60)
    analysis._listen(shift)
    assert analysis.trouble == ""


def test_silence_where_no_sound_comes_does_not_move_the_songs_position() -> None:
    room = Room()
    room.start_at = 12.0
    places: list[float | None] = []
    engine = Engine(Knobs(), Lamp().embed)
    hear = engine.hear

    def noted(hop: np.ndarray, at: float | None = None) -> Latent:
        places.append(at)
        return hear(hop, at)

    engine.hear = noted  # type: ignore[method-assign]
    analysis = AnalysisThread(room, engine)
    shift = Shift(time.monotonic)
    analysis._fed = time.monotonic()
    room.sound(2)
    analysis._listen(shift)
    analysis._fed -= 0.5  # half a second passes without a sample
    analysis._listen(shift)
    room.sound(1)
    analysis._listen(shift)
    hop = HOP / RATE
    assert places[:2] == pytest.approx([12.0 + hop, 12.0 + 2 * hop])
    assert len(places) > 30
    assert set(places[2:-1]) == {places[1]}
    assert places[-1] == pytest.approx(12.0 + 3 * hop)


# ---- the main loop


class Cracked(NoWindow):
    """A screen that raises at everything, for a while."""

    def __init__(self, until_round: int) -> None:
        super().__init__()
        self._rounds, self._until = 0, until_round
        self.drawn = 0

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        if self._rounds < self._until:
            raise RuntimeError("no texture")

    def panel(self, panel: np.ndarray | None) -> None:
        raise RuntimeError("no panel")

    def toggle_full(self) -> None:
        raise RuntimeError("no monitor")

    def draw(self, fit: str, shade: float) -> bool:
        self._rounds += 1
        if self._rounds < self._until:
            raise RuntimeError("no context")
        self.drawn += 1
        return super().draw(fit, shade)


def test_a_screen_that_raises_is_told_and_drawn_on_as_soon_as_it_can_be(
    song: Path, tmp_path: Path
) -> None:
    screen = Cracked(until_round=30)
    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    with playing(show, screen, report=tmp_path / "r.json") as ended:
        until(lambda: screen.drawn > 30, "drawing", 10)
        show.key(screen, "f")
        show.key(screen, "no such key")
        drawn = screen.drawn
        until(lambda: screen.drawn > drawn + 5, "more drawing", 5)
    told = " ".join(sentences(ended[0].faults))
    for word in ("no texture", "no context", "no panel", "no monitor"):
        assert f"main loop: RuntimeError: {word}" in told
    assert json.loads((tmp_path / "r.json").read_text())["faults_told"] > 50


def test_a_freeze_or_blackout_that_changes_nothing_is_no_event(song: Path) -> None:
    kept = Kept()
    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    with playing(show, NoWindow(), recordings=lambda: [kept]):
        until(lambda: len(kept.hops) > 3, "hops", 10)
        for on in (False, True, True, False, False):
            show.deck.freeze(on)
            show.deck.blackout(on)
    switched = [e for e in kept.events if "freeze" in e or "blackout" in e]
    assert [(e.get("freeze"), e.get("blackout")) for e in switched] == [
        (True, None),
        (None, True),
        (False, None),
        (None, False),
    ]


def test_faults_are_in_the_log_of_the_show(song: Path, tmp_path: Path) -> None:
    from synth.session import SessionWriter

    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    folder = tmp_path / "a.ljlog"
    with playing(
        show, NoWindow(), recordings=lambda: [SessionWriter(folder, {}, parameters().preset.knobs)]
    ):
        until(lambda: show.deck.analysis.hops > 10, "hops", 10)
        for _ in range(5):
            show.supervisor.faults.tell("lamps", "no mains")
    told = [event["fault"] for event in load_session(folder).events if "fault" in event]
    assert told == ["lamps: no mains", "lamps: no mains (2 times)", "lamps: no mains (4 times)"]


# ---- how it ends


def test_escape_twice_ends_within_two_seconds_whatever_hangs(song: Path, tmp_path: Path) -> None:
    let_go = threading.Event()

    class Disk(Kept):
        def hop(self, samples: np.ndarray) -> None:
            let_go.wait(30)

    class Server(Playback):
        def stop(self) -> None:
            let_go.wait(30)

    generator = Hanging()
    show = show_of(Server(song, aloud=False), parameters(), generator, ladder(generator))
    show.farewells.append(lambda: let_go.wait(30))
    begun = 0.0
    with playing(
        show, NoWindow(), recordings=lambda: [Disk()], report=tmp_path / "r.json"
    ) as ended:
        assert generator.hangs.wait(10)
        begun = time.monotonic()
    assert time.monotonic() - begun < 2.0
    let_go.set()
    generator.let_go.set()
    assert show.supervisor.left_behind
    told = sentences(ended[0].faults)
    assert "writing kept: did not end in time and was left behind" in told
    assert json.loads((tmp_path / "r.json").read_text())["ended"] == "Escape"


def test_the_end_waits_for_a_slow_disk_and_nothing_is_lost(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "short.wav", sounds.chord((57, 60, 64), 1.0))

    class Slow(Kept):
        def hop(self, samples: np.ndarray) -> None:
            time.sleep(0.02)
            super().hop(samples)

    slow = Slow()
    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    report = show.run(NoWindow(), recordings=lambda: [slow])
    assert slow.closed
    assert len(slow.hops) == show.deck.analysis.hops
    assert report.ended == "the end of the song"


def test_a_show_that_cannot_begin_leaves_nothing_behind(song: Path, tmp_path: Path) -> None:
    from synth.errors import UserError

    class Mute(Playback):
        def start(self, supervisor: Supervisor) -> None:
            raise UserError("the PortAudio library is missing")

    begun: list[Kept] = []

    def recordings() -> list[Kept]:
        begun.append(Kept())
        return begun

    show = show_of(Mute(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    with pytest.raises(UserError, match="PortAudio"):
        show.run(NoWindow(), recordings=recordings, report=tmp_path / "r.json")
    assert not begun
    assert not list(tmp_path.glob("r.json"))


def test_a_report_is_on_disk_while_the_show_plays(song: Path, tmp_path: Path) -> None:
    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    with playing(show, NoWindow(), report=tmp_path / "r.json"):
        until((tmp_path / "r.json").exists, "a report", 5)
        assert json.loads((tmp_path / "r.json").read_text())["ended"] == ""
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["ended"] == "Escape"
    assert 0 < report["screen_ms"]["p50"] <= report["screen_ms"]["longest"]


def test_two_signals_while_a_show_ends_cost_neither_its_report_nor_its_files(
    song: Path, tmp_path: Path
) -> None:
    """A terminal that closes sends two: the kernel's and the shell's."""
    slow = threading.Event()

    class Slow(Kept):
        def close(self) -> None:
            slow.wait(0.3)
            super().close()

    kept = Slow()
    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))

    def end() -> None:
        until(lambda: show.deck.analysis.hops > 20, "hops", 20)
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(0.05)

    threading.Thread(target=end, daemon=True).start()
    report = show.run(NoWindow(), 30.0, recordings=lambda: [kept], report=tmp_path / "r.json")
    assert report.ended == "Ctrl-C or a signal"
    assert report.seconds < 20
    assert kept.closed
    assert json.loads((tmp_path / "r.json").read_text())["ended"] == report.ended


def test_a_window_that_cannot_say_whether_it_is_open_is_drawn_on(
    song: Path, tmp_path: Path
) -> None:
    class Confused(NoWindow):
        @property
        def is_open(self) -> bool:  # type: ignore[override]
            raise RuntimeError("no handle")

    show = show_of(Playback(song, aloud=False), parameters(), Lamp(), ladder(Lamp()))
    report = show.run(Confused(), 1.0, report=tmp_path / "r.json")
    assert report.ended == "its time"
    assert any("no handle" in fault for fault in sentences(report.faults))


def test_looks_that_change_many_times_before_the_first_hop_are_played() -> None:
    engine = Engine(Knobs(), Lamp().embed)
    for seed in range(1, 9):
        engine.change(Knobs.model_validate({"steer": {"seed": seed}}))
    engine.hear(np.zeros(HOP, np.float32))
    assert engine.knobs.steer.seed == 8


def test_panic_and_seeds_by_turns_cost_a_hop_two_changes_at_most() -> None:
    held = parameters()
    engine = Engine(held.preset.knobs, Lamp().embed)
    for seed in range(200):
        held.turn("steer.seed", seed + 1)
        held.reset()
    held.before_hop(engine, 0)
    assert engine.changes <= 2
    assert engine.knobs.steer.seed == 0


# ---- what is written


def written(recordings: Recordings, supervisor: Supervisor) -> None:
    recordings.close()
    until(lambda: recordings.closed, "the files", 10)
    recordings.dismiss()


def test_a_disk_that_hangs_holds_up_no_other_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """What it cannot take is silence of the same length, so that all after it is in its place."""
    monkeypatch.setattr("live.output.writer_thread._HOPS", 20)
    let_go, supervisor = threading.Event(), Supervisor()

    class Stuck(Kept):
        def hop(self, samples: np.ndarray) -> None:
            let_go.wait(20)
            super().hop(samples)

    stuck, free, recordings = Stuck(Path("stuck")), Kept(Path("free")), Recordings()
    recordings.start([stuck, free], supervisor)
    hops = [np.full(HOP, k + 1, np.float32) for k in range(40)]
    for hop in hops:
        recordings.hop(hop)
        until(lambda: free.hops and free.hops[-1] is hop, "the other file", 5)  # noqa: B023
    let_go.set()
    until(lambda: len(stuck.hops) >= 20, "what waited", 5)
    recordings.hop(np.full(HOP, 99, np.float32))
    written(recordings, supervisor)
    levels = [float(hop[0]) for hop in stuck.hops]
    assert len(levels) == 41
    assert levels[-1] == 99
    assert levels[:20] == [float(k + 1) for k in range(20)]
    assert set(levels[21:-1]) == {0.0}
    assert any("sound is lost" in fault.text for fault in supervisor.faults)


def test_a_disk_that_is_full_is_told_once_and_the_other_file_goes_on() -> None:
    class Full(Kept):
        def hop(self, samples: np.ndarray) -> None:
            raise OSError(28, "No space left on device")

    supervisor, full, free, recordings = Supervisor(), Full(Path("full")), Kept(), Recordings()
    recordings.start([full, free], supervisor)
    for _ in range(10):
        recordings.hop(np.zeros(HOP, np.float32))
    written(recordings, supervisor)
    assert len(free.hops) == 10
    assert full.closed
    (fault,) = supervisor.faults
    assert fault.count == 1
    assert "full: written no further" in fault.text


def test_durations_keep_their_percentiles_however_many_there_are() -> None:
    spans = Durations()
    values = np.abs(np.random.RandomState(0).standard_normal(20_000)) * 0.05 + 0.001
    for value in values:
        spans.add(float(value))
    told = spans.percentiles(50, 99, 99.9)
    for name, share in (("p50", 50), ("p99", 99), ("p99.9", 99.9)):
        assert told[name] == pytest.approx(1000 * np.percentile(values, share), rel=0.02)
    assert spans.longest == values.max()
    assert Durations().percentiles(50) == {"p50": 0.0}


def test_a_generator_that_gave_way_is_let_go_of() -> None:
    """Its weights may be what the next one has no room beside."""
    first = Lamp()
    gone = weakref.ref(first)
    steps = [Step("lamp", 1.0, Lamp)]
    show = show_of(Room(), parameters(), first, steps)
    del first
    renderer, shift = show.deck.renderer, Shift(time.monotonic)
    renderer._give_up_the_generator()
    assert renderer._step_down_or_anew("the generator hung", shift)
    show.deck.analysis._hear(np.zeros(HOP, np.float32), 0.0, shift)
    gc.collect()
    assert gone() is None


def test_a_generator_made_anew_moves_no_latent() -> None:
    """The same classes look the same; nothing that was smoothed begins again."""
    knobs = Knobs.model_validate({"steer": {"classes": list(range(12)), "smoothing": 1.0}})

    def played(anew: bool) -> list[np.ndarray]:
        shift, heard = Shift(time.monotonic), list[np.ndarray]()
        engine = Engine(knobs, Lamp().embed)
        analysis = AnalysisThread(Room(), engine, space="lamp")
        analysis.after_hop = lambda _hop, latent: heard.append(latent.embedding)
        for number, hop in enumerate(sounds.hops(sounds.chord((57, 60), 1))):
            if anew and number == 40:
                analysis.play_on("lamp", Lamp().embed)
            analysis._hear(hop, 0.0, shift)
        return heard

    assert np.array_equal(played(anew=True), played(anew=False))

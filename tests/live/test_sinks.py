"""What every sink keeps to, and what becomes of those that are slow or fail beside a show."""

import io
import threading
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from live.audio.file_player import Playback
from live.engine.parameters import Parameters
from live.output import kinds
from live.output.kinds import kind_of
from live.output.outlets import Outlet, fitting
from live.output.preview import Preview
from live.output.recorder import Recorder
from live.output.window import NoWindow, Place, Window
from live.supervisor import Supervisor
from render.film import Film
from synth.constants import HOP
from synth.errors import UserError
from synth.session import SessionWriter
from synth.settings.knobs import Knobs
from synth.settings.preset import Preset
from synth.sink import Sink, Takes, Wants, shaded
from tests import sounds
from tests.decks import show_of
from tests.doubles import Lamp
from tests.stage import until, virtual_display

Made = Callable[[Path], Sink]


def grey(level: int, width: int = 64, height: int = 64) -> np.ndarray:
    return np.full((height, width, 3), level, np.uint8)


def film(folder: Path) -> Sink:
    song = sounds.write_wav(folder / "song.wav", sounds.silence(1))
    return Film(folder / "film.mp4", size=(64, 64), fps=Fraction(30), song=song).__enter__()


def window(_folder: Path) -> Sink:
    return Window(Place(windowed=(64, 64)), title="sink", on_key=lambda _key: None)


SINKS: dict[str, Made] = {
    "window": window,
    "no window": lambda _folder: NoWindow(),
    "preview": lambda _folder: Preview(),
    "recorder": lambda folder: Recorder(folder / "a.mp4", (64, 64)),
    "session": lambda folder: SessionWriter(folder / "a.ljlog", {}, Knobs()),
    "film": film,
}


@pytest.fixture(params=SINKS)
def sink(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Sink]:
    if request.param == "window":
        with virtual_display():
            yield SINKS[request.param](tmp_path)
    else:
        yield SINKS[request.param](tmp_path)


# ---- the contract


def test_a_sink_takes_pictures_and_closes_twice(sink: Sink) -> None:
    assert isinstance(sink.wants, Wants)
    for number, shade in enumerate((1.0, 0.5, 0.0)):
        sink.frame(grey(100 + number), shade, number / 30)
    sink.close()
    sink.close()


def test_no_sink_writes_into_the_picture_that_others_have(sink: Sink) -> None:
    picture = grey(100)
    picture.flags.writeable = False
    sink.frame(picture, 0.5, 0.0)
    sink.close()
    assert (picture == 100).all()


def test_a_shade_darkens_what_is_kept(tmp_path: Path) -> None:
    recorder, preview = Recorder(tmp_path / "a.mp4", (64, 64)), Preview()
    for one in (recorder, preview):
        one.frame(grey(200), 0.5, 0.1)
    for _ in range(60):
        recorder.hop(np.zeros(HOP, np.float32))
    recorder.close()
    with av.open(recorder.path) as file:
        kept = next(file.decode(video=0)).to_ndarray(format="rgb24")
    assert kept.mean() == pytest.approx(100, abs=3)
    shown = np.asarray(Image.open(io.BytesIO(preview.jpeg())))
    assert shown.mean() == pytest.approx(100, abs=3)
    assert np.array_equal(shaded(grey(200), 0.5), grey(100))


def test_a_film_refuses_a_frame_that_is_not_due(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.silence(1))
    with Film(tmp_path / "a.mp4", size=(64, 64), fps=Fraction(30), song=song) as made:
        made.frame(grey(1), 1.0, 0.0)
        with pytest.raises(ValueError, match="0.033 s is due"):
            made.frame(grey(1), 1.0, 0.5)
        made.frame(grey(1), 1.0, 1 / 30)


def test_a_preview_is_nothing_before_the_first_picture_and_small() -> None:
    preview = Preview()
    assert preview.jpeg() == b""
    preview.frame(grey(10, 1000, 500), 1.0, 0.0)
    assert Image.open(io.BytesIO(preview.jpeg())).size == (320, 160)


def test_one_preview_does_for_everybody_for_a_while() -> None:
    now = [10.0]
    preview = Preview(lambda: now[0])
    preview.frame(grey(10), 1.0, 0.0)
    first = preview.jpeg()
    preview.frame(grey(200), 1.0, 0.1)
    assert preview.jpeg() is first
    now[0] += 0.3
    assert preview.jpeg() != first


def test_a_picture_that_fits_is_not_copied() -> None:
    picture = grey(1, 320, 200)
    assert fitting(picture, (320, 320)) is picture
    assert fitting(picture, None) is picture
    assert fitting(picture, (160, 320)).shape == (100, 160, 3)


# ---- beside a show


class Seen:
    """A sink that notes what it sees, and may be slow or fail."""

    wants = Wants(Takes.NEWEST)

    def __init__(self, seconds: float = 0.0, fails: bool = False) -> None:
        self.pictures: list[tuple[float, float]] = []  # shade and seconds of each
        self.closed = 0
        self._seconds, self._fails = seconds, fails
        self.let_go = threading.Event()

    def frame(self, picture: np.ndarray, shade: float, seconds: float) -> None:
        if self._fails:
            raise OSError("the wire is cut")
        self.let_go.wait(self._seconds)
        self.pictures.append((shade, seconds))

    def close(self) -> None:
        self.closed += 1
        self.thread = threading.current_thread().name
        if self._fails:
            raise OSError("the wire is cut")


def test_an_outlet_keeps_only_the_newest() -> None:
    supervisor, slow = Supervisor(), Seen(0.3)
    outlet = Outlet("slow", slow, supervisor)
    for number in range(100):
        outlet.frame(grey(number), 1.0, float(number))
        time.sleep(0.005)
    slow.let_go.set()
    until(lambda: bool(slow.pictures) and slow.pictures[-1][1] == 99.0, "the last one", 5)
    assert len(slow.pictures) + outlet.replaced == 100
    assert len(slow.pictures) < 10
    outlet.close()


def test_the_same_picture_as_bright_is_sent_once_and_darker_again() -> None:
    supervisor, seen, picture = Supervisor(), Seen(), grey(9)
    outlet = Outlet("one", seen, supervisor)
    for shade in (1.0, 1.0, 0.5, 0.5):
        outlet.frame(picture, shade, 0.0)
        time.sleep(0.05)
    until(lambda: len(seen.pictures) == 2, "both", 5)
    assert [shade for shade, _ in seen.pictures] == [1.0, 0.5]
    outlet.close()


def test_a_slow_and_a_failing_sink_delay_nobody_and_are_told(tmp_path: Path) -> None:
    song = sounds.write_wav(tmp_path / "song.wav", sounds.chord((57, 60), 3))
    lamp = Lamp()
    show = show_of(
        Playback(song, aloud=False), Parameters(Preset("test", "", Knobs()), [], None), lamp
    )
    quick, slow, failing = Seen(), Seen(60.0), Seen(fails=True)
    show.sinks += [("quick", quick), ("slow", slow), ("failing", failing)]
    report = show.run(NoWindow())
    slow.let_go.set()
    told = {(fault["part"], fault["latest"]) for fault in report.faults}
    assert ("output failing", "OSError: the wire is cut") in told
    assert any(part == "output slow" and "has not come round" in text for part, text in told)
    assert not any(part == "output quick" for part, _ in told)
    times = [seconds for _, seconds in quick.pictures]
    assert len(times) > 50
    assert times == sorted(times)
    assert quick.pictures[-1][0] < 1.0  # it saw the last fade
    assert (quick.closed, slow.closed, failing.closed) == (1, 0, 1)
    assert quick.thread == "output quick"  # the one that fed it
    assert ("output failing", "cannot be finished (OSError: the wire is cut)") in told
    assert show.sinks == []
    assert report.pictures_ms["longest"] < 1000


# ---- the table


@pytest.mark.parametrize("text", ["", "film", "film:", "tape:a.mp4", ":a.mp4"])
def test_an_output_that_is_none_is_named_with_those_that_are(text: str) -> None:
    with pytest.raises(UserError, match=r"--out is .*film:FILE\.mp4"):
        kind_of(text)


def test_every_kind_says_how_it_takes_pictures() -> None:
    names = [kind.name for kind in kinds.KINDS]
    assert len(set(names)) == len(names)
    assert all(kind.takes in (Takes.NEWEST, Takes.QUEUED) for kind in kinds.KINDS)
    assert all(kind.sentence for kind in kinds.KINDS)

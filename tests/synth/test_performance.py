import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from synth.knobs import Knobs, with_values
from synth.performance import Performance, PerformanceWriter, changed, performance_of
from synth.preset import preset_of
from synth.sound import hops_of
from synth.trouble import Trouble
from synth.visual import Visual
from tests import sounds


def written(folder: Path) -> Path:
    writer = PerformanceWriter(folder / "a.ljlog", {"preset": "silk"}, Knobs())
    for hop in sounds.hops(sounds.noise(1.0)):
        writer.hop(hop)
    writer.event({"hop": 3, "set": {"steer.truncation": 0.2}, "fade": None})
    writer.close()
    return folder / "a.ljlog"


def test_sound_comes_back_sample_for_sample(tmp_path: Path) -> None:
    performance = performance_of(written(tmp_path))
    assert np.array_equal(
        np.concatenate(list(hops_of(performance.sound))),
        np.concatenate(sounds.hops(sounds.noise(1.0))),
    )
    assert performance.about["preset"] == "silk"


def test_a_crash_leaves_what_was_written(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, signal, synth.performance as p\n"
        "p.PerformanceWriter.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
        "from tests.synth.test_performance import written\n"
        f"written(pathlib.Path({str(tmp_path)!r}))"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False)
    assert ran.returncode == -signal.SIGKILL
    folder = tmp_path / "a.ljlog"
    with (folder / "events.jsonl").open("a") as events:
        events.write('{"hop": 9, "se')
    performance = performance_of(folder)
    assert [event["hop"] for event in performance.events] == [3]
    played = np.concatenate(sounds.hops(sounds.noise(1.0)))
    assert np.array_equal(np.concatenate(list(hops_of(performance.sound))), played)


def test_a_performance_that_cannot_begin_leaves_nothing(tmp_path: Path) -> None:
    """The limit of a file's size stands for the disk's."""
    with pytest.raises(TypeError):
        PerformanceWriter(tmp_path / "a.ljlog", {"preset": object()}, Knobs())
    with pytest.raises(Trouble, match=r"a\.ljlog: cannot be written \("):
        PerformanceWriter(Path("/proc/a.ljlog"), {}, Knobs())  # where root may not write either
    code = (
        "import pathlib, resource, signal\n"
        "from synth.performance import Knobs, PerformanceWriter\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))\n"
        f"PerformanceWriter(pathlib.Path({str(tmp_path / 'a.ljlog')!r}), {{}}, Knobs())"
    )
    ran = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "a.ljlog: cannot be written (File too large); free space" in ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_only_a_performance_without_sound_is_discarded(tmp_path: Path) -> None:
    PerformanceWriter(tmp_path / "a.ljlog", {}, Knobs()).discard()
    assert list(tmp_path.iterdir()) == []
    writer = PerformanceWriter(tmp_path / "a.ljlog", {}, Knobs())
    writer.event({"hop": 0, "freeze": True})
    writer.hop(np.ones(512, np.float32))
    writer.discard()
    writer.close()
    performance = performance_of(writer.path)
    assert len(performance.events) == sum(map(len, hops_of(performance.sound))) / 512 == 1


def test_changes_are_what_differs() -> None:
    silk, reef = preset_of("silk").knobs, preset_of("reef").knobs
    assert changed(silk, silk) == {}
    assert with_values(silk, changed(silk, reef), "here") == reef
    as_text = json.loads(json.dumps(changed(silk, reef)))
    assert with_values(silk, as_text, "here") == reef


def test_a_blackout_fades_over_a_second() -> None:
    hop = Visual.HOP_SECONDS
    events = ({"hop": round(2 / hop), "blackout": True}, {"hop": round(5 / hop), "blackout": False})
    performance = Performance(Path(), {}, Knobs(), events)
    shades = [performance.shade(t) for t in (0.0, 1.9, 2.5, 3.1, 4.9, 5.5, 7.0)]
    assert shades == pytest.approx([1, 1, 0.5, 0, 0, 0.5, 1], abs=0.02)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("show.json", "no json", "is no performance"),
        ("show.json", "[]", "is no performance"),
        ("show.json", '{"knobs": {}, "format": 99}', "has format 99"),
        ("show.json", '{"knobs": {"steer": {"kick": 9}}}', "steer.kick is 9"),
        ("events.jsonl", "nonsense\n{}", "line 1 is no event"),
        ("events.jsonl", '{"hop": "x"}\n{"hop": 1}', "it must be a whole number"),
    ],
)
def test_what_is_no_performance_is_named(name: str, text: str, says: str, tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / name).write_text(text)
    with pytest.raises(Trouble, match=says):
        performance_of(folder)


def test_a_performance_is_never_written_over(tmp_path: Path) -> None:
    folder = written(tmp_path)
    with pytest.raises(Trouble, match="is there already"):
        PerformanceWriter(folder, {}, Knobs())
    with pytest.raises(Trouble, match="ends in .ljlog"):
        PerformanceWriter(tmp_path / "a.zip", {}, Knobs())

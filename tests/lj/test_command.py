"""The command as a person runs it: the installed wheel, outside the clone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import av
import pytest
from PIL import Image

from tests import sounds
from tests.lj.conftest import CLONE
from tests.lj.terminal import Terminal
from tests.stage import until


def test_the_installed_program_is_the_one_that_runs(installed: Path, tmp_path: Path) -> None:
    code = "import lj, synth, live, presets; print(lj.__file__, synth.__file__, presets.__file__)"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(place.startswith(str(installed)) for place in ran.stdout.split())


@pytest.mark.parametrize("room", ["synth", "live", "render", "precompute", "presets", "lj"])
def test_the_wheel_holds_every_file_of_a_room(room: str, installed: Path) -> None:
    def files(folder: Path) -> dict[Path, bytes]:
        found = (p for p in folder.rglob("*") if p.is_file() and p.parent.name != "__pycache__")
        return {path.relative_to(folder): path.read_bytes() for path in found}

    assert files(installed / room) == files(CLONE / room)


def test_help_and_version_answer(terminal: Terminal) -> None:
    code, out, _ = terminal.run("--help")
    assert code == 0
    for command in ("render", "sheet", "hear", "presets", "fetch", "doctor"):
        assert command in out
    code, out, _ = terminal.run("--version")
    assert code == 0
    assert out.startswith("lj 0.")


def test_help_loads_nothing_heavy() -> None:
    heavy = {"torch", "aubio", "av", "matplotlib", "scipy", "numpy", "pydantic", "requests", "rich"}
    code = "import sys, lj.__main__; print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not heavy & set(ran.stdout.split())


def test_a_song_becomes_a_film(terminal: Terminal) -> None:
    code, out, err = terminal.run(
        "render", "song.wav", "-o", "film.mp4", "--size", "192x108", "--json", "-p", "petals"
    )
    assert code == 0, err
    result = json.loads(out)
    assert result["film"] == "film.mp4"
    assert result["frames"] == 90
    assert "generator: procedural, 192x192 px (the embedded one" in err
    assert "preset: petals" in err
    with av.open(terminal.folder / "film.mp4") as film:
        assert film.streams.video[0].frames == 90
        assert (film.streams.video[0].width, film.streams.video[0].height) == (192, 108)
        assert film.streams.audio


def test_quiet_says_nothing(terminal: Terminal) -> None:
    code, out, err = terminal.here(
        "render", "song.wav", "-o", "a.mp4", "--size", "64", "--duration", "0.5", "--quiet"
    )
    assert (code, out, err) == (0, "", "")


def test_biggan_renders_from_a_local_folder(terminal: Terminal, tiny_biggan: Path) -> None:
    code, _, err = terminal.here(
        "render", "song.wav", "-o", "a.mp4", "-g", "biggan-128", "--weights", str(tiny_biggan),
        "--size", "128", "--duration", "0.5",
    )  # fmt: skip
    assert code == 0, err
    assert "generator: biggan-128, 128x128 px (as asked)" in err


def test_a_wide_biggan_through_onnxruntime(terminal: Terminal, tiny_biggan: Path) -> None:
    code, _, err = terminal.here(
        "render", "song.wav", "-o", "a.mp4", "-g", "biggan-128", "--weights", str(tiny_biggan),
        "--size", "224x128", "--duration", "0.25", "--engine", "onnx", "--set", "look.wide=mirror",
    )  # fmt: skip
    assert code == 0, err
    assert "generator: biggan-128, 224x128 px" in err


def test_a_network_is_exported(terminal: Terminal, tiny_biggan: Path) -> None:
    code, _, err = terminal.here(
        "export", "biggan-128", "--weights", str(tiny_biggan), "--batch", "2", "-o", "net.onnx"
    )
    assert code == 0, err
    assert "batch 2, float32; onnxruntime differs from torch by" in err
    assert (terminal.folder / "net.onnx").exists()


def test_a_render_never_switches_generators(terminal: Terminal) -> None:
    code, _, err = terminal.here("render", "song.wav", "-o", "a.mp4", "-g", "biggan-128")
    assert code == 1
    assert "run `lj fetch biggan-128`" in err
    assert not (terminal.folder / "a.mp4").exists()


def test_a_sheet_of_a_film_and_of_a_song(terminal: Terminal) -> None:
    terminal.here("render", "song.wav", "-o", "film.mp4", "--size", "64", "-q")
    for source, lj in (("film.mp4", terminal.here), ("song.wav", terminal.run)):
        code, _, err = lj("sheet", source, "-o", "sheet.png", "--rows", "1")
        assert code == 0, err
        with Image.open(terminal.folder / "sheet.png") as picture:
            assert picture.width == 8 * 160


HEARD = {
    "time", "chroma", "flux", "onset", "onset_time", "beat_phase", "next_beat", "bpm",
    "loudness", "bass", "mid", "treble", "section",
    "beat_in_bar", "beat_confidence", "kick", "snare", "hat",
}  # fmt: skip


def test_what_is_heard_is_one_json_object_a_hop(terminal: Terminal) -> None:
    code, out, err = terminal.here("hear", "song.wav", "--json", "--duration", "1")
    assert code == 0, err
    rows = [json.loads(line) for line in out.splitlines()]
    assert set(rows[0]) == HEARD
    assert len(rows) == pytest.approx(86, abs=1)
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    strongest = sorted(range(12), key=rows[-1]["chroma"].__getitem__)[-3:]
    assert set(strongest) == {0, 4, 9}  # A minor


def test_the_learned_way_hears_drums(terminal: Terminal) -> None:
    beat = sounds.struck(sounds.kick(), [0.5 * k for k in range(1, 8)], 4)
    sounds.write_wav(terminal.folder / "drums.wav", beat)
    words = ("hear", "drums.wav", "--json")
    for way, hears in (("classic", False), ("learned", True)):
        code, out, err = terminal.here(*words, "--way", way)
        assert code == 0, err
        rows = [json.loads(line) for line in out.splitlines()]
        assert (max(row["kick"] for row in rows) > 0.3) == hears


def test_what_is_heard_is_a_picture(terminal: Terminal) -> None:
    code, _, err = terminal.here("hear", "song.wav", "-o", "hear.png")
    assert code == 0, err
    with Image.open(terminal.folder / "hear.png") as picture:
        assert picture.size == (1400, 950)


def test_a_reader_may_stop_reading(terminal: Terminal) -> None:
    process = terminal.start("hear", "song.wav", "--json")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    assert process.wait(60) == 0
    process.stderr.close()


def test_presets_are_listed(terminal: Terminal) -> None:
    code, out, _ = terminal.here("presets")
    assert code == 0
    assert len(out.splitlines()) >= 12
    code, out, _ = terminal.here("presets", "--json")
    assert {"name", "description", "knobs"} <= set(json.loads(out)[0])


def test_the_doctor_finds_this_machine_ready(terminal: Terminal) -> None:
    code, out, _ = terminal.here("doctor", "--json")
    assert code == 0
    report = json.loads(out)
    state = {row["what"]: row for row in report["findings"]}
    assert report["ready"]
    assert state["generator procedural"]["good"]
    assert not state["generator biggan-512"]["good"]
    assert "lj fetch biggan-512" in state["generator biggan-512"]["state"]


def test_the_doctor_misses_what_is_missing(installed: Path, tmp_path: Path) -> None:
    """Without PyAV nothing can be shown: exit 1, and no traceback."""
    (tmp_path / "av").mkdir()
    (tmp_path / "av" / "__init__.py").write_text("raise ImportError('no av here')\n")
    ran = subprocess.run(
        [sys.executable, "-m", "lj", "doctor"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{installed}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1
    assert "MISSING    codecs" in ran.stdout
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_keeps_a_playable_film(number: signal.Signals, terminal: Terminal) -> None:
    sounds.write_wav(terminal.folder / "long.wav", sounds.chord((57, 60, 64), 55))
    process = terminal.start("render", "long.wav", "-o", "long.mp4", "--size", "128")

    def begun() -> bool:
        return any(p.stat().st_size > 20_000 for p in terminal.folder.glob(".long.*.mp4"))

    until(lambda: begun() or process.poll() is not None, "the film's first pictures", 150)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "what was done is in long.partial.mp4" in err
    assert "Traceback" not in err
    assert not (terminal.folder / "long.mp4").exists()
    with av.open(terminal.folder / "long.partial.mp4") as film:
        assert sum(1 for _ in film.decode(video=0)) > 10
    assert list(terminal.folder.glob(".long*")) == []


BAD = [
    (("render", "absent.wav", "-o", "a.mp4"), "absent.wav: no such file"),
    (("render", "song.wav", "-o", "a.avi"), "a.avi: a film's name ends in .mp4"),
    (("render", "song.wav", "-o", "no/a.mp4"), "no/a.mp4: the folder no does not exist"),
    (("render", "song.wav", "-o", "a.mp4", "--size", "65"), "size is 65x65; use even numbers"),
    (("render", "song.wav", "-o", "a.mp4", "--size", "huge"), "size is huge; write it as"),
    (("render", "song.wav", "-o", "a.mp4", "--fps", "0"), "fps is 0; use 1 to 240"),
    (("render", "song.wav", "-o", "a.mp4", "-p", "reeef"), "did you mean reef?"),
    (("render", "song.wav", "-o", "a.mp4", "--set", "steer.kick=9"), "use 0 to 1"),
    (("render", "song.wav", "-o", "a.mp4", "--fit", "stretch"), "use crop or pad or mirror"),
    (("render", "song.wav", "-o", "a.mp4", "--quality", "poor"), "use draft, good, best"),
    (("render", "song.wav", "-o", "a.mp4", "-g", "dalle"), "is no generator; use procedural"),
    (("render", "song.wav", "-o", "a.mp4", "--device", "warp"), "device warp cannot be used"),
    (("render", "song.wav", "-o", "a.mp4", "--start", "60"), "use an earlier --start"),
    (("sheet", "absent.mp4", "-o", "a.png"), "absent.mp4: no such file"),
    (("sheet", "song.wav", "-o", "a.gif"), "a picture's name ends in .png"),
    (("hear", "song.wav"), "say what to do with what is heard"),
    (("hear", "absent.wav", "--json"), "absent.wav: no such file"),
    (("hear", "song.wav", "-o", "a.gif"), "a picture's name ends in .png"),
    (("export", "procedural", "-o", "a.onnx"), "has no network to export; use biggan-128"),
    (("export", "biggan-128", "-o", "a.bin"), "name a file that ends in .onnx"),
    (("export", "biggan-128", "-o", "a.onnx", "--wide", "very"), "use off or stretch"),
    (("render", "song.wav", "-o", "a.mp4", "--engine", "onnx"), "procedural runs on torch"),
    (("fetch", "biggan-64"), "has no weights to fetch; use biggan-128"),
    (("fetch", "biggan-128", "--from", "http://127.0.0.1:9/x"), "put {file} where"),
    (("fetch", "biggan-128", "--from", "http://127.0.0.1:9/{file}"), "no connection"),
]


@pytest.mark.parametrize(("words", "says"), BAD, ids=lambda value: str(value)[:60])
def test_bad_input_is_one_sentence(words: tuple[str, ...], says: str, terminal: Terminal) -> None:
    code, out, err = terminal.here(*words, *([] if words[0] == "fetch" else ["-q"]))
    assert code == 1
    assert out == ""
    assert says in err
    assert err.splitlines()[-1].startswith("lj: ")
    assert {p.name for p in terminal.folder.iterdir()} <= {"song.wav", "cache"}


def test_the_installed_program_says_the_same(terminal: Terminal) -> None:
    words = ("hear", "absent.wav", "--json")
    assert terminal.run(*words) == terminal.here(*words)

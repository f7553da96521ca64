"""Maps as files: what is written is read again, and whatever lies there costs only itself."""

import os
import stat
import tomllib
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from live.control import layouts
from live.control.midi_map import MODES, Control, Map, kept, map_of, maps_of, text_of
from synth.errors import UserError

SHIPPED = 3
LEARNT = Path(__file__).parents[1] / "data" / "midi" / "nanokontrol2.toml"  # by version 0.1.0

NAMES = st.text(min_size=1).filter(str.strip)
PLACES = st.one_of(
    st.fixed_dictionaries({"cc": st.integers(0, 127)}),
    st.fixed_dictionaries({"cc": st.integers(0, 95), "fine": st.just(True)}),
    st.fixed_dictionaries({"note": st.integers(0, 127), "momentary": st.booleans()}),
)
CONTROLS = st.builds(
    lambda place, **rest: Control(**place, **rest),
    PLACES,
    address=st.text().map(lambda text: "/" + text),
    channel=st.none() | st.integers(1, 16),
    mode=st.sampled_from(MODES),
)
ENTRY = 'name = "a"\n[[control]]\naddress = "/a"\n'
MAPS = st.builds(Map, NAMES, st.lists(CONTROLS, max_size=5).map(tuple), st.booleans())


def test_shipped_maps_play_addresses_that_exist() -> None:
    addresses = {node.address for node in layouts.nodes("silk")}
    told: list[str] = []
    maps = maps_of(None, told.append)
    assert told == []
    assert len(maps) == SHIPPED
    for one in maps:
        assert {control.address for control in one.controls} <= addresses
        places = [(c.cc, c.note, c.channel) for c in one.controls]
        assert len(places) == len(set(places))
    names = [f.name for f in resources.files("live.control").joinpath("maps").iterdir()]
    assert sorted(names) == ["launch-control-xl.toml", "midimix.toml", "nanokontrol2.toml"]


def test_a_map_is_written_as_it_is_read(tmp_path: Path) -> None:
    learned = Map(
        "My Box",
        (
            Control("/steer/kick", cc=1, fine=True),
            Control("/cue/go", note=3, channel=2),
            Control("/look/fit", cc=5, mode="twos"),
            Control("/steer/depth", note=9, momentary=True),
        ),
        clock=True,
    )
    text = text_of(learned)
    assert map_of(text, "here") == learned
    assert tomllib.loads(text)["clock"] is True
    (tmp_path / "mine.toml").write_text(text)
    assert maps_of(tmp_path, pytest.fail)[0] == learned


@settings(deadline=None)
@given(MAPS)
def test_every_map_is_written_as_it_is_read(learned: Map) -> None:
    assert map_of(text_of(learned), "here") == learned


@pytest.mark.parametrize(
    "name", ['The "Box"', "C:\\Box", "two\nlines", "tab\tand bell\a", "del\x7f", "鍵盤 \U0001f3b9"]
)
def test_names_with_quotes_and_worse_are_kept(name: str, tmp_path: Path) -> None:
    learned = Map(name, (Control(f"/{name}", cc=1),))
    path = kept(learned, tmp_path / "midi")
    assert maps_of(path.parent, pytest.fail)[0] == learned
    assert [p.name for p in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name", "is not TOML"),
        ("", "it needs name"),
        ('name = ""', "name is ''; write a part of the port's name"),
        ('name = " "', "write a part of the port's name"),
        ("name = 5", "name is 5; write a part of the port's name"),
        (f"name = 0x{'f' * 9000}", "name is a number of 10838 digits; write"),
        ("name = " + "9" * 9000, "is not TOML"),
        ("name = " + "[" * 5000, "is nested too deeply"),
        ('name = "a"\nclock = 1', "clock is 1; use true or false"),
        ('name = "a"\ncontrols = []', "has 'controls'; use name, clock, control"),
        ('name = "a"\ncontrol = "x"', "control is 'x'; write each as a [[control]]"),
        ('name = "a"\ncontrol = ["x"]', "control 1 is 'x'; write it as a [[control]]"),
        ('name = "a"\n[control]\ncc = 1', "write each as a [[control]]"),
        ('name = "a"\n' + '[[control]]\naddress = "/a"\ncc = 1\n' * 10_000, "use 1024 or fewer"),
        ('name = "a"\n[[control]]\ncc = 1', "address is None; it begins with /"),
        ('name = "a"\n[[control]]\naddress = 7\ncc = 1', "address is 7; it begins with /"),
        ('name = "a"\n[[control]]\naddress = "a"\ncc = 2', "address is 'a'; it begins with /"),
        ('name = "a"\n[[control]]\naddress = "/a"', "/a needs cc or note"),
        (ENTRY + "cc = 1\nnote = 1", "/a needs cc or note"),
        (ENTRY + "cc = 200", "cc is 200; use 0 to 127"),
        (ENTRY + "cc = true", "cc is True; use 0 to 127"),
        (ENTRY + "cc = 1.5", "cc is 1.5; use 0 to 127"),
        (ENTRY + 'note = "1"', "note is '1'; use 0 to 127"),
        (ENTRY + 'cc = 1\nchannel = "1"', "channel is '1'; use 1"),
        (ENTRY + "cc = 1\nchannel = true", "channel is True; use"),
        (ENTRY + "cc = 1\nchannel = 0", "channel is 0; use 1 to"),
        (ENTRY + "cc = 1\nchannel = 1.0", "channel is 1.0; use"),
        (
            ENTRY + 'cc = 2\nmode = "x"',
            "mode is 'x'; use absolute",
        ),
        (ENTRY + "cc = 2\nmode = []", "mode is []; use absolute"),
        (ENTRY + "cc = 2\nfine = 1", "fine is 1; use true or"),
        (ENTRY + "cc = 99\nfine = true", "use 0 to 95"),
        (
            ENTRY + "cc = 2\nwhat = 1",
            "has 'what'; use address, cc",
        ),
    ],
    ids=lambda text: text[:60],
)
def test_a_broken_map_is_told_and_the_others_play(text: str, says: str, tmp_path: Path) -> None:
    (tmp_path / "broken.toml").write_text(text)
    (tmp_path / "good.toml").write_text('name = "Good"')
    told: list[str] = []
    maps = maps_of(tmp_path, told.append)
    assert maps[0].name == "Good"
    assert len(maps) == 1 + SHIPPED
    (sentence,) = told
    assert sentence.startswith(f"{tmp_path / 'broken.toml'}: ")
    assert says in sentence
    assert len(sentence) < len(str(tmp_path)) + 200
    with pytest.raises(UserError):
        map_of(text, "broken.toml")


def test_what_is_no_file_of_text_is_told_and_the_others_play(tmp_path: Path) -> None:
    (tmp_path / "a folder.toml").mkdir()
    (tmp_path / "bytes.toml").write_bytes(b'name = "\xff\xfe"')
    (tmp_path / "large.toml").write_bytes(b"#" * 600_000)
    (tmp_path / "lost.toml").symlink_to(tmp_path / "nowhere")
    (tmp_path / "memory.toml").symlink_to("/proc/self/mem")  # a file whose reading fails
    os.mkfifo(tmp_path / "pipe.toml")  # to open it would wait for ever
    (tmp_path / "with a mark.toml").write_bytes(b'\xef\xbb\xbfname = "Notepad"')
    (tmp_path / ".hidden.toml").write_text("no map")
    (tmp_path / "readme.txt").write_text("no map")
    told: list[str] = []
    maps = maps_of(tmp_path, told.append)
    assert [m.name for m in maps[:-SHIPPED]] == ["Notepad"]
    assert [sentence.removeprefix(f"{tmp_path}/") for sentence in told] == [
        "a folder.toml: is no file; a map is a file",
        "bytes.toml: is not UTF-8; save it as UTF-8",
        "large.toml: is larger than 512 KiB; no map is",
        "lost.toml: is no file; a map is a file",
        "memory.toml: cannot be read (Input/output error)",
        "pipe.toml: is no file; a map is a file",
    ]


def test_a_folder_that_is_none_is_told_and_one_that_is_missing_is_not(tmp_path: Path) -> None:
    told: list[str] = []
    assert len(maps_of(tmp_path / "missing", told.append)) == SHIPPED
    assert told == []
    (tmp_path / "file").write_text("")
    assert len(maps_of(tmp_path / "file", told.append)) == SHIPPED
    (sentence,) = told
    assert sentence == f"{tmp_path / 'file'}: maps of your own cannot be read (Not a directory)"


@settings(deadline=None)  # it writes files
@given(st.binary(max_size=200) | st.text().map(lambda text: text.encode("utf-8")))
def test_no_bytes_raise(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("maps")
    (folder / "any.toml").write_bytes(content)
    told: list[str] = []
    assert len(maps_of(folder, told.append)) == SHIPPED + 1 - len(told)


def test_names_that_make_one_file_name_do_not_overwrite_one_another(tmp_path: Path) -> None:
    (tmp_path / "a-b-3.toml").write_text("a person's notes")
    maps = [Map(name, (Control("/tap", cc=n),)) for n, name in enumerate(("A B", "a/b", "A-B"))]
    paths = [kept(one, tmp_path) for one in maps]
    assert [path.name for path in paths] == ["a-b.toml", "a-b-2.toml", "a-b-4.toml"]
    for one in maps:
        kept(Map(one.name, (*one.controls, Control("/freeze", cc=9))), tmp_path)
    there = maps_of(tmp_path, lambda _: None)[:-SHIPPED]
    assert {one.name: len(one.controls) for one in there} == {"A B": 2, "a/b": 2, "A-B": 2}
    assert (tmp_path / "a-b-3.toml").read_text() == "a person's notes"


def test_what_was_learnt_comes_before_a_map_by_hand_for_the_same_controller(
    tmp_path: Path,
) -> None:
    by_hand = Map("My Box", (Control("/tap", cc=1),))
    (tmp_path / "mine.toml").write_text("# with a comment\n" + text_of(by_hand))
    learnt = Map("My Box", (*by_hand.controls, Control("/freeze", cc=2)))
    assert kept(learnt, tmp_path).name == "my-box.toml"
    assert maps_of(tmp_path, pytest.fail)[0] == learnt
    assert (tmp_path / "mine.toml").read_text().startswith("# with a comment")


def test_a_map_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned = Map("My Box", (Control("/tap", cc=1),))
    kept(learned, tmp_path)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("live.control.midi_map.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        kept(Map("My Box", ()), tmp_path)
    assert maps_of(tmp_path, pytest.fail)[0] == learned
    assert [path.name for path in tmp_path.iterdir()] == ["my-box.toml"]
    assert stat.S_IMODE((tmp_path / "my-box.toml").stat().st_mode) & 0o444 == 0o444


def test_a_very_long_name_has_a_file(tmp_path: Path) -> None:
    learned = Map("\U00020000" * 500, (Control("/tap", cc=1),))
    kept(learned, tmp_path)
    assert maps_of(tmp_path, pytest.fail)[0] == learned


def test_a_map_that_an_earlier_version_learnt_is_read() -> None:
    learnt = map_of(LEARNT.read_text("utf-8"), str(LEARNT))
    assert learnt.name == "nanoKONTROL2"
    assert len(learnt.controls) == 30
    assert Control("/steer/classes", cc=98) in learnt.controls

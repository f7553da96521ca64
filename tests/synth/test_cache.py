"""The user's own cache: who may look into it, and what is run from it."""

import os
from pathlib import Path

import pytest

from synth.cache import cache_place, check_own, private_folder
from synth.errors import UserError

STRANGER = 4321


def mode(place: Path) -> int:
    return place.stat().st_mode & 0o7777


def leave_to_a_stranger(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`place` is another user's: given away where we may, else it is we who are somebody else."""
    if os.geteuid() == 0:
        os.chown(place, STRANGER, STRANGER)
    else:
        monkeypatch.setattr("os.geteuid", lambda: STRANGER)


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home" / "cache"))
    return tmp_path / "home" / "cache" / "latent-jockey"


def test_a_place_makes_nothing(cache: Path) -> None:
    assert cache_place("kernels", "abc") == cache / "kernels" / "abc"
    assert not cache.parent.exists()


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_a_folder_is_private_and_so_is_every_one_that_was_made(cache: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folder = private_folder(cache_place("kernels", "abc"))
    finally:
        os.umask(before)
    assert folder == cache / "kernels" / "abc"
    for made in (folder, *list(folder.parents)[:4]):
        assert mode(made) == 0o700, made


def test_an_open_folder_of_ours_is_closed_and_keeps_what_it_holds(cache: Path) -> None:
    (cache / "kernels").mkdir(parents=True)
    for folder in (cache, cache / "kernels"):
        folder.chmod(0o777)
    (cache / "kernels" / "silk.pt2").write_text("ours")
    around = mode(cache.parent)
    private_folder(cache_place("kernels"))
    assert [mode(cache), mode(cache / "kernels")] == [0o700, 0o700]
    assert mode(cache.parent) == around  # is not ours to change
    assert (cache / "kernels" / "silk.pt2").read_text() == "ours"


@pytest.mark.parametrize("level", ["", "kernels"])
def test_another_users_folder_is_refused(
    cache: Path, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folder(cache_place("kernels"))
    leave_to_a_stranger(cache / level, monkeypatch)
    with pytest.raises(UserError, match=r"belongs to user \d+; remove it, or set XDG_CACHE_HOME"):
        private_folder(cache_place("kernels"))


def test_a_link_to_another_users_folder_is_refused(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.mkdir(parents=True)
    (tmp_path / "theirs").mkdir()
    (cache / "kernels").symlink_to(tmp_path / "theirs")
    leave_to_a_stranger(tmp_path / "theirs", monkeypatch)
    with pytest.raises(UserError, match="belongs to user"):
        private_folder(cache_place("kernels"))


def test_a_link_to_a_folder_of_ones_own_is_followed(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    (tmp_path / "large disk").mkdir(0o755)
    (cache / "kernels").symlink_to(tmp_path / "large disk")
    private_folder(cache_place("kernels"))
    assert mode(tmp_path / "large disk") == 0o700


def test_a_link_into_a_place_where_everyone_renames_is_refused(cache: Path, tmp_path: Path) -> None:
    cache.mkdir(parents=True)
    (tmp_path / "open" / "ours").mkdir(parents=True)
    (tmp_path / "open").chmod(0o777)
    (cache / "kernels").symlink_to(tmp_path / "open" / "ours")
    with pytest.raises(
        UserError, match="open: everyone may replace what lies in it; run chmod o-w"
    ):
        private_folder(cache_place("kernels"))
    (tmp_path / "open").chmod(0o1777)  # as /tmp
    private_folder(cache_place("kernels"))


def test_a_folder_that_stays_open_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on disks without modes."""
    cache.mkdir(parents=True)
    cache.chmod(0o777)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)
    with pytest.raises(UserError, match="latent-jockey: stays open to others"):
        private_folder(cache_place("kernels"))


def test_what_a_stranger_put_there_is_refused(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inner = private_folder(cache_place("compiled", "inductor"))
    (inner / "planted.so").write_text("theirs")
    leave_to_a_stranger(inner / "planted.so", monkeypatch)
    with pytest.raises(UserError, match=r"belongs to user \d+; remove it"):
        private_folder(cache_place("compiled"))


def test_a_file_in_the_way_is_one_sentence(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("")
    with pytest.raises(UserError, match="latent-jockey: is no folder; remove it"):
        private_folder(cache_place())


def test_a_place_that_cannot_be_made_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/dev/null/here")
    with pytest.raises(UserError, match="/dev/null.*: cannot be a private folder"):
        private_folder(cache_place("kernels"))


@pytest.mark.parametrize("bits", [0o600, 0o644, 0o700])
def test_a_file_of_ones_own_is_trusted(tmp_path: Path, bits: int) -> None:
    file = tmp_path / "silk.pt2"
    file.write_text("ours")
    file.chmod(bits)
    check_own(file)


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(tmp_path: Path, bits: int) -> None:
    file = tmp_path / "silk.pt2"
    file.write_text("whose?")
    file.chmod(bits)
    with pytest.raises(UserError, match="silk.pt2: others may write it"):
        check_own(file)


def test_a_file_that_others_may_replace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir()
    file = tmp_path / "open" / "silk.pt2"
    file.write_text("ours")
    (tmp_path / "open").chmod(0o777)
    with pytest.raises(UserError, match="open: others may write it"):
        check_own(file)


def test_another_users_file_is_refused_even_behind_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs, link = tmp_path / "theirs.pt2", tmp_path / "silk.pt2"
    theirs.write_text("theirs")
    link.symlink_to(theirs)
    check_own(link)
    leave_to_a_stranger(theirs, monkeypatch)
    with pytest.raises(UserError, match=r"silk.pt2: belongs to user \d+"):
        check_own(link)


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "silk.pt2")
    with pytest.raises(UserError, match="is no plain file"):
        check_own(tmp_path / "silk.pt2")
    with pytest.raises(UserError, match="cannot be read"):
        check_own(tmp_path / "gone.pt2")


def test_without_user_numbers_there_are_folders_too(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on Windows."""
    monkeypatch.delattr("os.geteuid")
    folder = private_folder(cache_place("kernels"))
    (folder / "silk.pt2").write_text("ours")
    (folder / "silk.pt2").chmod(0o666)
    check_own(folder / "silk.pt2")

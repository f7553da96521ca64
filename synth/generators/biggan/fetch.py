"""Download published BigGAN-deep weights into the user's cache, as safetensors.

A download resumes where it broke and tries each source in turn. It stops at the size that the file
may have; its digest is checked where that is known, and every tensor always, before it counts. Its
address and sha256 are left beside the result.
"""

import errno
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests
from safetensors.torch import save_file

from synth.cache import cache_place, private_folder
from synth.digest import sha256_of
from synth.errors import UserError

from .published import CONFIG, FILES, WEIGHTS, Published, expected, sources_of
from .weights import cache_folder, check_size, config_of, read_checkpoint

_TIMEOUT = (10.0, 30.0)  # seconds to connect, and without a byte
_BLOCK = 1 << 16
_ONWARD = 5  # times that a source may send on to another address

Progress = Callable[[str, int, int | None], None]  # file, bytes so far, bytes in all


class Unfit(Exception):
    """What a source sends is not what was asked for; the message is for the person who asked."""


class BrokenOff(Exception):
    """A transfer did not begin, or ended too early; what is here already is of use."""


def fetch(name: str, progress: Progress, sources: tuple[str, ...] = ()) -> Path:
    """Bring `biggan-SIZE` into the cache; returns its folder. UserError when no source answers."""
    folder = cache_folder(name)
    if _is_whole(folder):
        return folder
    parts = private_folder(cache_place(f"{name}.part"))
    refusals = []
    for source in sources or sources_of(name):
        part = private_folder(parts / hashlib.sha256(source.encode()).hexdigest()[:16])
        try:
            _bring_all(name, source, part, progress)
            _install(source, part, folder)
        except (requests.RequestException, BrokenOff) as error:
            refusals.append(f"{_host(source)}: {_reason(error)}")
        except (Unfit, UserError) as error:
            shutil.rmtree(part)
            refusals.append(f"{_host(source)}: {error}")
        except OSError as error:
            raise UserError(
                f"{error.filename or part}: cannot be written ({error.strerror or error}); make "
                "room, or set XDG_CACHE_HOME to a folder on another disk"
            ) from error
        else:
            shutil.rmtree(parts, ignore_errors=True)
            return folder
    raise UserError(
        f"{name} could not be fetched ({'; '.join(refusals)}); bring a folder with "
        f"{' and '.join(FILES)} and use --generator {name} --weights FOLDER"
    )


def _is_whole(folder: Path) -> bool:
    """Whether a network is there whose every tensor is right; a disk may have lost its end."""
    if not (folder / "model.safetensors").is_file():
        return False
    try:
        read_checkpoint(folder)
    except UserError:
        return False
    return True


def _host(address: str) -> str:
    """Who is asked, as far as an address that somebody typed tells."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2] or address[:80]
    except ValueError:
        return address[:80]


def _reason(error: Exception) -> str:
    match error:
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError() if "Read timed out" in str(error):
            return "no answer in time"
        case requests.exceptions.ChunkedEncodingError():
            return "broke off; run it again to resume"
        case requests.ConnectionError():
            return "no connection"
    return str(error)[:160]


def _bring_all(name: str, source: str, part: Path, progress: Progress) -> None:
    """Both files, the small one first: it tells whether the large one is worth its time."""
    for file in FILES:
        _bring(expected(name, source, file), part / file, progress)
        if file == CONFIG:
            check_size(name, config_of(part / file), part / file)


def _bring(row: Published, target: Path, progress: Progress) -> None:
    """Continue `target` from its present length; a finished file has no `.partial` beside it."""
    if target.exists():
        return
    partial = target.with_suffix(target.suffix + ".partial")
    begun = partial.stat().st_size if partial.exists() else 0
    with _answer(row.address, begun) as answer:
        whole = _write(answer, row, partial, begun, progress)
    if not whole:
        partial.unlink()
        _bring(row, target, progress)
        return
    _check(row, partial)
    partial.rename(target)


def _write(
    answer: requests.Response, row: Published, partial: Path, begun: int, progress: Progress
) -> bool:
    """Write what comes behind what is here; False where the source has no more than was here."""
    codes = requests.codes
    if answer.status_code == codes.requested_range_not_satisfiable and begun:
        return False
    if answer.status_code not in {codes.ok, codes.partial_content}:
        raise BrokenOff(f"answered {answer.status_code}")
    done, total = _extent(answer, begun, row)
    _check_room(partial.parent, (total or row.most) - done, row)
    with partial.open("ab" if done else "wb") as file:
        for block in answer.iter_content(_BLOCK):
            done += len(block)
            if done > row.most:
                raise Unfit(f"sends more of {row.file} than its {row.most} bytes")
            file.write(block)
            progress(row.file, done, total)
        file.flush()
        os.fsync(file.fileno())
    if total is not None and done != total:
        raise BrokenOff(f"broke off after {done} of {total} bytes; run it again to resume")
    return True


class _Session(requests.Session):
    """Goes nowhere by itself: on its way requests would read whatever a redirection's body is."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        return None


@contextmanager
def _answer(address: str, begun: int) -> Iterator[requests.Response]:
    """The answer's head, from wherever the source sends on to: never to less than https."""
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
    for _ in range(_ONWARD + 1):
        with (
            _Session() as session,
            session.get(address, headers=headers, stream=True, timeout=_TIMEOUT) as answer,
        ):
            if not answer.is_redirect:
                yield answer
                return
            address = _onward(address, answer.headers["Location"])
    raise Unfit(f"sends on and on, to {_host(address)} in the end")


def _onward(address: str, location: str) -> str:
    try:
        onward = urljoin(address, location)
        safe = urlsplit(onward).scheme in {"https", urlsplit(address).scheme}
    except ValueError:
        safe = False
    if not safe:
        raise Unfit(f"sends on to {location[:80]}, which is no https address")
    return onward


def _extent(answer: requests.Response, begun: int, row: Published) -> tuple[int, int | None]:
    """Where the body begins in the file, and how long the file is if that is told."""
    encoding = answer.headers.get("Content-Encoding", "identity")
    if encoding != "identity":
        raise Unfit(f"sends {row.file} packed as {encoding[:20]}, which was not asked for")
    if answer.status_code == requests.codes.partial_content:
        span = re.match(r"bytes (\d{1,18})-", answer.headers.get("Content-Range", ""))
        if span is None or int(span[1]) != begun:
            raise Unfit(f"sends another part of {row.file} than was asked for")
    else:
        begun = 0
    length = answer.headers.get("Content-Length")
    if length is None:
        return begun, None
    if not re.fullmatch(r"\d{1,18}", length):
        raise Unfit(f"says that {row.file} is {length[:40]} bytes long")
    total = begun + int(length)
    if not row.least <= total <= row.most:
        raise Unfit(f"says that {row.file} has {total} bytes; it has {_span(row)}")
    return begun, total


def _span(row: Published) -> str:
    return str(row.most) if row.least == row.most else f"{row.least} to {row.most}"


def _check_room(folder: Path, missing: int, row: Published) -> None:
    """Raise UserError where the disk cannot hold what is to come and its converted copy."""
    needed = missing + (row.most if row.file == WEIGHTS else 0)
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(errno.ENOSPC, f"{needed} bytes are needed, {free} are free", str(folder))


def _check(row: Published, partial: Path) -> None:
    """Remove what is not the published file, and say so."""
    size = partial.stat().st_size
    if not row.least <= size <= row.most:
        partial.unlink()
        raise Unfit(f"sent {size} bytes for {row.file}; it has {_span(row)}")
    digest = sha256_of(partial) if row.sha256 else ""
    if digest != row.sha256:
        partial.unlink()
        raise Unfit(
            f"sent another {row.file}: its sha256 is {digest}, that of the published one "
            f"{row.sha256}; fetch again, or from another network"
        )


def _install(source: str, part: Path, folder: Path) -> None:
    """Check what was downloaded, convert it, and put it in place in one step."""
    checkpoint = read_checkpoint(part)
    digest = sha256_of(part / WEIGHTS)
    state = {key: tensor.contiguous().clone() for key, tensor in checkpoint.state.items()}
    save_file(state, part / "model.safetensors")
    record = {"source": source, "sha256": digest, "file": WEIGHTS}
    (part / "source.json").write_text(json.dumps(record, indent=2) + "\n")
    (part / WEIGHTS).unlink()
    for file in part.iterdir():
        with file.open("r+b") as written:
            os.fsync(written.fileno())
    if folder.exists():
        shutil.rmtree(folder)
    part.rename(folder)

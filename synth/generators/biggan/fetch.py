"""Download published BigGAN-deep weights into the user's cache, as safetensors.

A download resumes where it broke, tries each source in turn, is checked tensor by tensor before
it counts, and leaves its address and sha256 beside the result.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import requests
from safetensors.torch import save_file

from synth.trouble import Trouble

from .weights import cache_folder, read_checkpoint

_BUCKET = "https://s3.amazonaws.com/models.huggingface.co/biggan/biggan-deep-{size}-{file}"
_HUB = "https://huggingface.co/osanseviero/BigGAN-deep-128/resolve/main/{file}"
_FILES = ("config.json", "pytorch_model.bin")
_TIMEOUT = (10.0, 30.0)  # seconds to connect, and without a byte
_BLOCK = 1 << 16

Progress = Callable[[str, int, int | None], None]  # file, bytes so far, bytes in all


def sources_of(name: str) -> tuple[str, ...]:
    """Address patterns with `{file}` for the published files of `biggan-SIZE`."""
    size = name.removeprefix("biggan-")
    bucket = _BUCKET.replace("{size}", size)
    return (bucket, _HUB) if size == "128" else (bucket,)


def fetch(name: str, progress: Progress, sources: tuple[str, ...] = ()) -> Path:
    """Bring `biggan-SIZE` into the cache and return its folder; Trouble when no source answers."""
    folder = cache_folder(name)
    if (folder / "model.safetensors").is_file():
        return folder
    parts = folder.with_name(f"{name}.part")
    parts.mkdir(parents=True, exist_ok=True)
    refusals = []
    for source in sources or sources_of(name):
        try:
            for file in _FILES:
                _download(source.format(file=file), parts / file, progress)
            return _installed(parts, folder, source)
        except (requests.RequestException, OSError) as error:
            refusals.append(f"{source.split('/')[2]}: {_reason(error)}")
        except Trouble as trouble:
            shutil.rmtree(parts)
            parts.mkdir()
            refusals.append(str(trouble))
    raise Trouble(
        f"{name} could not be fetched ({'; '.join(refusals)}); bring a folder with "
        f"{' and '.join(_FILES)} and use --generator {name} --weights FOLDER"
    )


def _reason(error: Exception) -> str:
    match error:
        case requests.Timeout():
            return "no answer in time"
        case requests.ConnectionError():
            return "no connection"
        case requests.HTTPError():
            return f"answered {error.response.status_code}"
    return str(error)


def _download(url: str, target: Path, progress: Progress) -> None:
    """Continue `target` from its present length; a finished file has no `.partial` beside it."""
    if target.exists():
        return
    partial = target.with_suffix(target.suffix + ".partial")
    begun = partial.stat().st_size if partial.exists() else 0
    headers = {"Range": f"bytes={begun}-"} if begun else {}
    with requests.get(url, headers=headers, stream=True, timeout=_TIMEOUT) as answer:
        if answer.status_code == requests.codes.requested_range_not_satisfiable:
            partial.unlink()
            _download(url, target, progress)
            return
        answer.raise_for_status()
        if answer.status_code != requests.codes.partial_content:
            begun = 0
        length = answer.headers.get("Content-Length")
        total = begun + int(length) if length else None
        done = begun
        with partial.open("ab" if begun else "wb") as file:
            for block in answer.iter_content(_BLOCK):
                file.write(block)
                done += len(block)
                progress(target.name, done, total)
    if total is not None and done != total:
        raise OSError(f"broke off after {done} of {total} bytes; run it again to resume")
    partial.rename(target)


def _installed(parts: Path, folder: Path, source: str) -> Path:
    """Check what was downloaded, convert it, and put it in place in one step."""
    checkpoint = read_checkpoint(parts)
    digest = hashlib.sha256((parts / "pytorch_model.bin").read_bytes()).hexdigest()
    state = {key: tensor.contiguous().clone() for key, tensor in checkpoint.state.items()}
    save_file(state, parts / "model.safetensors")
    record = {"source": source, "sha256": digest, "file": "pytorch_model.bin"}
    (parts / "source.json").write_text(json.dumps(record, indent=2) + "\n")
    (parts / "pytorch_model.bin").unlink()
    if folder.exists():
        shutil.rmtree(folder)
    parts.rename(folder)
    return folder

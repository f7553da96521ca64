"""What loading other people's models needs, what is known of them, and how to say that it failed.

Asking over https, resuming and comparing sizes is left to the hub's own client, and the digests of
files that do not come from the hub to open_clip. Here: nothing is begun that is larger than a cap,
a known model comes at a known commit, and a known file counts only with its known digest. Nothing
that is loaded brings code of its own: weights are safetensors, or pickles that torch reads with
weights_only.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from synth.digest import sha256_of
from synth.errors import UserError

WEIGHTS = (  # as clients look for them
    "model.safetensors",
    "pytorch_model.bin",
    "open_clip_model.safetensors",
    "open_clip_pytorch_model.bin",
)
MOST = 12 << 30  # bytes of one file; the largest CLIP that open_clip names for the hub has 10 GB

_library: Any = None


@dataclass(frozen=True, slots=True)
class Known:
    """One file of the hub; empty where its pages do not tell, or its client cannot be told."""

    model: str
    commit: str
    file: str
    sha256: str


KNOWN = (  # as the hub's own pages of the files and commits show them
    Known(
        "sentence-transformers/all-MiniLM-L6-v2",
        "e4ce9877abf3edfe10b0d82785e83bdcb973e22e",
        "model.safetensors",
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
    Known(
        "laion/CLIP-ViT-B-32-laion2B-s34B-b79K",
        "",
        "open_clip_pytorch_model.bin",
        "1bd3c7172de5b207ceac554f5ab5266166f3b9baccc9af5989bc801016d080ad",
    ),
    Known(
        "laion/clap-htsat-unfused",
        "8fa0f1c6d0433df6e97c127f64b2a1d6c0dcda8a",
        "pytorch_model.bin",
        "",
    ),
)


class Model:
    """A model of the hub, before and after its client brings it; nothing is asked of a folder."""

    def __init__(self, name: str, *, option: str, cache: str | None = None) -> None:
        """`option` is the one that `name` came with; `cache` where it is not the hub's own."""
        self._name, self._option, self._cache = name, option, cache
        self._is_folder = Path(name).is_dir()

    @property
    def revision(self) -> str | None:
        """The known commit; None where there is none, or where another one is here already."""
        commits = [known.commit for known in KNOWN if known.model == self._name and known.commit]
        if not commits or self._is_folder or self._is_here("main"):
            return None
        return commits[0]

    def check_size(self) -> None:
        """Raise UserError before anything comes that is larger than the cap, or than the disk."""
        if self._is_folder or self._is_here(self.revision):
            return
        largest = max(self._sizes(), default=0)
        if largest > MOST:
            raise UserError(
                f"{self._option} {self._name}: has a file of {largest} bytes; at most {MOST} are "
                "fetched: fetch it yourself and name its folder"
            )
        free = shutil.disk_usage(_existing(self._place())).free
        if largest > free:
            raise UserError(
                f"{self._option} {self._name}: has a file of {largest} bytes and {self._place()} "
                f"has room for {free}; make room, or set HF_HOME to a folder on another disk"
            )

    def check_digests(self) -> None:
        """Remove a file that is not the known one, and raise UserError."""
        for known in KNOWN:
            path = self._here(known.file, self.revision) if known.model == self._name else None
            if path is None or not known.sha256 or self._is_folder:
                continue
            digest = sha256_of(path)
            if digest != known.sha256:
                path.resolve().unlink()
                path.unlink(missing_ok=True)
                raise UserError(
                    f"{self._option} {self._name}: the sha256 of {known.file} is {digest}, that of "
                    f"the published one {known.sha256}; it was removed: fetch it again, or name "
                    "a folder"
                )

    def _is_here(self, revision: str | None) -> bool:
        return any(self._here(file, revision) for file in WEIGHTS)

    def _here(self, file: str, revision: str | None) -> Path | None:
        """Where a file lies in the client's cache."""
        from huggingface_hub import try_to_load_from_cache

        try:
            found = try_to_load_from_cache(self._name, file, self._place(), revision)
        except ValueError:  # no name that the hub could know
            return None
        return Path(found) if isinstance(found, str) else None

    def _place(self) -> Path:
        from huggingface_hub import constants

        return Path(self._cache or constants.HF_HUB_CACHE)

    def _sizes(self) -> list[int]:
        """Bytes of every file, where the hub answers; where not, its client will say so."""
        from huggingface_hub import HfApi

        try:
            about = HfApi().model_info(
                self._name, revision=self.revision, files_metadata=True, timeout=10
            )
        except Exception:  # of many kinds
            return []
        return [file.size or 0 for file in about.siblings or []]


def _existing(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())


def complete_torchvision() -> None:
    """Declare the operators that torchvision's wheel expects and a torch without CUDA lacks.

    Packages which import torchvision load then; once for the process.
    """
    global _library  # noqa: PLW0603 - the library must outlive the call
    if torch.version.cuda is not None or _library is not None:
        return
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        _library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def reason_of(error: Exception) -> str:
    """The first line of an error, which hubs and libraries raise of many kinds."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]

"""What loading other people's models needs, and how to say that it failed."""

from typing import Any

import torch

_library: Any = None


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

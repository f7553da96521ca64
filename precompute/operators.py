"""Operators that torchvision's wheel expects and a torch without CUDA lacks."""

from typing import Any

import torch

_library: Any = None


def complete_torchvision() -> None:
    """Declare them, so that packages which import torchvision load; once for the process."""
    global _library  # noqa: PLW0603 - the library must outlive the call
    if torch.version.cuda is not None or _library is not None:
        return
    _library = torch.library.Library("torchvision", "FRAGMENT")
    for operator in ("nms", "qnms"):
        _library.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")

"""A generator's picture on a screen of another shape."""

import av
import numpy as np
from av.video.reformatter import Interpolation

Size = tuple[int, int]  # width, height in pixels


def side_for(size: Size, fit: str) -> int:
    """The side at which a square fills the screen by this fit without being scaled."""
    return max(size) if fit == "crop" else min(size)


def fitted(picture: np.ndarray, size: Size, fit: str) -> np.ndarray:
    """uint8 (h, w, 3) of a uint8 picture: cropped, padded with black, or mirrored."""
    width, height = size
    scaled = _scaled(picture, _reached(picture, size, fit))
    if fit == "crop":
        top, left = (scaled.shape[0] - height) // 2, (scaled.shape[1] - width) // 2
        return np.ascontiguousarray(scaled[top : top + height, left : left + width])
    top, left = (height - scaled.shape[0]) // 2, (width - scaled.shape[1]) // 2
    border = ((top, height - scaled.shape[0] - top), (left, width - scaled.shape[1] - left), (0, 0))
    return np.pad(scaled, border, mode="constant" if fit == "pad" else "symmetric")


def _reached(picture: np.ndarray, size: Size, fit: str) -> Size:
    """Width and height at which the picture covers the screen, or else just fits into it."""
    ratios = (size[0] / picture.shape[1], size[1] / picture.shape[0])
    ratio = max(ratios) if fit == "crop" else min(ratios)
    return round(picture.shape[1] * ratio), round(picture.shape[0] * ratio)


def _scaled(picture: np.ndarray, size: Size) -> np.ndarray:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(*size, interpolation=Interpolation.LANCZOS).to_ndarray()

"""A square picture on a screen of another shape."""

import av
import numpy as np
from av.video.reformatter import Interpolation

Size = tuple[int, int]  # width, height in pixels


def side_for(size: Size, fit: str) -> int:
    """The side at which a square fills the screen by this fit without being scaled."""
    return max(size) if fit == "crop" else min(size)


def fitted(picture: np.ndarray, size: Size, fit: str) -> np.ndarray:
    """uint8 (h, w, 3) of a square uint8 (s, s, 3): cropped, padded with black, or mirrored."""
    width, height = size
    square = _scaled(picture, side_for(size, fit))
    if fit == "crop":
        top, left = (len(square) - height) // 2, (len(square) - width) // 2
        return np.ascontiguousarray(square[top : top + height, left : left + width])
    top, left = (height - len(square)) // 2, (width - len(square)) // 2
    border = ((top, height - len(square) - top), (left, width - len(square) - left), (0, 0))
    return np.pad(square, border, mode="constant" if fit == "pad" else "symmetric")


def _scaled(picture: np.ndarray, side: int) -> np.ndarray:
    if picture.shape[0] == side:
        return picture
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
    return frame.reformat(side, side, interpolation=Interpolation.LANCZOS).to_ndarray()

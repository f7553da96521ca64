"""A generator's picture on a screen of another shape, as `live/output/shaders/show.frag` has it."""

import av
import numpy as np
from av.video.reformatter import Interpolation

Size = tuple[int, int]  # width, height in pixels

_COVERS = ("crop", "kaleidoscope")  # fits that leave no part of the screen free
_BLUR = 1 / 12  # of the picture's side: what the blur beside it is made of
_DIM = 0.35 ** (1 / 2.2)  # of the blur's sRGB values: 0.35 of its light


def side_for(size: Size, fit: str) -> int:
    """The side at which a square fills the screen by this fit without being scaled."""
    match fit:
        case "crop":
            return max(size)
        case "kaleidoscope":
            return -(-max(size) // 2)
        case _:
            return min(size)


def fitted(picture: np.ndarray, size: Size, fit: str) -> np.ndarray:
    """uint8 (h, w, 3) of a uint8 picture, made to fill `size` by a fit of knob `look.fit`."""
    match fit:
        case "crop":
            return _centre(_scaled(picture, _reached(picture, size, fit)), size)
        case "kaleidoscope":
            return _kaleidoscope(picture, size)
        case "blur":
            return _beside_its_blur(picture, size)
        case "mirror":
            return _bordered(picture, size, "symmetric")
        case _:
            return _bordered(picture, size, "constant")


def _centre(picture: np.ndarray, size: Size) -> np.ndarray:
    top, left = (picture.shape[0] - size[1]) // 2, (picture.shape[1] - size[0]) // 2
    return np.ascontiguousarray(picture[top : top + size[1], left : left + size[0]])


def _bordered(picture: np.ndarray, size: Size, mode: str) -> np.ndarray:
    scaled = _scaled(picture, _reached(picture, size, mode))
    down, right = size[1] - scaled.shape[0], size[0] - scaled.shape[1]
    border = ((down // 2, down - down // 2), (right // 2, right - right // 2), (0, 0))
    return np.pad(scaled, border, mode="constant" if mode == "constant" else "symmetric")


def _kaleidoscope(picture: np.ndarray, size: Size) -> np.ndarray:
    """Four mirrored pictures that meet in the middle."""
    quarter = (-(-size[0] // 2), -(-size[1] // 2))
    part = _scaled(picture, _reached(picture, quarter, "kaleidoscope"))[: quarter[1], : quarter[0]]
    right = np.concatenate([part[::-1], part], 0)
    return _centre(np.concatenate([right[:, ::-1], right], 1), size)


def _beside_its_blur(picture: np.ndarray, size: Size) -> np.ndarray:
    tiny = (round(picture.shape[1] * _BLUR) or 1, round(picture.shape[0] * _BLUR) or 1)
    soft = _scaled(_scaled(picture, tiny, Interpolation.AREA), _reached(picture, size, "crop"))
    screen = np.rint(_centre(soft, size) * _DIM).astype(np.uint8)
    scaled = _scaled(picture, _reached(picture, size, "blur"))
    top, left = (size[1] - scaled.shape[0]) // 2, (size[0] - scaled.shape[1]) // 2
    screen[top : top + scaled.shape[0], left : left + scaled.shape[1]] = scaled
    return screen


def _reached(picture: np.ndarray, size: Size, fit: str) -> Size:
    """Width and height at which the picture covers the screen, or else just fits into it."""
    ratios = (size[0] / picture.shape[1], size[1] / picture.shape[0])
    ratio = max(ratios) if fit in _COVERS else min(ratios)
    return round(picture.shape[1] * ratio), round(picture.shape[0] * ratio)


def _scaled(
    picture: np.ndarray, size: Size, by: Interpolation = Interpolation.LANCZOS
) -> np.ndarray:
    if (picture.shape[1], picture.shape[0]) == size:
        return picture
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
    return frame.reformat(*size, interpolation=by).to_ndarray()

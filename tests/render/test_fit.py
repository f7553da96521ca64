import numpy as np
import pytest

from render.fit import fitted, side_for


def gradient(side: int) -> np.ndarray:
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    return np.stack([np.tile(ramp, (side, 1)), np.tile(ramp[:, None], (1, side))] * 2, 2)[..., :3]


@pytest.mark.parametrize("fit", ["crop", "pad", "mirror", "kaleidoscope", "blur"])
@pytest.mark.parametrize("size", [(128, 128), (192, 108), (108, 192), (256, 64)])
def test_every_fit_gives_the_asked_shape(fit: str, size: tuple[int, int]) -> None:
    assert fitted(gradient(96), size, fit).shape == (size[1], size[0], 3)


def test_a_picture_of_the_right_side_is_not_touched() -> None:
    picture = gradient(side_for((192, 108), "crop"))
    assert np.array_equal(fitted(picture, (192, 108), "crop"), picture[42:150])
    small = gradient(side_for((192, 108), "pad"))
    assert np.array_equal(fitted(small, (192, 108), "pad")[:, 42:150], small)


def test_pad_is_black_and_mirror_is_not() -> None:
    white = np.full((108, 108, 3), 255, np.uint8)
    assert fitted(white, (192, 108), "pad")[:, :42].max() == 0
    assert fitted(white, (192, 108), "mirror").min() == 255


def test_mirrored_sides_are_the_picture_turned_over() -> None:
    picture = gradient(108)
    wide = fitted(picture, (192, 108), "mirror")
    assert np.array_equal(wide[:, 41], picture[:, 0])
    assert np.array_equal(wide[:, 40], picture[:, 1])


@pytest.mark.parametrize("fit", ["crop", "pad", "mirror", "kaleidoscope", "blur"])
@pytest.mark.parametrize("size", [(1280, 720), (224, 128), (128, 128), (90, 160)])
def test_a_wide_picture_fits_every_screen(fit: str, size: tuple[int, int]) -> None:
    picture = gradient(224)[:128]
    assert fitted(picture, size, fit).shape == (size[1], size[0], 3)


def test_a_wide_picture_loses_little_on_a_wide_screen() -> None:
    picture = gradient(224)[:128]
    shown = fitted(picture, (1280, 720), "crop")
    assert shown[:, 0].mean() == pytest.approx(picture[:, 0].mean(), abs=3)
    assert shown[:, -1].mean() == pytest.approx(picture[:, -1].mean(), abs=3)


def test_a_kaleidoscope_is_its_own_mirror_image() -> None:
    shown = fitted(gradient(96), (192, 108), "kaleidoscope")
    assert np.array_equal(shown, shown[::-1])
    assert np.array_equal(shown, shown[:, ::-1])
    picture = gradient(side_for((192, 108), "kaleidoscope"))
    assert np.array_equal(fitted(picture, (192, 108), "kaleidoscope")[54:, 96:], picture[:54])


def test_blur_keeps_the_picture_and_dims_what_is_beside_it() -> None:
    picture = gradient(108)
    shown = fitted(picture, (192, 108), "blur")
    assert np.array_equal(shown[:, 42:150], picture)
    sides = np.concatenate([shown[:, :42], shown[:, 150:]], 1)
    assert 0 < sides.mean() < 0.7 * picture.mean()
    assert np.abs(np.diff(sides[:, :42].astype(int), axis=0)).max() <= 2

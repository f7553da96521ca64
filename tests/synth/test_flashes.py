import numpy as np
import pytest

from synth.flashes import LIMIT, FlashLimiter


def screen(level: int | tuple[int, int, int], share: float = 1.0) -> np.ndarray:
    frame = np.full((72, 128, 3), 40, np.uint8)
    frame[:, : int(128 * share)] = level
    return frame


def flashes(frames: list[np.ndarray], fps: float, part: float = 1.0) -> float:
    """The most pairs of opposing changes of luminance in any second, on the screen's left part."""
    linear = [(f[:, : int(128 * part)] / 255.0) ** 2.2 for f in frames]
    light = np.array([(f @ [0.2126, 0.7152, 0.0722]).mean() for f in linear])
    moments, extreme, way = [], light[0], 0
    for k, value in enumerate(light):
        if abs(value - extreme) >= 0.1 and np.sign(value - extreme) != way:
            moments.append(k / fps)
            way, extreme = np.sign(value - extreme), value
        elif (value - extreme) * way > 0:
            extreme = value
    return max((sum(t <= m < t + 1 for m in moments) / 2 for t in moments), default=0)


def shown(frames: list[np.ndarray], fps: float) -> tuple[list[np.ndarray], FlashLimiter]:
    limiter = FlashLimiter()
    return [limiter.limited(frame, k / fps) for k, frame in enumerate(frames)], limiter


@pytest.mark.parametrize("fps", [24, 30, 60])
@pytest.mark.parametrize("hertz", [4, 7, 12])
def test_a_strobe_is_calmed_to_three_flashes(hertz: float, fps: float) -> None:
    strobe = [screen(255 if int(2 * hertz * k / fps) % 2 else 0) for k in range(int(3 * fps))]
    assert flashes(strobe, fps) > LIMIT
    calmed, limiter = shown(strobe, fps)
    assert flashes(calmed, fps) <= LIMIT
    assert limiter.held > 0
    assert limiter.rate <= LIMIT


def test_slow_flashes_pass_untouched() -> None:
    slow = [screen(220 if k // 15 % 2 else 20) for k in range(90)]
    calmed, limiter = shown(slow, 30)
    assert limiter.held == 0
    assert all(a is b for a, b in zip(calmed, slow, strict=True))


def test_a_faint_flicker_passes() -> None:
    faint = [screen(100 + 8 * (k % 2)) for k in range(90)]
    assert shown(faint, 30)[1].held == 0


def test_a_small_flashing_patch_passes_and_a_large_one_does_not() -> None:
    small = [screen(255 * (k // 2 % 2), 0.06) for k in range(90)]
    large = [screen(255 * (k // 2 % 2), 0.3) for k in range(90)]
    assert shown(small, 30)[1].held == 0
    assert shown(large, 30)[1].held > 0


def test_two_bright_greys_are_no_flash() -> None:
    """Where the darker side is above 0.8, the eye is dazzled already."""
    bright = [screen(255 if k % 2 else 246) for k in range(60)]
    assert shown(bright, 30)[1].held == 0


def test_red_flashes_count_though_they_are_dark() -> None:
    red = [screen((140, 0, 0) if k // 2 % 2 else (0, 0, 0)) for k in range(90)]
    calmed, limiter = shown(red, 30)
    assert limiter.held > 0
    redness = np.array([(f[..., 0].astype(float) / 255).mean() ** 2.2 for f in calmed])
    turns = np.sum(np.abs(np.diff(redness[30:60])) > 0.1)
    assert turns <= 2 * LIMIT


def test_moving_pictures_without_flashes_are_not_held() -> None:
    ramp = np.linspace(0, 255, 128).astype(np.uint8)
    moving = [np.repeat(np.tile(np.roll(ramp, k), (72, 1))[..., None], 3, 2) for k in range(90)]
    assert shown(moving, 30)[1].held == 0


def test_a_change_of_size_begins_anew() -> None:
    limiter = FlashLimiter()
    limiter.limited(screen(0), 0.0)
    other = np.full((40, 40, 3), 255, np.uint8)
    assert limiter.limited(other, 0.03) is other

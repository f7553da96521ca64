"""Parts made into a record, a record into a room: what a microphone or a file would hold."""

import io
from collections.abc import Callable, Iterator

import av
import numpy as np
from scipy import signal

from synth.constants import RATE

Random = np.random.Generator


def mixed(
    parts: dict[str, np.ndarray], kicks: list[float], pumping: bool, random: Random
) -> np.ndarray:
    """Mono samples of parts (n,) by role, `drums` among them, balanced by chance."""
    tape = np.zeros(len(next(iter(parts.values()))), np.float32)
    duck = _ducking(len(tape), kicks, random) if pumping else np.float32(1)
    reverb = _tail(random)
    wet = random.uniform(0.0, 0.35)
    for role, samples in parts.items():
        level = float(np.sqrt(np.mean(samples**2))) or 1.0
        gain = 10 ** ((_BALANCE[role] + random.normal(0, 3.5)) / 20) / level
        part = gain * samples
        if role == "comping" and random.random() < 0.15:
            part = np.tanh(random.uniform(2, 8) * part / max(1e-9, np.abs(part).max()))
            part *= 10 ** (_BALANCE[role] / 20) / max(1e-9, float(np.sqrt(np.mean(part**2))))
        part = _equalised(part, random, 4.0)
        if role != "drums":
            part = part * duck
        share = wet * (0.3 if role in ("bass", "drums") else 1.0)
        if share > 0.03:
            part = part + share * signal.oaconvolve(part, reverb)[: len(part)]
        tape += part.astype(np.float32)
    return _levelled(tape)


_BALANCE = {"drums": -2.0, "bass": -6.0, "comping": -7.0, "pad": -12.0, "lead": -7.0}  # dB


def _levelled(samples: np.ndarray) -> np.ndarray:
    """At a peak of one."""
    peak = float(np.abs(samples).max())
    level: np.ndarray = (samples / peak if peak else samples).astype(np.float32)
    return level


def _ducking(size: int, kicks: list[float], random: Random) -> np.ndarray:
    """Gain that gives way at each kick and comes back."""
    depth, back = random.uniform(0.4, 0.9), random.uniform(0.1, 0.3)
    since = np.full(size, 1e9)
    places = np.array([round(k * RATE) for k in kicks if round(k * RATE) < size], int)
    if len(places):
        last = np.searchsorted(places, np.arange(size), "right") - 1
        inside = last >= 0
        since[inside] = (np.arange(size)[inside] - places[last[inside]]) / RATE
    return (1 - depth * np.exp(-since / back)).astype(np.float32)


def _tail(random: Random) -> np.ndarray:
    """Response of a hall: noise that dies away, from a few milliseconds after the sound."""
    seconds = random.uniform(0.3, 2.2)
    t = np.arange(round(seconds * RATE)) / RATE
    noise = random.standard_normal(len(t)) * np.exp(-6.9 * t / seconds)
    low_passed = signal.lfilter(*signal.butter(1, random.uniform(2500, 9000), fs=RATE), noise)
    low_passed[: round(random.uniform(0.005, 0.03) * RATE)] = 0
    tail: np.ndarray = (low_passed / np.sqrt(np.sum(low_passed**2))).astype(np.float32)
    return tail


def _equalised(samples: np.ndarray, random: Random, spread: float) -> np.ndarray:
    """Tilted and dented by some decibels, as tone controls do."""
    hertz = np.array([0, 60, 150, 400, 1000, 2500, 6000, 12000, RATE / 2])
    gains = 10 ** (random.normal(0, spread, len(hertz)) / 20)
    taps = signal.firwin2(255, hertz, gains, fs=RATE)
    changed: np.ndarray = signal.oaconvolve(samples, taps, "same").astype(np.float32)
    return changed


# ---- mastering, and the way to the ear


def mastered(samples: np.ndarray, random: Random) -> np.ndarray:
    """A record of a mix, as it comes over some way; mono float32 within -1..1."""
    for chance, effect in _EFFECTS:
        if random.random() < chance:
            samples = _levelled(effect(samples, random))
    return samples * np.float32(10 ** (-random.uniform(0.3, 24) / 20))


def _compressed(samples: np.ndarray, random: Random) -> np.ndarray:
    """Compressor: attack of some milliseconds, release of a tenth of a second or more."""
    step = 64
    blocks = samples[: len(samples) // step * step].reshape(-1, step)
    level = np.sqrt((blocks**2).mean(1)) + 1e-6
    release = np.exp(-step / RATE / random.uniform(0.05, 0.4))
    attack = np.exp(-step / RATE / random.uniform(0.002, 0.03))
    held, followed = 0.0, np.empty(len(level))
    for k, value in enumerate(level.tolist()):
        share = attack if value > held else release
        held = share * held + (1 - share) * value
        followed[k] = held
    threshold = float(np.percentile(followed, random.uniform(30, 80)))
    ratio = random.uniform(2, 8)
    gain = np.minimum(1.0, (followed / threshold) ** (1 / ratio - 1))
    places = np.arange(len(samples)) / step
    squeezed: np.ndarray = samples * np.interp(places, np.arange(len(gain)), gain)
    return squeezed


def _limited(samples: np.ndarray, random: Random) -> np.ndarray:
    drive = random.uniform(1.2, 5.0)
    return np.tanh(drive * samples) if random.random() < 0.5 else (drive * samples).clip(-1, 1)


def _dulled(samples: np.ndarray, random: Random) -> np.ndarray:
    sos = signal.butter(
        4, float(np.exp(random.uniform(np.log(4000), np.log(16000)))), fs=RATE, output="sos"
    )
    dull: np.ndarray = signal.sosfilt(sos, samples)
    return dull


def _thinned(samples: np.ndarray, random: Random) -> np.ndarray:
    sos = signal.butter(2, random.uniform(40, 200), "highpass", fs=RATE, output="sos")
    thin: np.ndarray = signal.sosfilt(sos, samples)
    return thin


def _noisy(samples: np.ndarray, random: Random) -> np.ndarray:
    """With hiss, crackle or the babble of a crowd behind it."""
    noise = random.standard_normal(len(samples))
    kind = random.integers(3)
    if kind == 1:
        noise = signal.lfilter([0.1], [1, -0.9], noise)
        noise += 5 * (random.random(len(samples)) < 3e-4) * random.standard_normal(len(samples))
    elif kind == 2:
        sos = signal.butter(2, (200, 3000), "bandpass", fs=RATE, output="sos")
        swell = np.interp(
            np.arange(len(samples)),
            np.arange(0, len(samples) + 4000, 4000),
            random.gamma(2.0, 0.5, len(range(0, len(samples) + 4000, 4000))),
        )
        noise = signal.sosfilt(sos, noise) * swell
    below = random.uniform(0, 20) if kind == 2 else random.uniform(10, 45)
    loud = np.sqrt(np.mean(samples**2) / max(1e-12, np.mean(noise**2)))
    covered: np.ndarray = samples + 10 ** (-below / 20) * loud * noise
    return covered


def _in_a_room(samples: np.ndarray, random: Random) -> np.ndarray:
    response = room(random)
    heard: np.ndarray = signal.oaconvolve(samples, response)[: len(samples)]
    return heard


def room(random: Random) -> np.ndarray:
    """Impulse response of a box from a loudspeaker to a microphone, by image sources.

    Jont Allen and David Berkley, "Image method for efficiently simulating small-room acoustics",
    1979, with a tail of noise for what comes later. The direct sound comes at once.
    """
    size = random.uniform((6, 5, 2.8), (30, 20, 8))
    source, ear = random.uniform(0.1, 0.9, 3) * size, random.uniform(0.1, 0.9, 3) * size
    kept = random.uniform(0.55, 0.9)  # of the pressure at each wall
    order = np.arange(-3, 4)
    cells = np.stack(np.meshgrid(order, order, order, [0, 1], [0, 1], [0, 1], indexing="ij"), -1)
    cells = cells.reshape(-1, 6)
    shift, flip = cells[:, :3], cells[:, 3:]
    images = 2 * shift * size + np.where(flip, -source, source)
    bounces = np.abs(2 * shift - flip).sum(1)
    far = np.linalg.norm(images - ear, axis=1)
    delay = (far - far.min()) / 343.0
    gain = kept**bounces / np.maximum(far, 1.0)
    response = np.zeros(round((delay.max() + 0.01) * RATE))
    np.add.at(response, np.round(delay * RATE).astype(int), gain)
    response /= np.abs(response).max()
    tail = _tail(random)
    begin = round(0.03 * RATE)
    whole = np.zeros(max(len(response), begin + len(tail)))
    whole[: len(response)] = response
    whole[begin : begin + len(tail)] += random.uniform(0.1, 0.5) * tail
    return whole.astype(np.float32)


def _coded(samples: np.ndarray, random: Random) -> np.ndarray:
    """Through a lossy codec and back, as long as before and as late."""
    codec, container = [("mp3", "mp3"), ("aac", "adts")][random.integers(2)]
    store = io.BytesIO()
    with av.open(store, "w", format=container) as film:
        stream = film.add_stream(codec, rate=RATE)
        assert isinstance(stream, av.AudioStream)
        stream.bit_rate = int(random.choice([64000, 96000, 128000]))
        stream.codec_context.layout = "mono"
        for frame in _frames(samples, stream.codec_context.frame_size or 1152):
            film.mux(stream.encode(frame))
        film.mux(stream.encode(None))
    store.seek(0)
    with av.open(store, "r") as film_again:
        back = np.concatenate([f.to_ndarray().mean(0) for f in film_again.decode(audio=0)])
    whole = np.zeros(len(samples), np.float32)
    heard = back[_lag(samples, back) :][: len(samples)]
    whole[: len(heard)] = heard
    return whole


def _frames(samples: np.ndarray, size: int) -> Iterator[av.AudioFrame]:
    for begin in range(0, len(samples), size):
        piece = samples[None, begin : begin + size].astype(np.float32)
        frame = av.AudioFrame.from_ndarray(piece, "fltp", "mono")
        frame.sample_rate, frame.pts = RATE, begin
        yield frame


def _lag(samples: np.ndarray, back: np.ndarray) -> int:
    """Samples by which a codec has delayed the sound."""
    size = 1 << 16
    a, b = samples[: 4 * size], back[: 4 * size + 8192]
    likeness = signal.fftconvolve(b, a[::-1])
    return int(np.argmax(likeness[len(a) - 1 : len(a) + 8191]))


_EFFECTS: tuple[tuple[float, Callable[[np.ndarray, Random], np.ndarray]], ...] = (
    (0.5, _compressed),
    (0.8, lambda samples, random: _equalised(samples, random, 3.0)),
    (0.6, _limited),
    (0.15, _coded),
    (0.12, _dulled),
    (0.12, _thinned),
    (0.2, _in_a_room),
    (0.25, _noisy),
)

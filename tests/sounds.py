"""Made sounds: what they hold is known exactly."""

import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

RATE = 44100


def times(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE))


def tone(hertz: float, seconds: float, level: float = 0.5) -> np.ndarray:
    return level * np.sin(2 * np.pi * hertz * times(seconds))


def chord(notes: tuple[float, ...], seconds: float) -> np.ndarray:
    """MIDI notes of five partials each."""
    partials = [
        tone(440 * 2 ** ((note - 69) / 12) * k, seconds, 0.15 / k)
        for note in notes
        for k in range(1, 6)
    ]
    return np.sum(partials, axis=0)


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    return level * np.random.RandomState(seed).standard_normal(round(seconds * RATE))


def struck(sound: np.ndarray, at: list[float], seconds: float) -> np.ndarray:
    """`sound` laid into silence at each of some seconds."""
    out = silence(seconds)
    for moment in at:
        first = round(moment * RATE)
        part = sound[: len(out) - first]
        out[first : first + len(part)] += part
    return out


def kick() -> np.ndarray:
    t = times(0.25)
    return 0.8 * np.sin(2 * np.pi * 60 * t) * np.exp(-t * 18)


def hat() -> np.ndarray:
    t = times(0.05)
    return 0.4 * np.diff(noise(0.05, 0.5, 3), append=0) * np.exp(-t * 60)


def click() -> np.ndarray:
    return noise(0.004, 0.6, 1).clip(-0.95, 0.95)


def write_wav(path: Path, mono: np.ndarray, rate: int = RATE) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((mono.clip(-1, 1) * 32767).astype("<i2").tobytes())
    return path


ENCODERS = {
    "wav": ("pcm_s16le", "s16", RATE),
    "flac": ("flac", "s16", RATE),
    "mp3": ("libmp3lame", "fltp", RATE),
    "m4a": ("aac", "fltp", RATE),
    "opus": ("libopus", "flt", 48000),
    "ogg": ("vorbis", "fltp", RATE),
}


def encode(path: Path, mono: np.ndarray) -> Path:
    """Write a stereo file in the format that its suffix names."""
    codec, form, rate = ENCODERS[path.suffix[1:]]
    with av.open(path, "w") as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo", options={"strict": "-2"})
        resampler = av.AudioResampler(format=form, layout="stereo", rate=rate)
        if codec == "vorbis":
            resampler = av.AudioResampler(format=form, layout="stereo", rate=rate, frame_size=64)
        planar = np.ascontiguousarray(mono[None], np.float32)
        frame = av.AudioFrame.from_ndarray(planar, "fltp", "mono")
        frame.rate, frame.time_base, frame.pts = RATE, Fraction(1, RATE), 0
        for block in [*resampler.resample(frame), *resampler.resample(None)]:
            file.mux(stream.encode(block))
        file.mux(stream.encode(None))
    return path


def hops(mono: np.ndarray, hop: int = 512) -> list[np.ndarray]:
    whole = len(mono) // hop * hop
    return list(mono[:whole].astype(np.float32).reshape(-1, hop))

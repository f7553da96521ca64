"""The song's own sound inside the film: copied where mp4 allows, else encoded as AAC."""

from collections.abc import Generator, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet

from synth.audio_file import Resampler

COPIED = frozenset({"aac", "mp3", "flac", "opus", "alac", "ac3", "eac3"})
_AAC_RATES = (44100, 48000)
_AAC_BITS = 192_000  # a second
_LOUDEST = 100.0  # of a sample; full scale is 1


# Packets, and the seconds of the film's sound that are written with them.
Chunks = Generator[tuple[list["Packet[AudioStream]"], float], None, None]


class Soundtrack:
    """Feeds one audio stream of the film, no further than asked but for a packet's length.

    `start` is the second of the song at which the film begins. From there on sound is encoded
    anew, since copied packets could only begin at a packet's border.
    """

    def __init__(self, film: OutputContainer, song: Path, start: float) -> None:
        self._film = film
        self._song = av.open(song, metadata_errors="replace")
        self._input = self._song.streams.audio[0]
        self.copied = self._input.codec.canonical_name in COPIED and start == 0
        self._chunks = (
            self._copied(film.add_stream_from_template(self._input))
            if self.copied
            else self._encoded(self._aac_stream(), start)
        )
        self.damaged = 0  # packets of the song that are not in the film
        self._written = 0.0  # seconds of the film's sound handed to the muxer

    def _aac_stream(self) -> AudioStream:
        rate = self._input.rate if self._input.rate in _AAC_RATES else _AAC_RATES[-1]
        return self._film.add_stream("aac", rate=rate, layout="stereo", bit_rate=_AAC_BITS)

    def advance(self, until: float) -> None:
        """Write sound up to `until` seconds of the film, or to the song's end."""
        while self._written < until:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._written = float("inf")
                return
            packets, self._written = chunk
            for packet in packets:
                try:
                    self._film.mux(packet)
                except av.error.InvalidDataError:  # skipped, as players do
                    self.damaged += 1

    def finish(self, until: float) -> None:
        """Write the rest up to the film's end, flush and let go of the song."""
        self.advance(until)
        self._chunks.close()
        self._song.close()

    def _copied(self, output: AudioStream) -> Chunks:
        """Packets as they are, moved so that the first heard sample is at 0.

        An mp3's or AAC's encoder delay lies before that and becomes the film's edit list.
        """
        origin = self._input.start_time or 0
        for packet in self._song.demux(self._input):
            if packet.dts is None or packet.pts is None:
                continue
            packet.pts -= origin
            packet.dts -= origin
            packet.stream = output
            yield [packet], float((packet.pts + (packet.duration or 0)) * packet.time_base)

    def _encoded(self, output: AudioStream, start: float) -> Chunks:
        rate = output.codec_context.sample_rate
        skipped, written = round(start * rate), 0
        for block in self._decoded(rate):
            samples = _bounded(block.to_ndarray()[:, skipped:])
            skipped = max(0, skipped - block.samples)
            if samples.shape[1] == 0:
                continue
            part = AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
            part.rate, part.pts, part.time_base = rate, written, Fraction(1, rate)
            written += part.samples
            yield list(output.encode(part)), written / rate
        yield list(output.encode(None)), written / rate

    def _decoded(self, rate: int) -> Iterator[AudioFrame]:
        resampler = Resampler("fltp", "stereo", rate)
        for packet in self._song.demux(self._input):
            try:
                frames = packet.decode()
            except av.FFmpegError:  # the analysis skips damaged packets as well
                self.damaged += 1
                continue
            for frame in frames:
                yield from resampler.resample(frame)
        yield from resampler.rest()


def _bounded(samples: np.ndarray) -> np.ndarray:
    """Samples as AAC takes them, which refuses what is no number."""
    return np.nan_to_num(samples.astype(np.float32, copy=False)).clip(-_LOUDEST, _LOUDEST)

import threading
import tracemalloc
from dataclasses import replace

import numpy as np

from live.audio.ring_buffer import Ring
from live.engine.handoff import Frame, Frames, Moment, Moments
from synth.analysis.analyzer import Analyzer
from synth.latents.latent import Latent

NOTHING = Analyzer().hear(np.zeros(512, np.float32))


def moment(k: int, *, onset: bool = False, kick: float = 0.0) -> Moment:
    latent = Latent(np.full(128, k, np.float32), np.zeros(1, np.float32), 0.5, kick=kick)
    return Moment(replace(NOTHING, time=float(k), onset=onset), latent, float(k))


def frame(number: int, due: float, *, onsets: int = 0, done: float = 0.0, heard: int = 0) -> Frame:
    return Frame(number, np.zeros((1, 1, 3), np.uint8), 0, 0, done, onsets, 0, due, heard)


def test_only_the_newest_frame_is_taken_and_only_once() -> None:
    frames = Frames()
    assert frames.take(0) is None
    frames.put([frame(1, 0.0)])
    frames.put([frame(2, 0.0)])
    taken = frames.take(0)
    assert taken is not None
    assert taken.number == 2
    assert frames.take(9) is None
    assert frames.replaced == 1


def test_onsets_of_a_frame_that_was_not_shown_are_shown_with_the_next() -> None:
    frames = Frames()
    frames.put([frame(1, 0.0, onsets=2)])
    frames.put([frame(2, 0.0, onsets=1), frame(3, 0.0)])
    taken = frames.take(0)
    assert taken is not None
    assert (taken.number, taken.onsets) == (3, 3)


def test_a_batch_is_shown_at_its_own_pace() -> None:
    frames = Frames()
    frames.put([frame(k, 0.1 * k) for k in range(4)])
    shown = [frames.take(t) for t in (0.0, 0.05, 0.11, 0.25, 0.31)]
    assert [f.number if f else None for f in shown] == [0, None, 1, 2, 3]


def test_an_onset_overturns_what_was_foreseen() -> None:
    frames = Frames()
    frames.put([frame(k, 0.1 * k, heard=5) for k in range(4)])
    assert frames.take(0.0, heard=5) is not None
    assert frames.take(0.1, heard=6) is None
    assert frames.take(0.4, heard=6) is None
    assert frames.replaced == 3


def test_onsets_add_up_until_they_are_taken() -> None:
    moments = Moments()
    for k in range(10):
        moments.put(moment(k, onset=k in (2, 5, 6)))
    taken = moments.take(0)
    assert taken is not None
    assert taken.onsets == 3
    assert moments.take(0) is None
    assert moments.heard == 3


def test_the_strongest_kick_since_an_onset_is_what_is_seen() -> None:
    moments = Moments()
    for k, kick in enumerate((0.0, 0.2, 0.9, 0.5, 0.1)):
        moments.put(moment(k, onset=k == 1, kick=kick))
    taken = moments.take(0)
    assert taken is not None
    assert taken.latent.noise[0] == 2
    assert taken.heard.time == 4


def test_without_an_onset_the_newest_latent_is_seen() -> None:
    moments = Moments()
    for k, kick in enumerate((0.9, 0.5, 0.1)):
        moments.put(moment(k, kick=kick))
    taken = moments.take(0)
    assert taken is not None
    assert taken.latent.noise[0] == 2


def test_no_onset_is_lost_between_threads() -> None:
    moments, seen, done = Moments(), [], threading.Event()

    def look() -> None:
        while not done.is_set():
            taken = moments.take(0.01)
            if taken is not None:
                seen.append(taken.onsets)

    reader = threading.Thread(target=look)
    reader.start()
    for k in range(5000):
        moments.put(moment(k, onset=k % 3 == 0))
    done.set()
    reader.join()
    last = moments.take(0)
    assert sum(seen) + (last.onsets if last else 0) == moments.heard == 1667


def test_a_ring_gives_back_what_was_written() -> None:
    ring = Ring(100, 1, seconds=1.0)
    samples = np.arange(730, dtype=np.float32)[:, None]
    got = []
    for begin in range(0, 730, 37):
        ring.write(samples[begin : begin + 37])
        got.append(ring.read(0))
    assert np.array_equal(np.concatenate(got), samples)
    assert ring.lost == 0


def test_a_late_reader_loses_the_oldest_and_is_told() -> None:
    ring = Ring(100, 1, seconds=1.0)
    for begin in range(0, 250, 50):
        ring.write(np.arange(begin, begin + 50, dtype=np.float32)[:, None])
    assert ring.read(0)[:, 0].tolist() == list(range(150, 250))
    assert ring.lost == 150


def test_the_audio_thread_allocates_no_memory_for_samples() -> None:
    ring, block = Ring(44100, 2, seconds=1.0), np.ones((4096, 2), np.float32)
    grown = []
    tracemalloc.start()
    try:
        for _ in range(5):  # other threads allocate now and then
            ring.write(block)
            before, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            for _ in range(100):  # nine times around
                ring.write(block)
            grown.append(tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert min(grown) < block.nbytes / 8  # views and numbers, but no samples

"""Samples from the input to the analysis thread, through memory that is never allocated again."""

import threading
import time

import numpy as np


class Ring:
    """One writer, one reader. The writer only copies; a late reader loses the oldest samples."""

    def __init__(self, rate: int, channels: int, seconds: float = 4.0) -> None:
        self.rate = rate
        self._memory = np.zeros((int(rate * seconds), channels), np.float32)
        self._written = 0
        self._read = 0
        self._news = threading.Event()
        self.lost = 0  # samples that were overwritten before they were read
        self.last_write = time.monotonic()

    def write(self, block: np.ndarray) -> None:
        """Copy (n, channels) in; called by the audio thread."""
        size = len(self._memory)
        block = block[-size:]
        begin = self._written % size
        first = min(len(block), size - begin)
        self._memory[begin : begin + first] = block[:first]
        self._memory[: len(block) - first] = block[first:]
        self._written += len(block)
        self.last_write = time.monotonic()
        self._news.set()

    def read(self, timeout: float) -> np.ndarray:
        """Everything new as (n, channels), waiting up to `timeout` seconds; empty when nothing."""
        self._news.wait(timeout)
        self._news.clear()
        written, size = self._written, len(self._memory)
        begin = max(self._read, written - size)
        self.lost += begin - self._read
        self._read = written
        if begin == written:
            return self._memory[:0]
        first, last = begin % size, (written - 1) % size + 1
        if first < last:
            return self._memory[first:last].copy()
        return np.concatenate([self._memory[first:], self._memory[:last]])

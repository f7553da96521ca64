"""Signals that end a show: it is asked to end, and ended from elsewhere where it cannot answer.

Python's own handlers run in the main thread alone, which a graphics driver may never give back.
The system's part of them writes each signal's number into a socket, where another thread sees it
and asks the main thread, by a signal that means nothing else, whether it is still there.
"""

import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_STOPS = ("SIGINT", "SIGTERM", "SIGHUP")
_ANSWER = 2.0  # seconds in which the main thread must answer
_LOOK = 0.2  # seconds from its answer to the next question


@contextmanager
def stopping(ask: Callable[[], None], abandon: Callable[[], None]) -> Iterator[None]:
    """Signals that would end the program call `ask` meanwhile, at any moment of it.

    Where the main thread stands still for two seconds from then on, another one calls `abandon`,
    and the process ends; not on Windows, which cannot ask a thread. Outside the main thread
    nothing is done, for Python lets nobody else handle signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in _STOPS if hasattr(signal, name)]
    heard = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
    with _handled(heard, ask):
        if not hasattr(signal, "pthread_kill"):
            yield
            return
        with _main_thread_watched(heard, abandon):
            yield


@contextmanager
def _handled(numbers: list[signal.Signals], action: Callable[[], object]) -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in numbers}
    for number in numbers:
        signal.signal(number, lambda _number, _frame: action())
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _main_thread_watched(
    numbers: list[signal.Signals], abandon: Callable[[], None]
) -> Iterator[None]:
    """Where the main thread does not answer from one of the signals on, the process ends."""
    here, over = threading.Event(), threading.Event()
    main = threading.main_thread().ident
    assert main is not None

    def answers() -> bool:
        here.clear()
        signal.pthread_kill(main, signal.SIGURG)
        return here.wait(_ANSWER) or over.is_set()

    def see_to(number: int) -> None:
        while number in numbers and not over.wait(_LOOK):
            if not answers():
                with suppress(Exception):  # the end comes whatever is left undone
                    abandon()
                os._exit(128 + number)

    with _handled([signal.SIGURG], here.set), _told_of_each(see_to):
        try:
            yield
        finally:
            over.set()


@contextmanager
def _told_of_each(told: Callable[[int], None]) -> Iterator[None]:
    """A thread hears the number of every signal meanwhile, whatever the main thread does."""
    ours, systems = socket.socketpair()
    systems.setblocking(False)
    before = signal.set_wakeup_fd(systems.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        while data := ours.recv(64):
            for number in data:
                told(number)

    listener = threading.Thread(target=listen, name="signals", daemon=True)
    listener.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        systems.close()
        listener.join(1.0)
        ours.close()

"""Ctrl-C and SIGTERM: the first asks the run to end, a second Ctrl-C ends the process.

Supervisors repeat themselves: `timeout` signals the process and then its whole group, and others
send SIGTERM until they kill. So a second SIGTERM says nothing new, nor does a Ctrl-C at once.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from cli.exit_codes import ExitCode

T = TypeVar("T")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
REPETITION_SECONDS = 0.5
"""A signal that follows another one sooner is the same request."""
WAIT_INTERVAL_SECONDS = 0.25
"""The kernel may give a signal to any thread; Python runs its handler in the main thread, once
that is awake: https://docs.python.org/3/library/signal.html#execution-of-python-signal-handlers"""


def run_interruptible(
    work: Callable[[], T],
    stop: threading.Event,
    *,
    on_first: Callable[[], None],
    on_second: Callable[[], None],
) -> T:
    """Run `work` in a thread and return what it returns, or raise what it raises.

    The main thread only waits, so that a signal handler never interrupts a write or a lock
    of the work itself. The first signal sets `stop`; a second Ctrl-C does not come back.
    """
    first_seconds: list[float] = []

    def handle(number: int, _frame: FrameType | None) -> None:
        clock_seconds = time.monotonic()
        if not first_seconds:
            first_seconds.append(clock_seconds)
            stop.set()
            on_first()
        elif number == signal.SIGINT and clock_seconds - first_seconds[0] > REPETITION_SECONDS:
            on_second()
            os._exit(ExitCode.INTERRUPTED)

    outcome: Future[T] = Future()
    thread = threading.Thread(target=_carry_out, args=(work, outcome), daemon=True)
    old_handlers = {number: signal.signal(number, handle) for number in STOP_SIGNALS}
    try:
        thread.start()
        while not outcome.done():
            wait([outcome], timeout=WAIT_INTERVAL_SECONDS)
        return outcome.result()
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)


@contextmanager
def signals_as_interrupts() -> Iterator[None]:
    """Within, SIGTERM raises KeyboardInterrupt as Ctrl-C does, where nobody else handles it."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    old_handlers = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    signal.signal(signal.SIGTERM, handle)
    try:
        yield
    finally:
        for number, handler in old_handlers.items():
            signal.signal(number, handler)


def ignore_signals() -> None:
    """From here on the command only says what came out and ends: nothing may cut that in two.
    `signals_as_interrupts` gives the handlers back."""
    if threading.current_thread() is threading.main_thread():
        for number in STOP_SIGNALS:
            signal.signal(number, signal.SIG_IGN)


def _carry_out(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # handed to the main thread, which knows what to do with it
        outcome.set_exception(error)

"""Ctrl-C and SIGTERM: the first asks the run to end, the second ends the process."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from types import FrameType
from typing import TypeVar

from cli.exit_codes import ExitCode

T = TypeVar("T")
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
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
    of the work itself. The first signal sets `stop`; the second does not come back.
    """

    def handle(_signal: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            on_second()
            os._exit(ExitCode.INTERRUPTED)
        stop.set()
        on_first()

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


def _carry_out(work: Callable[[], T], outcome: Future[T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # handed to the main thread, which knows what to do with it
        outcome.set_exception(error)

"""Runs each test in a fork of the process that collected them all.

What a test leaves behind (a cached result, a module's state) then hides no line from the next one.
Python 3.8+ with pytest.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any, Callable, Optional


class IsolatedTests:
    """Forks for one test after the other, until its time is over."""

    def __init__(self, seconds: Optional[float], lost: Callable[[str, float], None]) -> None:
        """`seconds` is for how long, None for all tests. `lost` hears of a test that ended its
        process without a result, and after how many seconds."""
        self._seconds = seconds
        self._lost = lost
        self._end: Optional[int] = None
        """In a child: where it says that its test has a result."""

    def run(self, items: Any) -> None:
        """Run the first tests and take them off the list. None where a fork is not safe: other
        threads may hold locks that nobody would give back."""
        began = time.monotonic()
        while items and threading.active_count() == 1:
            if self._seconds is not None and time.monotonic() - began > self._seconds:
                return
            self._fork(items.pop(0))

    def done(self) -> None:
        """The test that runs has a result, which is sent next."""
        if self._end is not None:
            os.write(self._end, b".")

    def _fork(self, item: Any) -> None:
        began = time.monotonic()
        reader, writer = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            self._end = writer
            self._run(item)
        os.close(writer)
        os.waitpid(pid, 0)
        os.set_blocking(reader, False)
        try:
            has_result = bool(os.read(reader, 1))
        except BlockingIOError:  # a program that the test started has it open, and nothing came
            has_result = False
        os.close(reader)
        _kill_group(pid)
        if not has_result:
            self._lost(item.nodeid, time.monotonic() - began)

    def _run(self, item: Any) -> None:
        """The test, in the child. Never returns."""
        os.setsid()
        try:
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        finally:
            os._exit(0)


def _kill_group(pid: int) -> None:
    """End what the test started and left running."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return

"""What seems to have happened on this machine before: dates of files, numbers of processes.

A fresh sandbox would be known by them: everything in it is as old as the sandbox itself.
"""

from __future__ import annotations

import _thread
import os
import random
import time
from typing import Tuple

_oldest = 0.0
"""The earliest date of a file; 0 leaves all dates as they are."""


def begin(age_seconds: int, first_pid: int) -> None:
    """Files date from the last `age_seconds`; processes are counted from about `first_pid`."""
    global _oldest
    _oldest = time.time() - age_seconds if age_seconds else 0.0
    _use_up(first_pid - os.getpid())


def times(seconds: float) -> Tuple[float, float]:
    """Access and modification time for a file whose archive says `seconds`."""
    if not _oldest:
        return seconds, seconds
    clock_seconds = time.time()
    change_seconds = random.uniform(_oldest, clock_seconds - (clock_seconds - _oldest) / 50)
    return random.uniform(change_seconds, clock_seconds), change_seconds


def date(path: str, top: str) -> None:
    """Give a file that was written just now a date of its own, and the folders above it."""
    while _oldest:
        os.utime(path, times(0.0))
        if not path.startswith(top + "/"):
            return
        path = os.path.dirname(path)


def date_folders(top: str) -> None:
    """Give all folders a date. Those with modules were imported from before, or the first import
    would make a new folder in them."""
    if not _oldest:
        return
    for folder, _, names in os.walk(top):
        if any(name.endswith(".py") for name in names):
            os.makedirs(os.path.join(folder, "__pycache__"), exist_ok=True)
        os.utime(folder, times(0.0))


def _use_up(numbers: int) -> None:
    """Threads take their numbers from the same counter as processes, and cost little."""
    lock = _thread.allocate_lock()
    lock.acquire()
    for _ in range(numbers):
        try:
            _thread.start_new_thread(lock.release, ())
        except RuntimeError:  # too many at once for the limit: those end by themselves
            return
        lock.acquire()

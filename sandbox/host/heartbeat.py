"""A sign of life while something takes long and says nothing by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

INTERVAL_SECONDS = 8.0


@contextmanager
def heartbeat(
    beat: Callable[[], None], interval_seconds: float = INTERVAL_SECONDS
) -> Iterator[None]:
    """Call `beat` at intervals while the block runs, from a thread of its own."""
    over = threading.Event()

    def run() -> None:
        while not over.wait(interval_seconds):
            with suppress(OSError):  # nobody reads any more: the main thread will notice
                beat()

    thread = threading.Thread(target=run, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@contextmanager
def sign_of_life(
    say: Callable[[str], None], what: str, interval_seconds: float = INTERVAL_SECONDS
) -> Iterator[None]:
    """Say at intervals while the block runs what goes on, and for how long it has."""
    began = time.monotonic()
    with heartbeat(lambda: say(f"{what}, {time.monotonic() - began:.0f} s"), interval_seconds):
        yield

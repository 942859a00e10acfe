"""A sign of life while something takes long and says nothing by itself."""

from __future__ import annotations

import threading
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

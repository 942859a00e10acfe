"""Sandboxes that run before they are asked for. Each is handed out once and closed by its taker."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from sandbox.base import Session
from sandbox.errors import SandboxDied, SandboxError

ALIVE_CHECK_SECONDS = 10.0


class Pool:
    """Keeps fresh sessions of one kind waiting; opening one costs as much as a short test.

    What was taken never comes back: code that is not trusted may have run in it.
    """

    def __init__(self, open_session: Callable[[], Session], size: int = 2) -> None:
        """Nothing is opened before the first `take`. `open_session` is called in threads."""
        self._open = open_session
        self._size = size
        self._openers = ThreadPoolExecutor(size, thread_name_prefix="pool")
        self._waiting: deque[Future[Session]] = deque()
        self._guard = threading.Lock()
        self._closed = False

    def take(self) -> Session:
        """A session nobody had before, and others begin to open. Raises SandboxError."""
        session = self._next() or self._open()
        with self._guard:
            while not self._closed and len(self._waiting) < self._size:
                self._waiting.append(self._openers.submit(self._open))
        return session

    def close(self) -> None:
        """End what waits and what is being opened. Safe to call twice, and while others take."""
        with self._guard:
            self._closed = True
            futures = list(self._waiting)
            self._waiting.clear()
        self._openers.shutdown(wait=True, cancel_futures=True)
        for future in futures:
            if not future.cancelled() and future.exception() is None:
                future.result().close()

    def _next(self) -> Session | None:
        """The longest waiting session that still lives; None where none waits."""
        while True:
            with self._guard:
                if not self._waiting:
                    return None
                future = self._waiting.popleft()
            try:
                session = future.result()
            except SandboxError:
                continue  # whoever opens one now meets the same error, and tells of it
            except BaseException:  # Ctrl-C: leave it to `close`
                with self._guard:
                    self._waiting.appendleft(future)
                raise
            if _lives(session):
                return session


def _lives(session: Session) -> bool:
    """The engine may have been restarted since it was opened."""
    try:
        return session.run(["true"], timeout_seconds=ALIVE_CHECK_SECONDS).ok
    except SandboxDied:
        session.close()
        return False

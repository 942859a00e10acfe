"""Layers of one verdict that run while its test run does, in sandboxes of their own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import ParamSpec, TypeVar

from agent.validation.validation_context import Court
from sandbox.base import Session

P = ParamSpec("P")
T = TypeVar("T")
AT_ONCE = 2


class Aside:
    """A context manager: on leaving, what still runs here is ended, since nobody asks for it.

    The test run takes as long as the project's suite, and these layers need nothing of it. They
    are heard only where it has no objection.
    """

    def __init__(self, court: Court) -> None:
        self._open, self._elsewhere = court.open_session, court.open_elsewhere
        self._sessions: list[Session] = []
        self._guard = threading.Lock()
        self._over = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="aside")
        here, there = self.open_session, self.open_elsewhere
        apart = court.apart and court.apart.opening(here, there)
        self.court = replace(court, open_session=here, open_elsewhere=there, apart=apart)
        """The same court; its sandboxes end with this."""

    def open_session(self) -> Session:
        return self._kept(self._open())

    def open_elsewhere(self) -> Session:
        return self._kept(self._elsewhere())

    def _kept(self, session: Session) -> Session:
        with self._guard:
            self._sessions.append(session)
            over = self._over
        if over:
            session.close()
        return session

    def begin(self, layer: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> Future[T]:
        """Start a layer. What it raises comes with its result."""
        return self._pool.submit(layer, *arguments, **named)

    def __enter__(self) -> Aside:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._guard:
            self._over = True
            sessions, self._sessions = self._sessions, []
        for session in sessions:
            session.close()
        self._pool.shutdown(wait=True, cancel_futures=True)

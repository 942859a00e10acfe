"""Checks of one candidate patch that run concurrently with its test run, in their own sandboxes."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from types import TracebackType
from typing import ParamSpec, TypeVar

from agent.validation.validation_context import ValidationContext
from sandbox.base import Session

P = ParamSpec("P")
T = TypeVar("T")
MAX_CONCURRENT_CHECKS = 2


class ConcurrentChecks:
    """A thread pool for the checks of one verdict; leaving the block ends what still runs.

    The test run takes as long as the project's suite, and these layers need nothing of it. They
    count only where it has no objection.
    """

    def __init__(self, validation: ValidationContext) -> None:
        self._open_session, self._open_answering = (
            validation.open_session,
            validation.open_answering,
        )
        self._sessions: list[Session] = []
        self._guard = threading.Lock()
        self._over = False
        self._pool = ThreadPoolExecutor(
            MAX_CONCURRENT_CHECKS, thread_name_prefix="concurrent-check"
        )
        open_session, open_answering = self.open_session, self.open_answering
        remote_calls = validation.remote_calls and validation.remote_calls.opening(
            open_session, open_answering
        )
        self.validation = replace(
            validation,
            open_session=open_session,
            open_answering=open_answering,
            remote_calls=remote_calls,
        )
        """The same context with sandboxes that are closed when this ends."""

    def open_session(self) -> Session:
        return self._register(self._open_session())

    def open_answering(self) -> Session:
        return self._register(self._open_answering())

    def _register(self, session: Session) -> Session:
        with self._guard:
            self._sessions.append(session)
            over = self._over
        if over:
            session.close()
        return session

    def begin(
        self, layer: Callable[P, T], /, *arguments: P.args, **keywords: P.kwargs
    ) -> Future[T]:
        """Start a layer. What it raises comes with its result."""
        return self._pool.submit(layer, *arguments, **keywords)

    def __enter__(self) -> ConcurrentChecks:
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

"""The heartbeat of a claim: a thread that extends the lease, brings the events to the store, and
sets `stop` when the job must end."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum
from types import TracebackType

from workers.config import ServiceSettings
from workers.errors import Fenced, StoreUnavailable
from workers.queue.execution.reporter import Reporter
from workers.records import Claim, Usage
from workers.store.store import Store

log = logging.getLogger(__name__)

TURN_INTERVAL_SECONDS = 1.0
CANCEL_CHECK_SECONDS = 3.0
"""Between two looks whether the job was cancelled."""


class StopReason(Enum):
    """Why a run was told to stop."""

    CANCELLED = "cancelled"  # by its owner, or its deadline
    LOST = "lost"  # the lease is gone: somebody else may work on it
    CLOSING = "closing"  # the worker shuts down
    TOO_LONG = "too long"  # it goes on in another turn, so that no process grows old with it


class Heartbeat:
    """Extends a job's lease in a thread that runs as long as the `with` block."""

    def __init__(
        self,
        store: Store,
        settings: ServiceSettings,
        claim: Claim,
        reporter: Reporter,
        usage: Callable[[], Usage],
        closing: Callable[[], bool],
    ) -> None:
        self.stop = threading.Event()
        self.stop_reason: StopReason | None = None
        self.also: Callable[[], None] = _nothing
        """Done with every turn; raises nothing."""
        self._store, self._settings, self._claim = store, settings, claim
        self._reporter, self._usage, self._closing = reporter, usage, closing
        self._done = threading.Event()
        self._threads = [
            threading.Thread(target=work, name="heartbeat", daemon=True)
            for work in (self._run, self._watch_the_lease)
        ]
        clock_seconds = time.monotonic()
        self._began = self._beaten = self._looked = clock_seconds

    def __enter__(self) -> Heartbeat:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._done.set()
        for thread in self._threads:
            thread.join()

    def flush(self) -> None:
        """Bring what is waiting to the store. Raises Fenced or StoreUnavailable."""
        events = self._reporter.take()
        if not events:
            return
        try:
            self._store.append(self._claim, events)
        except StoreUnavailable:
            self._reporter.give_back(events)
            raise

    def _run(self) -> None:
        while not self._done.wait(TURN_INTERVAL_SECONDS):
            try:
                self._turn()
            except Fenced:
                return self._end(StopReason.LOST)
            except StoreUnavailable as error:
                log.warning("job %s: %s", self._claim.job.id, error)
        return None

    def _watch_the_lease(self) -> None:
        """End the run when its lease does: others may have the job then. In a thread of its own,
        since a call to a database that fell off the network hangs for longer than a turn."""
        while not self._done.wait(TURN_INTERVAL_SECONDS):
            if time.monotonic() - self._beaten > self._settings.lease_seconds:
                return self._end(StopReason.LOST)

    def _turn(self) -> None:
        clock_seconds = time.monotonic()
        if self._closing():
            self._end(StopReason.CLOSING)
        elif clock_seconds - self._began > self._settings.job_seconds:
            self._end(StopReason.TOO_LONG)
        if clock_seconds - self._beaten >= self._settings.heartbeat_seconds:
            beat = self._store.heartbeat(self._claim, self._usage())
            self._beaten = (
                clock_seconds  # from before the call: a slow answer must not lengthen the lease
            )
            is_cancelled = beat.cancel_requested
        elif clock_seconds - self._looked >= CANCEL_CHECK_SECONDS:
            is_cancelled = self._store.job(self._claim.job.id).cancel_requested
            self._looked = clock_seconds
        else:
            is_cancelled = False
        if is_cancelled:
            self._end(StopReason.CANCELLED)
        self.also()
        self.flush()

    def _end(self, reason: StopReason) -> None:
        if self.stop_reason is None or reason is StopReason.LOST:
            self.stop_reason = reason
        self.stop.set()


def _nothing() -> None:
    return None

"""A worker says that it takes jobs, from the loop that takes them, and whether it has a sandbox."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence

from kombu.asynchronous.timer import Timer

from sandbox.isolation.owner import this_process
from workers.config import ServiceSettings
from workers.errors import StoreUnavailable
from workers.queue.names import process_of
from workers.records import Queue
from workers.store.database import open_engine
from workers.store.scheduling.presence import Presence, Worker

log = logging.getLogger(__name__)

PROBE_INTERVAL_SECONDS = 15.0
HUNG_PROBE_SECONDS = 180.0
"""A probe that answers no sooner has not found that anything works."""
NEWS_INTERVAL_SECONDS = 1.0
"""Between two looks whether a probe found something new."""

Probe = Callable[[], tuple[str, str]]
"""The kind of sandbox that works here, and why none does; one of them is empty."""


def workers_here() -> list[Worker]:
    """The workers of this machine that said lately that they take jobs. Raises StoreUnavailable."""
    host = this_process().host
    engine = open_engine(ServiceSettings().database_url)
    try:
        workers = Presence(engine).here()
    finally:
        engine.dispose()
    return [
        worker for worker in workers if (owner := process_of(worker.name)) and owner.host == host
    ]


class Announcer:
    """Writes this worker's row, always from the loop that takes messages. The sandbox is probed in
    a thread: an engine that hangs must not keep the loop from taking jobs."""

    def __init__(
        self, presence: Presence, name: str, queues: Sequence[Queue], slots: int, probe: Probe
    ) -> None:
        self._presence, self._name, self._queues, self._slots = presence, name, queues, slots
        self._probe = probe
        self._found = self._told = ("", "not probed yet")
        self._probed_at = time.monotonic()
        self._gone = False
        self._thread = threading.Thread(target=self._keep_probing, name="probe", daemon=True)

    def begin(self, timer: Timer) -> None:
        """Start to announce, once the pool was forked: a thread does not cross that.

        `timer` is the loop's own.
        """
        log.info("takes jobs of %s, %d at a time", " and ".join(self._queues), self._slots)
        self._thread.start()
        self.announce()
        timer.call_repeatedly(NEWS_INTERVAL_SECONDS, self._tell_news)

    def announce(self) -> None:
        """Record that this worker takes jobs. After `leave` nothing is recorded."""
        if self._gone:
            return
        self._told = self._state()  # where that fails, the next heartbeat tells it again
        try:
            self._presence.report(self._name, self._queues, self._slots, *self._told)
        except StoreUnavailable as error:
            log.warning("this worker cannot be announced: %s", error)

    def leave(self) -> None:
        """This worker takes no more jobs."""
        self._gone = True
        try:
            self._presence.leave(self._name)
        except StoreUnavailable as error:
            log.warning("this worker cannot sign off: %s", error)

    def _tell_news(self) -> None:
        if self._state() != self._told:
            kind, trouble = self._state()
            log.info("sandbox: %s", kind or f"none ({trouble})")
            self.announce()

    def _state(self) -> tuple[str, str]:
        if time.monotonic() - self._probed_at > HUNG_PROBE_SECONDS:
            return "", f"the sandbox did not answer for {HUNG_PROBE_SECONDS:.0f} s"
        return self._found

    def _keep_probing(self) -> None:
        pause = threading.Event()
        while True:
            self._found = self._safely_probed()
            self._probed_at = time.monotonic()
            pause.wait(PROBE_INTERVAL_SECONDS)

    def _safely_probed(self) -> tuple[str, str]:
        """The boundary of the thread: where it ended, the last answer would stand for ever."""
        try:
            return self._probe()
        except Exception as error:
            log.exception("the sandbox cannot be probed")
            return "", f"the sandbox cannot be probed: {type(error).__name__}: {error}"

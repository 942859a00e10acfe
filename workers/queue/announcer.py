"""A worker says that it takes jobs, from the loop that takes them, and whether it has a sandbox."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

from sandbox.owner import this_process
from workers.config import ServiceSettings
from workers.errors import StoreUnavailable
from workers.job import Queue
from workers.queue.names import process_of
from workers.store.database import open_engine
from workers.store.presence import Presence, Worker

log = logging.getLogger(__name__)

PROBE_SECONDS = 15.0

Probe = Callable[[], tuple[str, str]]
"""The kind of sandbox that works here, and why none does; one of them is empty."""


def workers_here() -> list[Worker]:
    """Those of this machine that said lately that they take jobs. Raises StoreUnavailable."""
    host = this_process().host
    engine = open_engine(ServiceSettings().database_url)
    try:
        found = Presence(engine).here()
    finally:
        engine.dispose()
    return [one for one in found if (owner := process_of(one.name)) and owner.host == host]


class Announcer:
    """Writes this worker's row. The sandbox is probed in a thread: an engine that hangs must not
    keep the loop from taking jobs."""

    def __init__(
        self, presence: Presence, name: str, queues: Sequence[Queue], slots: int, probe: Probe
    ) -> None:
        self._presence, self._name, self._queues, self._slots = presence, name, queues, slots
        self._probe = probe
        self._found = ("", "not probed yet")
        self._thread = threading.Thread(target=self._keep_probing, name="probe", daemon=True)

    def begin(self) -> None:
        """Once the pool was forked: a thread does not cross that."""
        self._found = self._probe()
        self._thread.start()
        log.info(
            "takes jobs of %s, %d at a time; sandbox: %s",
            " and ".join(self._queues),
            self._slots,
            self._found[0] or f"none ({self._found[1]})",
        )
        self.announce()

    def announce(self) -> None:
        try:
            self._presence.report(self._name, self._queues, self._slots, *self._found)
        except StoreUnavailable as error:
            log.warning("this worker cannot be announced: %s", error)

    def _keep_probing(self) -> None:
        pause = threading.Event()
        while not pause.wait(PROBE_SECONDS):
            self._found = self._probe()

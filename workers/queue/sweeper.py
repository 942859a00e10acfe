"""What is done over and over: hints to Redis, jobs of dead workers, deadlines, pruning.

Every machine may run one: each step is a transaction that finds nothing to do where another
sweeper was faster.
"""

from __future__ import annotations

import logging
import math
import signal
import threading
import time
from collections.abc import Callable

from agent.runs.folder import runs_root
from sandbox.isolation.owner import this_process
from workers.config import ServiceSettings
from workers.errors import BrokerUnavailable, StoreUnavailable
from workers.host.parent import die_with_parent
from workers.host.telemetry import configure_logging
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.queue.names import process_of
from workers.records import JobState, Queue
from workers.store.retention import prune_folders
from workers.store.store import Store, open_store

log = logging.getLogger(__name__)

MAX_HINTS = 200
"""For one queue and turn: so many workers find something to do, others follow."""
PRUNE_INTERVAL_SECONDS = 3600.0
TICK_INTERVAL_SECONDS = 0.1


class Sweeper:
    """Does the periodic work of the queue: hints, recovery, deadlines and pruning."""

    def __init__(self, store: Store, broker: Broker, settings: ServiceSettings) -> None:
        self._store, self._broker, self._settings = store, broker, settings
        self._due: dict[Callable[[], object], float] = {}
        self._away = -math.inf
        """When the database was last found away."""
        self._steps: tuple[tuple[Callable[[], object], float], ...] = (
            (self.relay, settings.relay_seconds),
            (self.recover, settings.sweep_seconds),
            (self.end_overdue, settings.sweep_seconds),
            (self.top_up, settings.sweep_seconds),
            (self.prune, PRUNE_INTERVAL_SECONDS),
        )

    def turn(self) -> None:
        """Do what is due. What cannot be done now is done next time."""
        for step, seconds in self._steps:
            clock_seconds = time.monotonic()
            if clock_seconds < self._due.get(step, 0.0):
                continue
            self._due[step] = clock_seconds + seconds
            try:
                step()
            except BrokerUnavailable as error:
                log.warning("%s", error)
            except StoreUnavailable as error:
                self._away = time.monotonic()
                log.warning("%s", error)
            except Exception:  # the boundary: one bad job must not end the sweeping
                log.exception("sweeping: %s", getattr(step, "__name__", step))

    def relay(self) -> int:
        """Pass the outbox on to Redis; returns how much there was."""
        return relay(self._store, self._broker)

    def recover(self) -> None:
        """Queue again what a silent worker held, and at once what a dead one held here."""
        lately = time.monotonic() - self._away < self._settings.lease_seconds
        for job in self._store.expired():
            self._store.revive(job, store_was_away=lately)
        host = this_process().host
        for job in self._store.jobs(states=(JobState.RUNNING,), limit=1000):
            owner = process_of(job.worker or "")
            if owner is not None and owner.host == host and not owner.alive:
                self._store.revive(job, worker_is_dead=True)

    def end_overdue(self) -> None:
        self._store.end_overdue()

    def top_up(self) -> None:
        """Make up for hints that were lost, with Redis or on the way."""
        for queue in Queue:
            missing_hints = min(self._store.startable(queue), MAX_HINTS) - self._broker.waiting(
                queue
            )
            job_id = self._store.first(queue) if missing_hints > 0 else None
            if job_id is not None:
                self._broker.hint(queue, [job_id] * missing_hints)

    def prune(self) -> None:
        days = self._settings.retention_days
        while self._store.prune(days):
            pass
        prune_folders(runs_root(self._settings), days)


def relay(store: Store, broker: Broker) -> int:
    """Pass the outbox on to Redis; returns how much there was."""
    entries = store.unpublished()
    for queue in Queue:
        broker.hint(queue, [entry.job_id for entry in entries if entry.queue is queue])
    if entries:
        store.published(entries)
    return len(entries)


def main() -> None:
    """`python -m workers.queue.sweeper`"""
    settings = ServiceSettings()
    configure_logging(level=settings.log_level)
    die_with_parent()
    serve(settings)


def serve(settings: ServiceSettings) -> None:
    """Sweep until SIGTERM or SIGINT."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    store, broker = open_store(settings), Broker(make_app(settings))
    sweeper = Sweeper(store, broker, settings)
    while not stop.wait(TICK_INTERVAL_SECONDS):
        sweeper.turn()
    broker.close()
    store.close()


if __name__ == "__main__":
    main()

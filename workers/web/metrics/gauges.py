"""The queue as it is now, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Double, Engine, func, select, type_coerce

from workers.records import JobState, Queue
from workers.store.clock import database_now
from workers.store.database import reading
from workers.store.scheduling.presence import Presence
from workers.store.tables import jobs, outbox


class QueueCollector(Collector):
    """Asks the database at each scrape."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list[GaugeMetricFamily]:
        """Nothing: else registering would ask the database for the names."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        depth = GaugeMetricFamily("repair_jobs", "Jobs", labels=["state", "queue"])
        oldest = GaugeMetricFamily(
            "repair_oldest_queued_seconds", "Age of the job that waits longest", labels=["queue"]
        )
        with reading(self._engine) as connection:
            groups = select(jobs.c.state, jobs.c.queue, func.count()).group_by(
                jobs.c.state, jobs.c.queue
            )
            numbers = {(state, queue): n for state, queue, n in connection.execute(groups)}
            clock = type_coerce(database_now(), Double)
            oldest_time = func.min(type_coerce(jobs.c.queued_at, Double))
            ages = select(jobs.c.queue, clock - oldest_time).where(jobs.c.state == JobState.QUEUED)
            wait_seconds = {
                row[0]: row[1] for row in connection.execute(ages.group_by(jobs.c.queue))
            }
            unsent = connection.execute(select(func.count()).select_from(outbox)).scalar_one()
        for state in JobState:
            for queue in Queue:
                depth.add_metric([state, queue], numbers.get((state, queue), 0))
        for queue in Queue:
            oldest.add_metric([queue], max(0.0, wait_seconds.get(queue, 0.0)))
        yield depth
        yield oldest
        yield GaugeMetricFamily("repair_outbox_rows", "Messages not yet sent or done", unsent)
        yield from self._workers()

    def _workers(self) -> Iterator[GaugeMetricFamily]:
        workers = Presence(self._engine).here()
        yield GaugeMetricFamily("repair_workers", "Workers that take jobs", len(workers))
        slots = sum(worker.slots for worker in workers)
        yield GaugeMetricFamily("repair_worker_slots", "Jobs they run side by side", slots)
        without_sandbox = sum(not worker.sandbox for worker in workers)
        yield GaugeMetricFamily(
            "repair_workers_without_sandbox", "Of them, unable to", without_sandbox
        )

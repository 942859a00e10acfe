"""What the queue costs: jobs accepted per second, dispatch per job, and a long queue.

    python -m benchmarks.queue --output benchmarks/results/queue.json

It starts a Redis and a PostgreSQL of its own, and measures on SQLite and on PostgreSQL. A job does
nothing here, so that only the queue is timed. The bare Celery task runs on the same Redis, in the
same kind of worker, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from agent.records import RepairResult, Status
from benchmarks import job_api
from benchmarks.long_queue import measure_long_queue
from benchmarks.no_work import BARE, a_request, service, started, wait
from benchmarks.reporting import Record, conditions, rounded, say, write_result
from tests.support.services import RedisServer
from workers.config import ServiceSettings
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.queue.sweeper import relay
from workers.records import JobState, Queue
from workers.store.store import Store

THREADS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--database", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--jobs", type=int, default=500, help="jobs in each timing")
    parser.add_argument("--queued", type=int, default=10_000, help="jobs in the long queue")
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    where = conditions(jobs=options.jobs, queued=options.queued)
    runs = []
    with tempfile.TemporaryDirectory(prefix="queue-benchmark-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            for name in options.database or ["sqlite", "postgresql"]:
                runs.append(measure(name, server.url, options.jobs, options.queued))
                print(json.dumps(runs[-1], indent=1), flush=True)
        finally:
            server.kill()
    if options.output is not None:
        write_result(options.output, {"conditions": where, "runs": runs})


def measure(database: str, redis_url: str, jobs: int, queued: int) -> Record:
    """One run on one database."""
    began = time.monotonic()
    say(f"{database}: {jobs:,} jobs through the API")
    api = job_api.measure(database, jobs)
    with (
        tempfile.TemporaryDirectory(prefix="queue-benchmark-", dir="/tmp") as name,
        service(database, redis_url, Path(name)) as (settings, store),
    ):
        say("  dispatch")
        dispatch = {
            "a_job_ms": milliseconds_per_job(store, settings, jobs),
            "a_bare_celery_task_ms": milliseconds_per_bare_task(settings, jobs),
            "of_a_job_the_store_ms": milliseconds_by_step(store, jobs),
        }
        say("  acceptance by the store")
        accepted = {
            "by_the_store_1_thread": accepted_per_second(store, jobs, 1),
            f"by_the_store_{THREADS}_threads": accepted_per_second(store, jobs, THREADS),
            "by_the_api": api["accepted_per_second"],
        }
        long_queue = measure_long_queue(settings, store, queued)
        accepted["by_the_command"] = long_queue.pop("submit_commands_per_second")
    return {
        "database": database,
        "accepted_per_second": accepted,
        "dispatch": dispatch,
        "api": api,
        "long_queue": long_queue,
        "seconds": rounded(time.monotonic() - began, 0),
        "load_at_end": rounded(os.getloadavg()[0]),
    }


def accepted_per_second(store: Store, jobs: int, threads: int) -> float | None:
    requests = [a_request(number) for number in range(jobs)]
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(store.submit, requests))
    return rounded(jobs / (time.perf_counter() - began), 0)


def milliseconds_per_job(store: Store, settings: ServiceSettings, jobs: int) -> float | None:
    """Claim to end, one process: from the first hint until the store says that all ended."""
    ids = [store.submit(a_request(number)).job.id for number in range(jobs + 1)]
    broker = Broker(make_app(settings))
    try:
        with started(settings, "-m", "benchmarks.no_work", "jobs"):
            broker.hint(Queue.INTERACTIVE, ids[:1])  # the process is warm from then on
            wait(lambda: store.counts()[JobState.ENDED] >= 1)
            began = time.perf_counter()
            while relay(store, broker):
                pass
            wait(lambda: store.counts()[JobState.ENDED] >= jobs + 1)
            return rounded(1000 * (time.perf_counter() - began) / jobs)
    finally:
        broker.close()


def milliseconds_per_bare_task(settings: ServiceSettings, jobs: int) -> float | None:
    app = make_app(settings)
    with (
        redis.Redis.from_url(settings.redis_url) as client,
        started(settings, "-m", "benchmarks.no_work", "bare"),
    ):
        client.delete(BARE)
        send_bare(app, 1)
        wait(lambda: count(client) >= 1)
        began = time.perf_counter()
        send_bare(app, jobs)
        wait(lambda: count(client) >= jobs + 1)
        return rounded(1000 * (time.perf_counter() - began) / jobs)


def send_bare(app: Celery, number: int) -> None:
    with app.producer_or_acquire() as producer:
        for _ in range(number):
            app.send_task(BARE, queue=Queue.INTERACTIVE.value, producer=producer)


def count(client: redis.Redis) -> int:
    return int(client.get(BARE) or 0)  # type: ignore[arg-type]


def milliseconds_by_step(store: Store, jobs: int) -> Record:
    """The store's part of a job, call by call, in this process: what dispatch is made of."""
    spent: Counter[str] = Counter()

    def timed(name: str, call: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        result = call()
        spent[name] += time.perf_counter() - began
        return result

    for number in range(jobs):
        job = timed("submit", lambda n=number: store.submit(a_request(n))).job  # type: ignore[misc]
        timed("unpublished", store.unpublished)
        claim = timed("claim_next", lambda: store.claim_next(Queue.INTERACTIVE, "bench/1/1"))
        result = RepairResult(run_id=job.id, status=Status.REPAIRED, reason="nothing done")
        timed("finish", lambda c=claim, r=result: store.finish(c, r, "{}", None))  # type: ignore[misc]
    return {name: rounded(1000 * seconds / jobs) for name, seconds in spent.items()}


if __name__ == "__main__":
    main()

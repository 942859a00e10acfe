"""What the queue costs: jobs accepted per second, dispatch per job, and a long queue.

    python -m benchmarks.queue --database sqlite --database postgresql://… --redis redis://…

A job does nothing here, so that only the queue is timed. The bare Celery task runs on the same
Redis, in the same kind of worker, in the same run.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from agent.job import RepairJob, RepairResult, Status
from agent.runs import new_run_id
from benchmarks.common import conditions, write_result
from workers.config import ServiceSettings
from workers.job import JobRequest, JobState, Queue
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.queue.sweeper import relay
from workers.queue.work import Finished, Task
from workers.queue.worker import serve
from workers.store.store import Store, open_store

LONG_QUEUE = 10_000
REPOSITORIES = 500
BARE = "bare.nothing"


def a_request(number: int) -> JobRequest:
    repair = RepairJob(run_id=new_run_id(), target="/nowhere")
    return JobRequest(repair=repair, repository=f"example/r{number % REPOSITORIES}")


def accepted_per_second(store: Store, jobs: int, threads: int) -> float:
    requests = [a_request(number) for number in range(jobs)]
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(store.submit, requests))
    return jobs / (time.perf_counter() - began)


def nothing(task: Task) -> Finished:
    result = RepairResult(run_id=task.job.id, status=Status.REPAIRED, reason="nothing done")
    return Finished(result=result, result_json="{}", patch=None)


def seconds_per_job(store: Store, settings: ServiceSettings, jobs: int) -> float:
    """Claim to end, one process: from the first hint until the store says that all ended."""
    ids = [store.submit(a_request(number)).job.id for number in range(jobs + 1)]
    broker = Broker(make_app(settings))
    worker = start("--serve", settings)
    try:
        broker.hint(Queue.INTERACTIVE, ids[:1])  # the process is warm from then on
        wait(lambda: store.counts()[JobState.ENDED] >= 1)
        began = time.perf_counter()
        while relay(store, broker):
            pass
        wait(lambda: store.counts()[JobState.ENDED] >= jobs + 1)
        return (time.perf_counter() - began) / jobs
    finally:
        end(worker)
        broker.close()


def seconds_per_bare_task(settings: ServiceSettings, jobs: int) -> float:
    app = make_app(settings)
    worker = start("--bare", settings)
    client = redis.Redis.from_url(settings.redis_url)
    client.delete(BARE)
    try:
        send_bare(app, 1)
        wait(lambda: count(client) >= 1)
        began = time.perf_counter()
        send_bare(app, jobs)
        wait(lambda: count(client) >= jobs + 1)
        return (time.perf_counter() - began) / jobs
    finally:
        end(worker)


def send_bare(app: Celery, number: int) -> None:
    with app.producer_or_acquire() as producer:
        for _ in range(number):
            app.send_task(BARE, queue=Queue.INTERACTIVE.value, producer=producer)


def count(client: redis.Redis) -> int:
    return int(client.get(BARE) or 0)  # type: ignore[arg-type]


def long_queue(store: Store) -> dict[str, float]:
    """So many queued jobs: how long the questions take."""
    missing = LONG_QUEUE - store.counts()[JobState.QUEUED]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: store.submit(a_request(n)), range(missing)))
    newest = store.jobs(limit=1)[0].id
    questions: dict[str, Any] = {
        "list_50_seconds": lambda: store.jobs(limit=50),
        "position_of_the_last_seconds": lambda: store.position(newest),
        "whose_turn_seconds": lambda: store.first(Queue.INTERACTIVE),
        "startable_seconds": lambda: store.startable(Queue.INTERACTIVE),
        "counts_seconds": store.counts,
    }
    figures = {name: median_seconds(question) for name, question in questions.items()}
    began = time.perf_counter()
    listed = store.jobs(limit=LONG_QUEUE)
    figures["list_all_seconds"] = time.perf_counter() - began
    figures["listed"] = len(listed)
    return figures


def median_seconds(question: Any, times: int = 9) -> float:
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        question()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def wait(condition: Any, seconds: float = 300.0) -> None:
    end_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_at:
            raise TimeoutError("the workers did not finish")
        time.sleep(0.02)


def start(role: str, settings: ServiceSettings) -> subprocess.Popen[bytes]:
    environment = {
        **os.environ,
        "REPAIR_STATE_DIR": str(settings.state_dir),
        "REPAIR_DATABASE_URL": settings.database_url,
        "REPAIR_REDIS_URL": settings.redis_url,
        "REPAIR_MAX_RUNNING_PER_REPOSITORY": "1000",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.queue", role],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def end(worker: subprocess.Popen[bytes]) -> None:
    worker.terminate()
    try:
        worker.wait(60)
    except subprocess.TimeoutExpired:
        worker.kill()


def serve_bare() -> None:
    settings = ServiceSettings()
    app = make_app(settings)
    client = redis.Redis.from_url(settings.redis_url)

    def bare() -> None:
        client.incr(BARE)

    app.task(bare, name=BARE)
    queues = [queue.value for queue in Queue]
    app.Worker(pool="prefork", concurrency=1, queues=queues, loglevel="WARNING").start()


def measure(url: str, redis_url: str, jobs: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="queue-benchmark-") as folder:
        chosen = f"sqlite:///{folder}/service.sqlite" if url == "sqlite" else url
        settings = ServiceSettings(
            state_dir=Path(folder),
            database_url=chosen,
            redis_url=redis_url,
            max_jobs_per_repository=100_000,
            max_running_per_repository=1000,
            max_live_jobs=1_000_000,
        )
        redis.Redis.from_url(redis_url).flushdb()
        store = open_store(settings)
        store.migrate()
        ours = seconds_per_job(store, settings, jobs)
        bare = seconds_per_bare_task(settings, jobs)
        figures = {
            "database": store.engine.dialect.name,
            "jobs": jobs,
            "milliseconds_per_job": 1000 * ours,
            "milliseconds_per_bare_celery_task": 1000 * bare,
            "accepted_per_second_1_thread": accepted_per_second(store, jobs, 1),
            "accepted_per_second_8_threads": accepted_per_second(store, jobs, 8),
            "queue_of_10000": long_queue(store),
        }
        store.close()
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--database", action="append")
    parser.add_argument("--redis", default="redis://127.0.0.1:6379/15")
    parser.add_argument("--jobs", type=int, default=300)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(ServiceSettings(), list(Queue), 1, nothing)
    if arguments.bare:
        return serve_bare()
    where = conditions(jobs=arguments.jobs)
    runs = [
        measure(url, arguments.redis, arguments.jobs) for url in arguments.database or ["sqlite"]
    ]
    report = {"conditions": where, "runs": runs}
    print(json.dumps(report, indent=1))
    if arguments.output is not None:
        write_result(arguments.output, report)
    return None


if __name__ == "__main__":
    main()

"""A service whose jobs do nothing, so that only the queue is timed.

`python -m benchmarks.no_work jobs|bare|idle` is a worker of it: one process that takes jobs; one
that takes bare Celery tasks; one that takes jobs of a queue that stays empty.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import redis

from agent.records import RepairJob, RepairResult, Status
from agent.runs.folder import new_run_id
from benchmarks.reporting import ROOT
from benchmarks.webhooks import database_url
from workers.config import ServiceSettings
from workers.queue.app import make_app
from workers.queue.execution.job_worker import FinishedRun, Task
from workers.queue.worker import serve
from workers.records import JobRequest, Queue
from workers.store.store import Store, open_store

REPOSITORIES = 500
BARE = "bare.nothing"
"""The task's name, and the Redis key that counts its runs."""
NO_LIMITS = {
    "max_running_per_repository": 1000,
    "max_jobs_per_repository": 100_000,
    "max_live_jobs": 1_000_000,
}


def a_request(number: int) -> JobRequest:
    """Of one repository in so many, in turn."""
    repair = RepairJob(run_id=new_run_id(), target="/nowhere")
    return JobRequest(repair=repair, repository=f"example/r{number % REPOSITORIES}")


def nothing(task: Task) -> FinishedRun:
    """A job's run."""
    result = RepairResult(run_id=task.job.id, status=Status.REPAIRED, reason="nothing done")
    return FinishedRun(result=result, result_json="{}", patch=None)


@contextmanager
def service(database: str, redis_url: str, folder: Path) -> Iterator[tuple[ServiceSettings, Store]]:
    """An empty store and Redis; `started` adds processes."""
    folder.chmod(0o755)  # PostgreSQL runs as another user
    with ExitStack() as stack:
        url = stack.enter_context(database_url(database, folder))
        settings = ServiceSettings(
            state_dir=folder / "state",
            database_url=url,
            redis_url=redis_url,
            **NO_LIMITS,  # type: ignore[arg-type]
        )
        with redis.Redis.from_url(redis_url) as client:
            client.flushdb()
        store = open_store(settings)
        stack.callback(store.close)
        store.migrate()
        yield settings, store


def environment_of(settings: ServiceSettings) -> dict[str, str]:
    """For other processes of the same service."""
    limits = {f"REPAIR_{name.upper()}": str(value) for name, value in NO_LIMITS.items()}
    return {
        **os.environ,
        **limits,
        "REPAIR_STATE_DIR": str(settings.state_dir),
        "REPAIR_DATABASE_URL": settings.database_url,
        "REPAIR_REDIS_URL": settings.redis_url,
        "REPAIR_LOG_LEVEL": "WARNING",
    }


@contextmanager
def started(
    settings: ServiceSettings, *argv: str, **more: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this Python, ended with the block."""
    process = subprocess.Popen(
        [sys.executable, *argv],
        env=environment_of(settings) | more,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait(condition: Callable[[], bool], seconds: float = 300.0) -> None:
    end_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end_at:
            raise TimeoutError("the service did not do it in time")
        time.sleep(0.02)


def serve_bare(settings: ServiceSettings) -> None:
    """The kind of worker that takes jobs, with a task that counts and nothing else."""
    app = make_app(settings)
    client = redis.Redis.from_url(settings.redis_url)

    def bare() -> None:
        client.incr(BARE)

    app.task(bare, name=BARE)
    queues = [queue.value for queue in Queue]
    app.Worker(pool="prefork", concurrency=1, queues=queues, loglevel="WARNING").start()


def main() -> None:
    role, settings = sys.argv[1], ServiceSettings()
    if role == "bare":
        serve_bare(settings)
    else:  # an idle one must not eat the queue that is looked at
        serve(settings, [Queue.BACKGROUND] if role == "idle" else list(Queue), 1, nothing)


if __name__ == "__main__":
    main()

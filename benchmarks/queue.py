"""What the queue costs: jobs accepted per second, dispatch per job, and a long queue.

    python -m benchmarks.queue --output benchmarks/results/queue.json

It starts a Redis and a PostgreSQL of its own, and measures on SQLite and on PostgreSQL. A job does
nothing here, so that only the queue is timed. The bare Celery task runs on the same Redis, in the
same kind of worker, in the same run. (Jobs accepted through the API: `benchmarks.job_api`.)
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
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import redis
from celery import Celery

from agent.job import RepairJob, RepairResult, Status
from agent.runs import new_run_id
from benchmarks.common import ROOT, conditions, write_result
from benchmarks.webhooks import database_url
from workers.config import ServiceSettings
from workers.job import JobRequest, JobState, Queue
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.queue.sweeper import relay
from workers.queue.work import Finished, Task
from workers.queue.worker import serve
from workers.store.store import Store, open_store

sys.path.insert(0, str(ROOT / "tests"))

from services import RedisServer, free_port

LONG_QUEUE = 10_000
COMMANDS = 4
"""`repair submit` processes, one after the other."""
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


def milliseconds_by_step(store: Store, jobs: int) -> dict[str, float]:
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
    return {name: 1000 * seconds / jobs for name, seconds in spent.items()}


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
    with store.transaction() as connection:
        for number in range(missing):
            store.submit_in(connection, a_request(number))
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


def commands(settings: ServiceSettings, folder: Path) -> dict[str, float]:
    """`repair submit` and `repair jobs` as processes, start of Python included."""
    environment = serving_environment(settings)
    (folder / "target").mkdir(exist_ok=True)

    def seconds(*words: str) -> float:
        began = time.perf_counter()
        argv = [sys.executable, "-m", "cli.main", *words]
        subprocess.run(argv, env=environment, check=True, capture_output=True, cwd=ROOT)
        return time.perf_counter() - began

    submitted = [seconds("submit", str(folder / "target")) for _ in range(COMMANDS)]
    return {
        "submit_command_median_seconds": statistics.median(submitted),
        "submit_commands_per_second": 1 / statistics.mean(submitted),
        "jobs_command_median_seconds": statistics.median(seconds("jobs") for _ in range(5)),
    }


def memory(settings: ServiceSettings) -> dict[str, float]:
    """MiB of memory (PSS, with their children) of each part, 15 s after its start."""
    parts = {
        "web": ("-m", "workers.web"),
        "sweeper": ("-m", "workers.queue.sweeper"),
        "worker": ("-m", "benchmarks.queue", "--idle"),
    }
    environment = {**serving_environment(settings), "REPAIR_LISTEN_PORT": str(free_port())}
    started = {
        name: subprocess.Popen(
            [sys.executable, *argv],
            env=environment,
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for name, argv in parts.items()
    }
    try:
        time.sleep(15)
        return {f"{name}_mebibytes": pss(process.pid) for name, process in started.items()}
    finally:
        for process in started.values():
            end(process)


def pss(pid: int) -> float:
    """Proportional set size of a process and its descendants, in MiB (proc(5))."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    own = next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return own / 1024 + sum(pss(int(child)) for child in children)


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


def serving_environment(settings: ServiceSettings) -> dict[str, str]:
    return {
        **os.environ,
        "REPAIR_STATE_DIR": str(settings.state_dir),
        "REPAIR_DATABASE_URL": settings.database_url,
        "REPAIR_REDIS_URL": settings.redis_url,
        "REPAIR_MAX_RUNNING_PER_REPOSITORY": "1000",
        "REPAIR_MAX_JOBS_PER_REPOSITORY": "100000",
        "REPAIR_MAX_LIVE_JOBS": "1000000",
        "REPAIR_LOG_LEVEL": "WARNING",
    }


def start(role: str, settings: ServiceSettings) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.queue", role],
        env=serving_environment(settings),
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


def measure(database: str, redis_url: str, jobs: int) -> dict[str, Any]:
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="queue-benchmark-"))
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        url = stack.enter_context(database_url(database, folder))
        settings = ServiceSettings(
            state_dir=folder / "state",
            database_url=url,
            redis_url=redis_url,
            max_jobs_per_repository=100_000,
            max_running_per_repository=1000,
            max_live_jobs=1_000_000,
        )
        redis.Redis.from_url(redis_url).flushdb()
        store = open_store(settings)
        store.migrate()
        figures = {
            "database": database,
            "jobs": jobs,
            "milliseconds_per_job": 1000 * seconds_per_job(store, settings, jobs),
            "milliseconds_per_bare_celery_task": 1000 * seconds_per_bare_task(settings, jobs),
            "milliseconds_of_the_store_by_step": milliseconds_by_step(store, jobs),
            "accepted_per_second_1_thread": accepted_per_second(store, jobs, 1),
            "accepted_per_second_8_threads": accepted_per_second(store, jobs, 8),
            "queue_of_10000": long_queue(store) | memory(settings) | commands(settings, folder),
            "load_at_end": os.getloadavg()[0],
        }
        store.close()
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--idle", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--database", action="append", choices=("sqlite", "postgresql"))
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(ServiceSettings(), list(Queue), 1, nothing)
    if arguments.idle:  # it must not eat the queue that is looked at
        return serve(ServiceSettings(), [Queue.BACKGROUND], 1, nothing)
    if arguments.bare:
        return serve_bare()
    where = conditions(jobs=arguments.jobs)
    with tempfile.TemporaryDirectory(prefix="queue-benchmark-redis-") as folder:
        server = RedisServer(Path(folder))
        server.start()
        try:
            runs = []
            for name in arguments.database or ["sqlite", "postgresql"]:
                runs.append(measure(name, server.url, arguments.jobs))
                print(json.dumps(runs[-1], indent=1), flush=True)
        finally:
            server.kill()
    if arguments.output is not None:
        write_result(arguments.output, {"conditions": where, "runs": runs})
    return None


if __name__ == "__main__":
    main()

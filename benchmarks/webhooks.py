"""Deliveries of GitHub a second, their latency, and whether one is lost when Redis is killed.

The service's web process runs as users run it (uvicorn, one process) on SQLite or PostgreSQL;
the load comes from another process. One delivery in `--ask-every` labels an issue and has to
become a job, through a stand-in of GitHub with a real repository; the others are the traffic an
App sees besides. Half-way Redis gets SIGKILL and is started again with its data wiped.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy

from benchmarks.reporting import ROOT, Record, conditions, rounded, say, table, write_result
from tests.support import github_payloads as payloads
from tests.support.github_stand_in.server import StandIn, running_stand_in
from tests.support.github_stand_in.world import BOT_ID
from tests.support.services import PostgresServer, RedisServer, free_port

CONNECTIONS = 16
SETTLE_SECONDS = 900.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--deliveries", type=int, default=10_000)
    parser.add_argument("--ask-every", type=int, default=100)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    where = conditions(deliveries=options.deliveries, connections=CONNECTIONS)
    found = [
        measure(name, options.deliveries, options.ask_every) for name in ("sqlite", "postgresql")
    ]
    columns = ("database", "accepted_per_second", "p50_ms", "p99_ms", "max_ms", "lost", "jobs")
    say(table(columns, [[one[column] for column in columns] for one in found]))
    if options.output:
        write_result(options.output, {"conditions": where, "runs": found})


def measure(database: str, deliveries: int, ask_every: int) -> Record:
    """One run on one database."""
    say(f"{database}: {deliveries:,} deliveries")
    with tempfile.TemporaryDirectory(prefix="repair-webhooks-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        with (
            running_stand_in(folder / "github") as stand_in,
            database_url(database, folder) as url,
            redis(folder) as broker,
            serving(stand_in, url, broker, folder) as (service, pid),
        ):
            before = cpu_seconds(pid)
            found = run(database, deliveries, ask_every, stand_in, url, broker, service)
            used = (cpu_seconds(pid) - before) / deliveries
            return found | {"server_cpu_ms_per_delivery": rounded(used * 1000)}


def run(
    database: str,
    deliveries: int,
    ask_every: int,
    stand_in: StandIn,
    url: str,
    broker: RedisServer,
    service: str,
) -> Record:
    repo = stand_in.world.add_repo("acme/ledger", {"a.py": "x = 1\n"})
    stand_in.world.add_user("dev", repo, "write")
    secret = stand_in.world.webhook_secret
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        load = pool.apply_async(_load, (service, secret, deliveries, ask_every))
        wait_for(lambda: count(url, "github_deliveries") >= deliveries // 2)
        broker.wipe()
        broker.start()
        answers: list[tuple[int, float]] = load.get()
    began, ended = answers.pop()
    wanted = len(range(0, deliveries, ask_every))
    waited = time.monotonic()
    wait_for(lambda: count(url, "jobs") >= wanted)
    codes = Counter(code for code, _ in answers)
    seconds = sorted(seconds for _, seconds in answers)
    return {
        "database": database,
        "answers": {str(code): number for code, number in sorted(codes.items())},
        "accepted_per_second": rounded((codes[200] + codes[202]) / (ended - began), 0),
        "p50_ms": rounded(seconds[len(seconds) // 2] * 1000, 1),
        "p99_ms": rounded(seconds[len(seconds) * 99 // 100] * 1000, 1),
        "max_ms": rounded(seconds[-1] * 1000, 1),
        "lost": deliveries - count(url, "github_deliveries"),
        "jobs": count(url, "jobs"),
        "jobs_wanted": wanted,
        "seconds_until_all_were_jobs": rounded(time.monotonic() - waited, 1),
        "load_at_end": rounded(os.getloadavg()[0]),
    }


def _load(service: str, secret: str, deliveries: int, ask_every: int) -> list[tuple[float, float]]:
    """In a process of its own: (status, seconds) of each, and at last when it began and ended."""
    return asyncio.run(_send_all(service, secret, deliveries, ask_every))


async def _send_all(
    service: str, secret: str, deliveries: int, ask_every: int
) -> list[tuple[float, float]]:
    requests = [_request(number, secret, ask_every) for number in range(deliveries)]
    waiting = iter(requests)
    answers: list[tuple[float, float]] = []

    async def send(client: httpx.AsyncClient) -> None:
        for headers, body in waiting:
            began = time.perf_counter()
            answer = await client.post("/github/webhook", headers=headers, content=body)
            answers.append((answer.status_code, time.perf_counter() - began))

    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(base_url=service, timeout=30, limits=limits) as client:
        began = time.monotonic()
        await asyncio.gather(*(send(client) for _ in range(CONNECTIONS)))
        ended = time.monotonic()
    return [*answers, (began, ended)]


def _request(number: int, secret: str, ask_every: int) -> tuple[dict[str, str], bytes]:
    if number % ask_every == 0:
        event, payload = "issues", payloads.labelled(number + 1)
    else:
        event, payload = "issue_comment", payloads.commented("Thanks!", number + 1)
    body = json.dumps({**payload, "padding": "x" * 8000}).encode()  # as large as real ones
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "content-type": "application/json",
        "x-github-event": event,
        "x-github-delivery": str(uuid.uuid4()),
        "x-hub-signature-256": f"sha256={digest}",
    }
    return headers, body


@contextmanager
def database_url(database: str, folder: Path) -> Iterator[str]:
    if database == "sqlite":
        yield f"sqlite:///{folder}/service.sqlite"
        return
    (folder / "postgresql").mkdir()
    server = PostgresServer(folder / "postgresql")
    server.create()
    server.start()
    try:
        yield server.database()
    finally:
        server.stop()


@contextmanager
def redis(folder: Path) -> Iterator[RedisServer]:
    (folder / "redis").mkdir()
    server = RedisServer(folder / "redis")
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def serving(
    stand_in: StandIn, url: str, broker: RedisServer, folder: Path
) -> Iterator[tuple[str, int]]:
    """The web process: its address and its id."""
    port = free_port()
    own: dict[str, Any] = {
        "REPAIR_STATE_DIR": folder / "state",
        "REPAIR_DATABASE_URL": url,
        "REPAIR_REDIS_URL": broker.url,
        "REPAIR_LISTEN_PORT": port,
        "REPAIR_MAX_JOBS_PER_REPOSITORY": 100_000,
        "REPAIR_MAX_LIVE_JOBS": 100_000,
        "REPAIR_GITHUB_FOLDER": folder / "state" / "github",
        "REPAIR_GITHUB_APP_ID": stand_in.world.app_id,
        "REPAIR_GITHUB_BOT_ID": BOT_ID,
        "REPAIR_GITHUB_PRIVATE_KEY": stand_in.world.private_key,
        "REPAIR_GITHUB_WEBHOOK_SECRET": stand_in.world.webhook_secret,
        "REPAIR_GITHUB_API_URL": stand_in.api_url,
        "REPAIR_GITHUB_WEB_URL": stand_in.url,
        "REPAIR_GITHUB_WRITE_INTERVAL_SECONDS": 0.0,
    }
    environment = {**os.environ, **{name: str(value) for name, value in own.items()}}
    with (folder / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "workers.web"],
            env=environment,
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
        try:
            service = f"http://127.0.0.1:{port}"
            wait_for(lambda: process.poll() is not None or _answers(service), seconds=180)
            if process.poll() is not None:
                sys.exit((folder / "web.log").read_text())
            yield service, process.pid
        finally:
            process.terminate()
            process.wait(timeout=60)


def cpu_seconds(pid: int) -> float:
    """CPU time of a process so far; says more than wall-clock time on a machine that is shared."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _answers(service: str) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{service}/healthz").is_success
    return False


def count(url: str, name: str) -> int:
    engine = sqlalchemy.create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    try:
        with engine.connect() as connection:
            words = sqlalchemy.text(f"SELECT count(*) FROM {name}")
            return int(connection.execute(words).scalar_one())
    finally:
        engine.dispose()


def wait_for(true: Any, seconds: float = SETTLE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            sys.exit("it did not happen in time")
        time.sleep(0.5)


if __name__ == "__main__":
    main()

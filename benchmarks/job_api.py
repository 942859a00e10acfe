"""Jobs accepted a second through the API, and how long each answer takes.

The web process runs as users run it (uvicorn, one process) on SQLite or PostgreSQL; the clients
are another process on the same machine. `/healthz`, which does nothing, is asked in the same run:
it is what HTTP and the framework cost by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from benchmarks.reporting import ROOT, Record, conditions, rounded, say, table, write_result
from benchmarks.webhooks import database_url
from tests.support.services import free_port
from workers.config import ServiceSettings
from workers.store.store import open_store
from workers.web.auth.scopes import Scope
from workers.web.auth.tokens import TokenStore

CONNECTIONS = 16
REPOSITORIES = 500
Answers = list[tuple[int, float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    found = [measure(name, options.jobs) for name in ("sqlite", "postgresql")]
    columns = ("database", "accepted_per_second", "p50_ms", "p99_ms", "healthz_per_second", "lost")
    say(table(columns, [[one[column] for column in columns] for one in found]))
    if options.output:
        where = conditions(jobs=options.jobs, connections=CONNECTIONS, repositories=REPOSITORIES)
        write_result(options.output, {"conditions": where, "runs": found})


def measure(database: str, jobs: int) -> Record:
    """One run on one database."""
    with tempfile.TemporaryDirectory(prefix="repair-job-api-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as another user
        with database_url(database, folder) as url, serving(url, folder) as (service, token):
            load = multiprocessing.get_context("spawn").Pool(1)
            with load:
                nothing, idle_seconds = load.apply(_load, (service, token, jobs, True))
                answers, seconds = load.apply(_load, (service, token, jobs, False))
            store = open_store(ServiceSettings(database_url=url, state_dir=folder / "state"))
            stored = sum(store.counts().values())
            store.close()
    accepted = [one for code, one in answers if code == 201]
    took = sorted(accepted)
    return {
        "database": database,
        "accepted_per_second": rounded(len(accepted) / seconds, 0),
        "p50_ms": rounded(took[len(took) // 2] * 1000, 1),
        "p99_ms": rounded(took[len(took) * 99 // 100] * 1000, 1),
        "max_ms": rounded(took[-1] * 1000, 1),
        "healthz_per_second": rounded(len(nothing) / idle_seconds, 0),
        "refused": len(answers) - len(accepted),
        "lost": len(accepted) - stored,
        "load_at_end": rounded(os.getloadavg()[0]),
    }


def _load(service: str, token: str, number: int, nothing: bool) -> tuple[Answers, float]:
    """In a process of its own: (status, seconds) of each answer, and the seconds of all."""
    return asyncio.run(_send(service, token, number, nothing))


async def _send(service: str, token: str, number: int, nothing: bool) -> tuple[Answers, float]:
    waiting = iter(range(number))
    answers: Answers = []

    async def one_client(client: httpx.AsyncClient) -> None:
        for index in waiting:
            target = f"https://git.example.com/team/project-{index % REPOSITORIES}"
            began = time.perf_counter()
            if nothing:
                answer = await client.get("/healthz")
            else:
                answer = await client.post("/api/v1/jobs", json={"target": target})
            answers.append((answer.status_code, time.perf_counter() - began))

    headers = {"Authorization": f"Bearer {token}"}
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with httpx.AsyncClient(
        base_url=service, headers=headers, timeout=60, limits=limits
    ) as client:
        began = time.monotonic()
        await asyncio.gather(*(one_client(client) for _ in range(CONNECTIONS)))
        return answers, time.monotonic() - began


@contextmanager
def serving(url: str, folder: Path) -> Iterator[tuple[str, str]]:
    """The web process: its address, and a token for it."""
    port = free_port()
    own = {
        "REPAIR_STATE_DIR": str(folder / "state"),
        "REPAIR_DATABASE_URL": url,
        "REPAIR_LISTEN_PORT": str(port),
        "REPAIR_MAX_LIVE_JOBS": "1000000",
        "REPAIR_MAX_JOBS_PER_REPOSITORY": "1000000",
        "REPAIR_LOG_LEVEL": "WARNING",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "workers.web"], env={**os.environ, **own}, cwd=ROOT
    )
    service = f"http://127.0.0.1:{port}"
    try:
        _until_up(service)
        store = open_store(ServiceSettings(database_url=url, state_dir=folder / "state"))
        _, token = TokenStore(store.engine).create("load", [Scope.SUBMIT], owner="load")
        store.close()
        yield service, token
    finally:
        process.terminate()
        process.wait(30)


def _until_up(service: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{service}/healthz").is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise TimeoutError("the web process does not start")


if __name__ == "__main__":
    main()

"""Many jobs, faults at random moments: none is lost, none happens twice, none is stuck."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.chaos import Chaos
from tests.faults.cluster import PROBE_WORKER, SWEEPER, Cluster
from tests.support.services import PostgresServer
from workers.records import JobState

JOBS = int(os.environ.get("REPAIR_FAULT_JOBS", "200"))
SEED = int(os.environ.get("REPAIR_FAULT_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
CHAOS_SECONDS = 150.0
CALM_SECONDS = 240.0
"""After the last fault everything has to end within this."""


@pytest.fixture
def database(
    request: pytest.FixtureRequest, database_url: str
) -> Iterator[tuple[str, PostgresServer | None]]:
    """A database that may be restarted: a server of this test's own."""
    if database_url.startswith("sqlite"):
        yield database_url, None
        return
    server: PostgresServer = request.getfixturevalue("own_postgres")
    yield server.database(), server


def test_nothing_is_lost_done_twice_or_stuck(
    make_cluster: Callable[..., Cluster],
    database: tuple[str, PostgresServer | None],
    record_property: Callable[[str, object], None],
) -> None:
    url, postgres = database
    cluster = make_cluster(url)
    ids = [cluster.submit(0.6, f"r{number % 25}") for number in range(JOBS)]
    for _ in range(2):
        cluster.add(*PROBE_WORKER, "2")
    cluster.add(*SWEEPER)
    chaos = Chaos(cluster, SEED, postgres)
    began = time.monotonic()
    chaos.run(cluster.idle, CHAOS_SECONDS)
    cancelled = {job.id for job in cluster.store.jobs(states=[JobState.CANCELLED])}
    calm = cluster.wait(cluster.idle, CALM_SECONDS)
    report = {
        "database": "postgresql" if postgres else "sqlite",
        "jobs": JOBS,
        "seed": SEED,
        "faults": dict(chaos.done),
        "seconds": round(time.monotonic() - began, 1),
        "seconds_of_calm": round(calm, 1),
        "lost": sum(cluster.state(one) is not JobState.ENDED for one in ids),
        "effects_missing": sum(cluster.marks(one) == 0 for one in ids),
        "effects_twice": sum(cluster.marks(one) > 1 for one in ids),
        "ended_twice": sum(cluster.kinds(one).count("ended") != 1 for one in ids),
        **resumptions(cluster, ids, chaos.killed),
    }
    for name, value in report.items():
        record_property(name, value)
    if folder := os.environ.get("REPAIR_FAULT_REPORTS"):
        name = f"{report['database']}-{SEED}.json"
        (Path(folder) / name).write_text(json.dumps(report, indent=1) + "\n")
    assert cancelled == set()
    bad = ("lost", "effects_missing", "effects_twice", "ended_twice")
    assert {name: report[name] for name in bad} == dict.fromkeys(bad, 0), report
    assert float(str(report["slowest_resumption_seconds"])) < 60, report


def resumptions(
    cluster: Cluster, ids: list[str], killed: dict[str, float]
) -> dict[str, float | int]:
    """How long a job whose process was killed waited until it went on."""
    waits = []
    for job_id in ids:
        events = cluster.store.events(job_id)
        starts = [event for event in events if event.kind == "started"]
        for before, after in pairwise(starts):
            pid = str(before.data["worker"]).split("/")[1]
            died = killed.get(pid)
            if died is not None and before.at.timestamp() < died < after.at.timestamp():
                waits.append(after.at.timestamp() - died)
    waits.sort()
    return {
        "resumptions": len(waits),
        "median_resumption_seconds": round(waits[len(waits) // 2], 1) if waits else 0.0,
        "slowest_resumption_seconds": round(waits[-1], 1) if waits else 0.0,
    }

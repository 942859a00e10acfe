"""The database's clock is moved: it is the only one that leases are measured on.

PostgreSQL's `clock_timestamp` is hidden by a function of the same name that adds an offset. (A
time namespace would not do: it moves the monotonic clock alone.)
"""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest

from tests.faults.cluster import PROBE_WORKER, SWEEPER, Cluster
from tests.support.services import PostgresServer
from workers.records import JobState

FAKE = """
CREATE SCHEMA faked;
CREATE TABLE faked.moved (seconds double precision);
INSERT INTO faked.moved VALUES (0);
CREATE FUNCTION faked.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM faked.moved $$;
"""
HOUR = 3600.0


def fake_clock(url: str) -> None:
    name = url.rpartition("/")[2]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(FAKE)
        connection.execute(f"ALTER DATABASE {name} SET search_path = public, faked, pg_catalog")


def move(url: str, seconds: float) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE faked.moved SET seconds = seconds + %s", [seconds])


@pytest.mark.minutes
def test_jobs_survive_a_clock_that_jumps_to_and_fro(
    make_cluster: Callable[..., Cluster], own_postgres: PostgresServer
) -> None:
    url = own_postgres.database()
    fake_clock(url)
    cluster = make_cluster(url)
    for _ in range(2):
        cluster.add(*PROBE_WORKER, "2")
    cluster.add(*SWEEPER)
    ids = [cluster.submit(3.0, f"r{number}") for number in range(24)]
    for jump in (HOUR, -2 * HOUR, 2 * HOUR):
        ended = cluster.store.counts()[JobState.ENDED]
        cluster.wait(lambda ended=ended: cluster.store.counts()[JobState.ENDED] >= ended + 4, 90)  # type: ignore[misc]
        move(url, jump)
    cluster.wait(cluster.idle, 180)
    assert {cluster.state(one) for one in ids} == {JobState.ENDED}
    assert [cluster.marks(one) for one in ids] == [1] * len(ids)
    assert [cluster.kinds(one).count("ended") for one in ids] == [1] * len(ids)


def test_a_lost_workers_job_goes_on_although_the_clock_went_back(
    make_cluster: Callable[..., Cluster], own_postgres: PostgresServer
) -> None:
    url = own_postgres.database()
    fake_clock(url)
    cluster = make_cluster(url)
    worker = cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = cluster.submit(9.0)
    cluster.wait(lambda: cluster.kinds(job_id).count("progress") >= 1, 60)
    with cluster.store.transaction() as connection:  # nobody here can tell that it died
        connection.exec_driver_sql("UPDATE jobs SET worker = 'elsewhere/1/1'")
    worker.end()
    move(url, -HOUR)
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, 120)
    assert cluster.marks(job_id) == 1

"""Two machines share the work, and one of them falls off the network."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from tests.faults.cluster import PROBE_WORKER, SWEEPER, Cluster
from tests.faults.links import Network
from tests.support.services import PostgresServer, RedisServer, postgres_at
from workers.records import JobState

JOBS = 16
SLACK_SECONDS = 3.0
"""From when a run is told to stop until it has."""


@pytest.fixture
def central_redis(network: Network, tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "central-redis"
    folder.mkdir()
    server = RedisServer(folder, host=network.address)
    server.start()
    yield server
    server.kill()


@pytest.fixture
def central_postgres(network: Network) -> Iterator[PostgresServer]:
    with postgres_at(network.address) as server:
        yield server


def hosts(cluster: Cluster, job_id: str) -> list[str]:
    """On which machines the job was started, in order."""
    events = cluster.store.events(job_id)
    return [str(e.data["worker"]).split("/")[0] for e in events if e.kind == "started"]


@pytest.mark.minutes
def test_what_a_machine_held_that_is_cut_off_goes_on_on_the_other(
    make_cluster: Callable[..., Cluster],
    network: Network,
    central_redis: RedisServer,
    central_postgres: PostgresServer,
    record_property: Callable[[str, object], None],
) -> None:
    # Longer than the 20 s after which a write to a machine that vanished fails, as by default.
    cluster = make_cluster(central_postgres.database(), central_redis, lease_seconds="25")
    first, second = network.machine(), network.machine()
    for machine in (first, second):
        within = network.enter(machine)
        cluster.add(*PROBE_WORKER, "2", within=within)
        cluster.add(*SWEEPER, within=within)
    ids = [cluster.submit(6.0, f"r{number}") for number in range(JOBS)]

    def running_on(machine: str) -> list[str]:
        running = cluster.store.jobs(states=[JobState.RUNNING])
        return [job.id for job in running if (job.worker or "").startswith(f"{machine}/")]

    cluster.wait(lambda: bool(running_on(first) and running_on(second)), 120)
    held = running_on(first)
    network.unplug(first)
    seconds = cluster.wait(lambda: all(second in hosts(cluster, one) for one in held), 60)
    record_property("held_by_the_lost_machine", len(held))
    record_property("all_resumed_on_the_other_after_seconds", round(seconds))
    cluster.wait(cluster.idle, 180)
    network.plug_in(first)  # what it still wants to write is too late
    more = [cluster.submit(6.0, f"r{number}") for number in range(8)]
    cluster.wait(lambda: bool(running_on(first)), 120)  # and it takes part again
    cluster.wait(cluster.idle, 120)
    everything = [*ids, *more]
    assert {cluster.state(one) for one in everything} == {JobState.ENDED}
    assert [cluster.marks(one) for one in everything] == [1] * len(everything)
    assert [cluster.kinds(one).count("ended") for one in everything] == [1] * len(everything)
    overlap = max(
        (before[1] - after[0] for one in ids for before, after in pairwise(cluster.lives(one))),
        default=0.0,
    )
    record_property("longest_overlap_of_two_runs_seconds", round(max(0.0, overlap), 1))
    assert overlap < SLACK_SECONDS

"""One fault at a time: lines 49 to 61 of what the service must survive."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.cluster import PROBE_WORKER, SWEEPER, Cluster
from tests.support.half_open import Proxy
from tests.support.services import PostgresServer
from workers.queue.app import make_app
from workers.queue.broker import Broker
from workers.records import JobState, Queue

MakeCluster = Callable[..., Cluster]
Record = Callable[[str, object], None]

GARBAGE = (
    b"not json",
    b"\xff\xfe\x00",
    b"",
    b"null",
    b"17",
    b'"text"',
    b"[1, 2]",
    b"{}",
    b'{"properties": {}}',
    b'{"properties": {"delivery_tag": "t"}}',
    b'{"properties": {"delivery_tag": {"a": 1}}, "body": "x"}',
    b'{"body": "!!", "properties": {"delivery_tag": "u", "body_encoding": "base64"}}',
    b'{"body": "gASVAAAA", "content-type": "application/x-python-serialize", "content-encoding":'
    b' "binary", "headers": {"task": "repair.run", "id": "x"}, "properties": {"delivery_tag":'
    b' "v", "delivery_info": {"exchange": "", "routing_key": "interactive"}}}',
    b'{"body": "W10=", "content-type": "application/json", "content-encoding": "utf-8", "headers":'
    b' {"task": "os.system", "id": "y"}, "properties": {"delivery_tag": "w", "body_encoding":'
    b' "base64", "delivery_info": {"exchange": "", "routing_key": "interactive"}}}',
    b"[" * 100_000,
)


def test_entries_that_are_no_messages_end_no_worker(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    worker = cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    first = cluster.submit(0.1)
    cluster.wait(lambda: cluster.state(first) is JobState.ENDED, 90)
    with cluster.redis.client() as client:
        for entry in GARBAGE:
            client.rpush("interactive", entry)
    after = cluster.submit(0.1)
    cluster.wait(lambda: cluster.state(after) is JobState.ENDED, 60)
    with cluster.redis.client() as client:
        cluster.wait(lambda: client.llen("interactive") == 0, 60)
    assert worker.starts == 1


def test_a_job_that_kills_its_process_is_buried_and_the_others_run(
    make_cluster: MakeCluster,
) -> None:
    cluster = make_cluster(max_crashes="3")
    cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    deadly = cluster.submit(0.1, "a", words=":suicide")
    others = [cluster.submit(0.1, "b") for _ in range(3)]
    cluster.wait(cluster.idle, 120)
    job = cluster.store.job(deadly)
    assert (job.state, job.crashes, job.attempts) == (JobState.DEAD, 3, 3)
    assert "died (crash 3 of 3)" in job.reason
    assert [cluster.state(one) for one in others] == [JobState.ENDED] * 3


def test_sigterm_gives_the_job_back_once_and_another_goes_on(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    worker = cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = cluster.submit(9.0)
    cluster.wait(lambda: cluster.kinds(job_id).count("progress") >= 2, 60)
    worker.end(signal.SIGTERM)
    job = cluster.store.job(job_id)
    assert (job.state, job.crashes) == (JobState.QUEUED, 0)
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, 90)
    assert cluster.kinds(job_id).count("requeued") == 1
    texts = [e.data["text"] for e in cluster.store.events(job_id) if e.kind == "progress"]
    assert texts.count("step 0") == 1  # what was finished is not done again
    assert cluster.marks(job_id) == 1


def test_cancelled_while_queued_stays_cancelled(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.add(*SWEEPER)
    cancelled, kept = cluster.submit(0.1, "a"), cluster.submit(0.1, "b")
    with cluster.redis.client() as client:
        cluster.wait(lambda: int(client.llen("interactive")) >= 2, 30)  # type: ignore[arg-type]
    cluster.store.cancel(cancelled, "ann")
    worker = cluster.add(*PROBE_WORKER, "1")
    cluster.wait(lambda: cluster.state(kept) is JobState.ENDED, 90)
    worker.end()
    worker.start()
    another = cluster.submit(0.1, "a")
    cluster.wait(lambda: cluster.state(another) is JobState.ENDED, 90)
    assert cluster.state(cancelled) is JobState.CANCELLED
    assert "started" not in cluster.kinds(cancelled)


def test_cancelled_while_running_ends_soon(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = cluster.submit(600.0)
    cluster.wait(lambda: cluster.state(job_id) is JobState.RUNNING, 60)
    cluster.store.cancel(job_id, "ann")
    cluster.wait(lambda: cluster.state(job_id) is JobState.CANCELLED, 30)
    assert cluster.kinds(job_id).count("started") == 1
    assert cluster.kinds(job_id)[-1] == "cancelled"
    assert cluster.marks(job_id) == 0  # what it had not come to was not done


def test_the_same_message_many_times_is_one_run(make_cluster: MakeCluster) -> None:
    cluster = make_cluster()
    broker = Broker(make_app(cluster.settings))
    job_id = cluster.submit(1.0)
    broker.hint(Queue.INTERACTIVE, [job_id] * 50)
    broker.close()
    for _ in range(2):
        cluster.add(*PROBE_WORKER, "2")
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, 90)
    with cluster.redis.client() as client:
        cluster.wait(lambda: client.llen("interactive") == 0, 60)
    assert cluster.kinds(job_id).count("started") == 1
    assert cluster.marks(job_id) == 1


@pytest.mark.minutes
def test_a_job_longer_than_the_visibility_timeout_has_one_live_run(
    make_cluster: MakeCluster,
) -> None:
    """Redis hands its message to the other workers, again and again, while it runs."""
    cluster = make_cluster()
    short = {"PROBE_VISIBILITY_SECONDS": "3"}
    cluster.add(*PROBE_WORKER, "1", **short)
    broker = Broker(make_app(cluster.settings))
    job_id = cluster.submit(45.0)
    broker.hint(Queue.INTERACTIVE, [job_id])
    broker.close()
    cluster.wait(lambda: cluster.state(job_id) is JobState.RUNNING, 90)
    time.sleep(4)
    for _ in range(2):  # as it starts, a worker looks for messages to give away
        cluster.add(*PROBE_WORKER, "1", **short)
    with cluster.redis.client() as client:
        cluster.wait(lambda: client.hlen("unacked") == 0, 60)
    assert cluster.state(job_id) is JobState.RUNNING
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, 120)
    assert cluster.kinds(job_id).count("started") == 1
    assert (len(cluster.lives(job_id)), cluster.marks(job_id)) == (1, 1)


@pytest.mark.parametrize("how", ["killed", "wiped"])
def test_redis_goes_and_every_accepted_job_ends(make_cluster: MakeCluster, how: str) -> None:
    cluster = make_cluster()
    ids = [cluster.submit(0.3, f"r{n % 5}") for n in range(12)]
    cluster.add(*SWEEPER)
    worker = cluster.add(*PROBE_WORKER, "1")
    cluster.wait(lambda: cluster.store.counts()[JobState.ENDED] >= 2, 90)
    cluster.redis.wipe() if how == "wiped" else cluster.redis.kill()
    late = cluster.submit(0.1, "late")  # accepted while Redis is away
    time.sleep(2)
    cluster.redis.start()
    cluster.wait(cluster.idle, 120)
    assert {cluster.state(one) for one in [*ids, late]} == {JobState.ENDED}
    assert [cluster.marks(one) for one in ids] == [1] * len(ids)
    assert worker.starts == 1  # it found Redis again by itself


def test_a_worker_that_slept_through_its_lease_is_fenced(make_cluster: MakeCluster) -> None:
    """Two workers on one job: the first is stopped, and wakes up when the other has it."""
    cluster = make_cluster()
    first = cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = cluster.submit(6.0)
    cluster.wait(lambda: cluster.kinds(job_id).count("progress") >= 1, 60)
    asleep = [first.pid, *first.children()]
    for pid in asleep:
        os.kill(pid, signal.SIGSTOP)
    cluster.add(*PROBE_WORKER, "1")
    cluster.wait(lambda: cluster.kinds(job_id).count("started") == 2, 60)
    for pid in asleep:
        os.kill(pid, signal.SIGCONT)
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, 120)
    time.sleep(3)  # whatever the first one still wants to write
    assert cluster.kinds(job_id).count("ended") == 1
    assert cluster.marks(job_id) == 1
    # Its clock told it first, or the store did.
    assert re.search("was lost while it ran|is no longer held", first.log.read_text())


@pytest.mark.minutes
def test_a_killed_worker_is_replaced_within_a_minute(
    make_cluster: MakeCluster, record_property: Record
) -> None:
    """On another machine, with the lease of the defaults: nobody here can tell that it died."""
    cluster = make_cluster(lease_seconds="45", heartbeat_seconds="15", sweep_seconds="5")
    worker = cluster.add(*PROBE_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = cluster.submit(9.0)
    cluster.wait(lambda: cluster.kinds(job_id).count("progress") >= 1, 60)
    with cluster.store.transaction() as connection:  # as if it ran elsewhere
        connection.exec_driver_sql("UPDATE jobs SET worker = 'elsewhere/1/1'")
    worker.end()
    seconds = cluster.wait(lambda: cluster.kinds(job_id).count("started") == 2, 75)
    record_property("resumed_after_seconds", round(seconds))
    assert seconds < 60
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, 60)


@pytest.mark.minutes
def test_a_connection_that_went_silent_is_given_up(
    make_cluster: MakeCluster, record_property: Record
) -> None:
    """Half open: Redis is there, but the worker's old connections carry nothing any more."""
    cluster = make_cluster()
    proxy = Proxy(cluster.redis.port)
    behind = f"redis://127.0.0.1:{proxy.port}/0"
    worker = cluster.add(*PROBE_WORKER, "1", REPAIR_REDIS_URL=behind)
    cluster.add(*SWEEPER)
    first = cluster.submit(0.1)
    cluster.wait(lambda: cluster.state(first) is JobState.ENDED, 90)
    proxy.go_silent()
    second = cluster.submit(0.1)
    seconds = cluster.wait(lambda: cluster.state(second) is JobState.ENDED, 180)
    proxy.close()
    record_property("consuming_again_after_seconds", round(seconds))
    assert worker.starts == 1


def test_a_full_disk_costs_time_and_no_job(make_cluster: MakeCluster, tmp_path: Path) -> None:
    """The disk under the database is full while jobs run; then there is space again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("only root can make a small disk")
    try:
        cluster = make_cluster(f"sqlite:///{disk}/service.sqlite")
        cluster.add(*PROBE_WORKER, "1")
        cluster.add(*SWEEPER)
        ids = [cluster.submit(1.0, f"r{number}") for number in range(6)]
        cluster.wait(lambda: cluster.store.counts()[JobState.ENDED] >= 1, 90)
        fill = ["dd", "if=/dev/zero", f"of={disk}/ballast", "bs=4096"]
        assert b"No space" in subprocess.run(fill, capture_output=True, check=False).stderr
        time.sleep(6)
        (disk / "ballast").unlink()
        cluster.wait(cluster.idle, 120)
        assert {cluster.state(one) for one in ids} == {JobState.ENDED}
        assert [cluster.marks(one) for one in ids] == [1] * len(ids)
        cluster.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=False)


def test_the_database_crashes_and_comes_back(
    make_cluster: MakeCluster, own_postgres: PostgresServer
) -> None:
    cluster = make_cluster(own_postgres.database())
    worker = cluster.add(*PROBE_WORKER, "2")
    cluster.add(*SWEEPER)
    ids = [cluster.submit(1.0, f"r{number}") for number in range(12)]
    cluster.wait(lambda: cluster.store.counts()[JobState.ENDED] >= 2, 90)
    for pause in (0.0, 5.0):  # shorter than the lease
        own_postgres.stop("immediate")
        time.sleep(pause)
        own_postgres.start()
        time.sleep(2)
    cluster.wait(cluster.idle, 120)
    assert {cluster.state(one) for one in ids} == {JobState.ENDED}
    assert [cluster.marks(one) for one in ids] == [1] * len(ids)
    assert [cluster.kinds(one).count("ended") for one in ids] == [1] * len(ids)
    assert worker.starts == 1

"""The Docker engine dies and comes back while a job's sandboxes run in it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.cluster import REAL_WORKER, SWEEPER, Cluster
from tests.faults.test_repairs import EXAMPLE, SECONDS, stages, submit_repair
from tests.support.docker_engine import BASE, Engine, running_engine
from tests.support.endings import FOUND
from tests.support.services import missing
from workers.records import LIVE_STATES, JobState


@pytest.fixture
def engine() -> Iterator[Engine]:
    with running_engine() as engine:
        if not engine.load(BASE):
            missing(f"the machine's engine has no {BASE} (docker/offline-base.sh makes it)")
        yield engine


@pytest.mark.minutes
@pytest.mark.parametrize("stage", ["baseline", "propose"])
def test_a_job_whose_engine_restarts_ends_repaired(
    make_cluster: Callable[..., Cluster],
    engine: Engine,
    tmp_path: Path,
    stage: str,
    record_property: Callable[[str, object], None],
) -> None:
    target = tmp_path / "ledger"
    shutil.copytree(EXAMPLE, target)
    cluster = make_cluster(cache_dir=str(tmp_path / "cache"), max_crashes="3")
    own = {"DOCKER_HOST": engine.url, "REPAIR_DOCKER_IMAGE": BASE}
    worker = cluster.add(*REAL_WORKER, "1", **own)
    cluster.add(*SWEEPER, **own)
    job_id = submit_repair(cluster, target, "docker")
    cluster.wait(lambda: stage in stages(cluster, job_id) and bool(engine.containers()), SECONDS)
    engine.kill()
    time.sleep(3)
    assert cluster.state(job_id) in LIVE_STATES
    engine.start()
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, SECONDS)
    job = cluster.store.job(job_id)
    record_property("tries", job.attempts)
    record_property("counted_as_crashes", job.crashes)
    assert job.outcome in FOUND
    assert stages(cluster, job_id).count("prepare") == 1
    assert worker.starts == 1
    assert engine.containers() == []

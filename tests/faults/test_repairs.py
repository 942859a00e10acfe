"""Real repairs through the queue, with their worker killed on the way."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.records import RepairJob
from agent.runs.folder import new_run_id
from sandbox.engines.choose import AnySandbox
from tests.faults.cluster import REAL_WORKER, SWEEPER, Cluster
from tests.support.endings import FOUND
from workers.records import JobRequest, JobState

EXAMPLE = Path(__file__).parents[2] / "examples" / "ledger"
SECONDS = 240.0


def submit_repair(cluster: Cluster, target: Path, sandbox: str = "bubblewrap") -> str:
    repair = RepairJob(run_id=new_run_id(), target=str(target), sandbox=sandbox)
    return cluster.store.submit(JobRequest(repair=repair, repository=target.name)).job.id


def stages(cluster: Cluster, job_id: str) -> list[str]:
    events = cluster.store.events(job_id)
    return [str(event.data["stage"]) for event in events if event.kind == "stage_started"]


@pytest.mark.minutes
def test_killed_in_every_stage_and_moved_to_a_machine_without_its_folder(
    make_cluster: Callable[..., Cluster],
    need_sandbox: Callable[[str], AnySandbox],
    tmp_path: Path,
) -> None:
    need_sandbox("bubblewrap")
    target = tmp_path / "ledger"
    shutil.copytree(EXAMPLE, target)
    cluster = make_cluster(cache_dir=str(tmp_path / "cache"))
    worker = cluster.add(*REAL_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = submit_repair(cluster, target)
    for stage in ("baseline", "localize", "propose"):
        cluster.wait(lambda stage=stage: stage in stages(cluster, job_id), SECONDS)  # type: ignore[misc]
        worker.end()
        if stage == "localize":  # what another machine does not have
            shutil.rmtree(Path(cluster.settings.state_dir) / "runs" / job_id)
        worker.start()
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, SECONDS)
    job = cluster.store.job(job_id)
    assert (job.attempts, job.crashes) == (4, 3)
    assert job.outcome in FOUND
    begun = stages(cluster, job_id)
    assert begun.count("prepare") == 1  # finished stages are not done again
    stored = cluster.store.result(job_id)
    assert stored is not None
    assert stored.patch is not None
    assert "position < left" in stored.patch
    texts = [e.data["text"] for e in cluster.store.events(job_id) if e.kind == "progress"]
    assert any("no copy of the project" in text for text in texts)


def test_a_target_that_changed_meanwhile_begins_anew(
    make_cluster: Callable[..., Cluster],
    need_sandbox: Callable[[str], AnySandbox],
    tmp_path: Path,
) -> None:
    need_sandbox("bubblewrap")
    target = tmp_path / "ledger"
    shutil.copytree(EXAMPLE, target)
    cluster = make_cluster(cache_dir=str(tmp_path / "cache"))
    worker = cluster.add(*REAL_WORKER, "1")
    cluster.add(*SWEEPER)
    job_id = submit_repair(cluster, target)
    cluster.wait(lambda: "localize" in stages(cluster, job_id), SECONDS)
    worker.end()
    shutil.rmtree(Path(cluster.settings.state_dir) / "runs" / job_id)
    (target / "src" / "ledger" / "new.py").write_text("VALUE = 1\n")
    worker.start()
    cluster.wait(lambda: cluster.state(job_id) is JobState.ENDED, SECONDS)
    assert cluster.store.job(job_id).outcome in FOUND
    assert stages(cluster, job_id).count("prepare") == 2

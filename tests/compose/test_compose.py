"""`docker compose up`, for real: the example is repaired, the parts are confined, any may die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.records import Status
from tests.compose.deployment import JOBS_SECONDS, PARTS, TARGET, Deployment
from tests.support.endings import FOUND, FOUND_CODES
from workers.records import JobState

JOBS = 2
LOOK = """
id -u
awk '/^CapBnd|^NoNewPrivs/ { print $2 }' /proc/1/status
awk '$2 == "/" { print substr($4, 1, 2) }' /proc/mounts
[ -e /var/run/docker.sock ] && echo socket
"""
REACH = """
for place in 1.1.1.1/443 deb.debian.org/80; do
    timeout 5 bash -c "</dev/tcp/$place" 2>/dev/null && echo $place
done
"""
"""Prints what answers: bash opens a connection by itself."""


def run_repair(deployment: Deployment, *words: str) -> subprocess.CompletedProcess[str]:
    """The command on the operator's own machine, over HTTP."""
    own = {"REPAIR_SERVER": deployment.url, "REPAIR_TOKEN": deployment.token, "NO_COLOR": "1"}
    argv = [sys.executable, "-m", "cli.main", *words]
    environment = {**os.environ, **own}
    return subprocess.run(
        argv, env=environment, capture_output=True, text=True, timeout=JOBS_SECONDS
    )


def test_the_example_is_repaired(deployment: Deployment, tmp_path: Path) -> None:
    done = run_repair(deployment, "submit", TARGET, "--wait", "--max-seconds", "300")
    assert done.returncode in FOUND_CODES, done.stderr
    assert "+    return [share + 1 if position < left" in done.stdout
    (job,) = json.loads(run_repair(deployment, "jobs", "--json").stdout)
    assert job["state"] == "ended"
    assert job["outcome"] in FOUND
    # The worker's own word that its sandboxes are containers of the machine's engine.
    assert deployment.compose("exec", "-T", "worker", "repair", "worker", "--check").stdout.strip()
    token = f"Bearer {deployment.token}"
    assert deployment.asked("/metrics", Authorization=token) == 200
    assert deployment.asked("/metrics") == deployment.asked("/api/v1/jobs") == 401


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_confined(deployment: Deployment, part: str) -> None:
    user, bounding, no_new, *rest = deployment.shell(part, LOOK).split()
    assert int(user) > 0
    assert int(bounding, 16) == 0
    assert no_new == "1"
    assert rest == ["ro", *["socket"] * (part == "worker")]


def test_only_the_web_process_is_published(deployment: Deployment) -> None:
    ports = {part: deployment.inspect(part)["HostConfig"]["PortBindings"] for part in PARTS}
    mine = {"8300/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(deployment.port)}]}
    assert ports == {"web": mine, "worker": {}, "redis": {}, "postgres": {}}


@pytest.mark.parametrize("part", ["redis", "postgres"])
def test_what_holds_data_is_inside_alone(deployment: Deployment, part: str) -> None:
    networks = deployment.inspect(part)["NetworkSettings"]["Networks"]
    assert list(networks) == [f"{deployment.name}_inside"]
    argv = ["docker", "network", "inspect", *networks, "--format", "{{.Internal}}"]
    assert subprocess.check_output(argv, text=True).strip() == "true"
    assert deployment.shell(part, REACH) == ""


def kill_worker(deployment: Deployment) -> None:
    deployment.compose("kill", "worker")
    deployment.compose("start", "worker")


def kill_redis(deployment: Deployment) -> None:
    deployment.compose("kill", "redis")
    deployment.compose("start", "redis")


def restart_postgres(deployment: Deployment) -> None:
    deployment.compose("restart", "postgres")


def stop_and_start(deployment: Deployment) -> None:
    deployment.compose("stop")
    deployment.compose("start")


def replace_everything(deployment: Deployment) -> None:
    """As an upgrade does: new containers, the old volumes."""
    deployment.compose("up", "--detach", "--force-recreate")


def test_the_database_outlives_strays(deployment: Deployment) -> None:
    """What `exec` leaves behind and fails is no child of PostgreSQL's own that crashed."""
    deployment.shell("postgres", "(sleep 1; kill -9 $BASHPID) &")
    deployment.shell("postgres", "sleep 3")
    assert "recovery" not in deployment.compose("logs", "postgres").stdout


@pytest.mark.parametrize(
    "deed", [kill_worker, kill_redis, restart_postgres, stop_and_start, replace_everything]
)
def test_jobs_survive(deployment: Deployment, deed: Callable[[Deployment], None]) -> None:
    ids = [deployment.submit(f"{deed.__name__}-{number}") for number in range(JOBS)]

    def one_runs() -> bool:
        return any(job.state is JobState.RUNNING for job in deployment.jobs(ids))

    deployment.wait("a job runs", JOBS_SECONDS, one_runs)
    deed(deployment)
    deployment.wait(
        f"all jobs ended after {deed.__name__}",
        JOBS_SECONDS,
        lambda: not any(job.live for job in deployment.jobs(ids)),
    )
    outcomes = {job.id: (job.state, job.outcome) for job in deployment.jobs(ids)}
    assert outcomes == dict.fromkeys(ids, (JobState.ENDED, Status.REPAIRED))
    assert {deployment.submit(f"{deed.__name__}-{number}") for number in range(JOBS)} == set(ids)
    deployment.wait_until_ready()

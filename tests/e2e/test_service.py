"""The service as its users meet it: real Redis, web process, sweeper and worker; the command."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.e2e.conftest import BUG, COMMAND, TEST, TOP, Project, Repair
from tests.support.endings import FOUND, FOUND_CODES
from tests.support.otlp_collector import Collector, running_collector
from tests.support.services import RedisServer, free_port, missing

PARTS = (("workers.web",), ("workers.queue.sweeper",), ("workers.queue.worker", "--processes", "1"))
START_SECONDS = 90.0


@dataclass(frozen=True)
class Service:
    url: str
    variables: dict[str, str]
    """For commands that share its machine."""
    collector: Collector
    """Where its traces go."""


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with running_collector() as server:
        yield server


@pytest.fixture(scope="module")
def service(
    shared_cache: Path,
    redis_server: RedisServer,
    collector: Collector,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Service]:
    """A service of this module's own, ready to work."""
    if shutil.which("bwrap") is None:
        missing("bubblewrap is not installed")
    logs, port = tmp_path_factory.mktemp("service"), free_port()
    redis_server.client().flushall()
    variables = {
        "REPAIR_STATE_DIR": str(logs / "state"),
        "REPAIR_CACHE_DIR": str(shared_cache),
        "REPAIR_REDIS_URL": redis_server.url,
        "REPAIR_LISTEN_PORT": str(port),
        "REPAIR_OTLP_ENDPOINT": collector.url,
    }
    started = []
    for name, *words in PARTS:
        with (logs / f"{name}.log").open("wb") as log:
            argv = [sys.executable, "-m", name, *words]
            own = {**os.environ, **variables}
            process = subprocess.Popen(argv, env=own, cwd=TOP, stderr=log, stdout=log)
            started.append(process)
        if name == "workers.web":
            _until(f"http://127.0.0.1:{port}/healthz", logs)
    _until(f"http://127.0.0.1:{port}/readyz", logs)
    yield Service(f"http://127.0.0.1:{port}", variables, collector)
    for process in reversed(started):
        process.send_signal(signal.SIGTERM)
    for process in started:
        process.wait(60)


def _until(url: str, logs: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            answer = httpx.get(url, timeout=10)
            if answer.is_success:
                return
            words = answer.text
        except httpx.HTTPError as error:
            words = str(error)
        texts = [path.read_text(errors="replace")[-2000:] for path in logs.glob("*.log")]
        assert time.monotonic() < deadline, f"{url}: {words}\n{texts}"
        time.sleep(0.2)


@pytest.mark.slow
def test_a_repair_through_the_queue(service: Service, run_repair: Repair, project: Project) -> None:
    """By the store, with the same options, display and exit code as `repair`."""
    folder = project({"calc.py": BUG, "test_calc.py": TEST})
    options = ("--sandbox", "bubblewrap", "--wait", "--apply")
    done = run_repair("submit", folder, *options, **service.variables)
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    assert "prepare done" in done.stdout
    assert "+        result += item" in done.stdout
    assert "result += item" in (folder / "calc.py").read_text()
    job_id = re.search(r"Job (\S+)", done.stderr)
    assert job_id is not None
    status = run_repair("status", job_id[1], "--json", **service.variables)
    job = json.loads(status.stdout)
    assert (job["state"], job["attempts"]) == ("ended", 1)
    assert job["outcome"] in FOUND
    assert job["progress"]["baseline"] == {"failing": 2, "passing": 1, "flaky": 0}
    logged = run_repair("logs", "-f", job_id[1], **service.variables).stdout
    assert f"ended: outcome {job['outcome']}" in logged
    assert {"repair", "prepare", "baseline", "localize", "validate"} <= traced(service, job_id[1])


def traced(service: Service, job_id: str) -> set[str]:
    """The names of the job's spans, once the collector has that of its run."""
    deadline = time.monotonic() + START_SECONDS
    while "repair" not in {span.name for span in service.collector.trace_of(job_id)}:
        assert time.monotonic() < deadline, "no trace of the job arrived"
        time.sleep(0.2)
    return {span.name for span in service.collector.trace_of(job_id)}


@pytest.mark.slow
def test_a_repair_over_http(
    service: Service, run_repair: Repair, project: Project, tmp_path: Path
) -> None:
    """From another machine: no database, no run folder, only a URL and a token."""
    folder = project({"calc.py": BUG, "test_calc.py": TEST})
    made = run_repair("tokens", "create", "ada", "--scope", "admin", **service.variables)
    away = {
        "REPAIR_SERVER": service.url,
        "REPAIR_TOKEN": made.stdout.strip(),
        "REPAIR_STATE_DIR": str(tmp_path / "elsewhere"),
        "REPAIR_DATABASE_URL": "sqlite:////nowhere/at/all",
    }
    patch = tmp_path / "fix.diff"
    options = ("--sandbox", "bubblewrap", "--wait", "--output", patch)
    done = run_repair("submit", folder, *options, **away)
    assert done.returncode in FOUND_CODES, done.stdout + done.stderr
    subprocess.run(["git", "apply", str(patch)], cwd=folder, check=True)
    assert "result += item" in (folder / "calc.py").read_text()
    jobs = json.loads(run_repair("jobs", "--json", **away).stdout)
    assert jobs[0]["outcome"] in FOUND
    assert jobs[0]["origin"] == "api"
    assert run_repair("status", jobs[0]["id"], "--patch", **away).stdout == patch.read_text()
    answer = run_repair("jobs", **away | {"REPAIR_TOKEN": "repair_wrong"})
    assert answer.returncode == 2
    assert "token" in answer.stderr


@pytest.mark.slow
def test_ctrl_c_leaves_the_job_to_the_queue_and_cancel_ends_it(
    service: Service, run_repair: Repair, project: Project, surroundings: dict[str, str]
) -> None:
    slow = "import time\n\ndef test_slow():\n    time.sleep(600)\n"
    folder = project({"calc.py": BUG, "test_calc.py": slow})
    watching = subprocess.Popen(
        [*COMMAND, "submit", str(folder), "--sandbox", "bubblewrap", "--wait"],
        env=surroundings | service.variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    for line in watching.stdout:
        if "baseline ..." in line:
            break
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=60)
    assert watching.returncode == 130
    job_id = re.search(r"repair cancel (\S+)`", err)
    assert job_id is not None, err
    assert (
        json.loads(run_repair("status", job_id[1], "--json", **service.variables).stdout)["state"]
        == "running"
    )
    assert run_repair("cancel", job_id[1], **service.variables).returncode == 0
    assert "cancelled" in run_repair("logs", "-f", job_id[1], **service.variables).stdout
    assert (
        json.loads(run_repair("status", job_id[1], "--json", **service.variables).stdout)["state"]
        == "cancelled"
    )

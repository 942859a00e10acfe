"""The whole way: `repair service up`, a recorded delivery, a pull request that is green."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from github_case import Case, running_case, wait_until
from github_payloads import labelled
from services import RedisServer, free_port

from agent.result import parse_result
from tests.conftest import missing
from tests.e2e.conftest import COMMAND
from workers.job import JobState

SECONDS = 240.0


@contextmanager
def service_up(variables: dict[str, str], log: Path) -> Iterator[None]:
    """Web, sweeper and a worker as processes of one command."""
    url = f"http://127.0.0.1:{variables['REPAIR_LISTEN_PORT']}/readyz"

    def ready() -> bool:
        assert process.poll() is None, log.read_text()
        try:
            return httpx.get(url, timeout=10).is_success
        except httpx.HTTPError:
            return False

    with log.open("wb") as stream:
        process = subprocess.Popen(
            [*COMMAND, "service", "up"], env=variables, stdout=stream, stderr=stream
        )
    try:
        wait_until(ready, SECONDS)
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(90)


def test_a_recorded_delivery_ends_in_a_pull_request_that_is_green(
    tmp_path: Path, shared_cache: Path, redis_server: RedisServer
) -> None:
    if shutil.which("bwrap") is None:
        missing("bubblewrap is not installed")
    redis_server.client().flushall()
    recorded = tmp_path / "issues" / "labeled.payload.json"
    recorded.parent.mkdir()
    with running_case(tmp_path) as case:
        number = case.issue()
        recorded.write_text(json.dumps(labelled(number)))
        variables = case.as_app(
            REPAIR_CACHE_DIR=str(shared_cache),
            REPAIR_REDIS_URL=redis_server.url,
            REPAIR_LISTEN_PORT=str(free_port()),
            DOCKER_HOST="unix:///nowhere",  # the sandbox is then bubblewrap
        )
        log = tmp_path / "service.log"
        with service_up(variables, log):
            replay = [*COMMAND, "github", "replay", str(recorded)]
            said = subprocess.run(replay, env=variables, capture_output=True, text=True, check=True)
            assert "202" in said.stdout
            wait_until(
                lambda: any("passes all tests" in one for one in case.comments(number)), SECONDS
            )
        job = case.job()
        assert (job.state, job.attempts) == (JobState.ENDED, 1)
        assert_published(case, number, tmp_path / "clone")
        written = log.read_text()
        assert not any(token in written for token in case.world.tokens)
        assert case.world.webhook_secret not in written


def assert_published(case: Case, number: int, clone: Path) -> None:
    (opened,) = case.repo.pulls.values()
    assert opened["draft"]
    assert f"Fixes #{number}" in opened["body"]
    assert_green(case.repo.folder, opened["head"]["ref"], clone)
    shown = re.search(r"```json\n(.*?)\n```", opened["body"], re.S)
    assert shown is not None
    _, evidence = parse_result(shown[1])
    assert evidence is not None
    assert evidence.base_commit == case.repo.tip("main")
    assert evidence.target == f"{case.stand_in.url}/acme/ledger.git"


def assert_green(repository: Path, branch: str, into: Path) -> None:
    """Fetch the branch as a person would, and run its tests."""
    clone = ["git", "clone", "--quiet", "--branch", branch, str(repository), str(into)]
    subprocess.run(clone, check=True)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(run, cwd=into, env={**os.environ, "PYTHONPATH": ""}, check=False)
    assert done.returncode == pytest.ExitCode.OK

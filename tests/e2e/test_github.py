"""The whole way: a label on GitHub → a job → a real repair → a pull request that is green."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from github_case import running_case
from github_payloads import labelled

from agent.result import parse_result
from sandbox.choose import AnySandbox
from workers.config import ServiceSettings
from workers.github.loop import run_github_loop
from workers.job import JobState, Queue
from workers.queue.work import Worker


def wait_for(true: Callable[[], bool], seconds: float = 120.0) -> None:
    waited = threading.Event()
    for _ in range(int(seconds / 0.2)):
        if true():
            return
        waited.wait(0.2)
    raise AssertionError("it did not happen in time")


def test_a_label_ends_in_a_pull_request_that_is_green(
    tmp_path: Path, shared_cache: Path, need_sandbox: Callable[[str], AnySandbox]
) -> None:
    need_sandbox("bubblewrap")
    with running_case(tmp_path) as case:
        stop = threading.Event()
        loop = threading.Thread(target=run_github_loop, args=(case.github, stop, 30.0))
        loop.start()
        try:
            number = case.issue()
            assert case.deliver("issues", labelled(number))["status"] == "accepted"
            wait_for(lambda: bool(case.store.jobs()))
            job = case.job()
            claim = case.store.claim_next(Queue.INTERACTIVE, "test")
            assert claim is not None
            wait_for(lambda: any("Working on it" in text for text in case.comments(number)))
            settings = ServiceSettings(
                state_dir=tmp_path / "state", cache_dir=shared_cache, lease_seconds=600
            )
            Worker(case.store, settings).carry_out(claim)
            wait_for(lambda: bool(case.repo.pulls))
            wait_for(lambda: "passes all tests" in case.comments(number)[0])
        finally:
            stop.set()
            loop.join()
        assert case.store.job(job.id).state is JobState.ENDED
        (opened,) = case.repo.pulls.values()
        assert opened["draft"]
        assert f"Fixes #{number}" in opened["body"]
        assert_green(case.repo.folder, opened["head"]["ref"], tmp_path / "clone")
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

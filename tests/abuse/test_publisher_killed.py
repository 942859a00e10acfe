"""SIGKILL of the publisher just before and just after each side effect: one of each is left."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.github_case import CODE, MENDED, Case, repaired, running_case
from tests.support.github_payloads import commented, labelled
from tests.support.github_stand_in.world import Refused
from workers.records import Job
from workers.store import effects

PUBLISH = """
import sys
from workers.config import ServiceSettings
from workers.github.config import read_github_settings
from workers.github.connection import open_github
from workers.forges.publish.publisher import Publisher
from workers.store.store import open_store
Publisher(open_github(read_github_settings(), open_store(ServiceSettings()))).publish(sys.argv[1])
"""
MEAN = "\n\ndef mean(numbers):\n    return total(numbers) / "
Call = tuple[str, str]
"""Method and how the path ends."""
BRANCH: Call = ("PUSH", "/git-receive-pack")
PULL: Call = ("POST", "/pulls")
COMMENT: Call = ("POST", "/comments")
CHECK: Call = ("POST", "/check-runs")
REVIEW: Call = ("POST", "/reviews")


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Case]:
    """What a dead process began is looked at again at once."""
    monkeypatch.setattr(effects, "MAX_EFFECT_SECONDS", -1.0)
    with running_case(tmp_path) as running:
        yield running


def on_issue(case: Case) -> Job:
    case.deliver("issues", labelled(case.issue()))
    case.handle()
    job = case.job()
    case.end(job)
    return job


def on_pull(case: Case) -> Job:
    """A patch that fits on the pull request's own lines."""
    broken = CODE + MEAN + "2\n"
    case.world.commit(case.repo, "feature", {"ledger.py": broken}, "Mean", start="main")
    pull = case.world.add_pull(case.repo, head="feature", base="main", author="dev")
    case.deliver("issue_comment", commented("/repair", pull["number"], on_pull=True))
    case.handle()
    job = case.job()
    case.end(job, repaired(job.id, broken, CODE + MEAN + "len(numbers)\n"))
    return job


def killed_at(case: Case, job: Job, call: Call, when: str) -> bool:
    """Publish in another process, which GitHub kills when it calls; whether it did call."""
    process = subprocess.Popen([sys.executable, "-c", PUBLISH, job.id], env=case.as_app())
    struck = []

    def strike(method: str, path: str) -> bool:
        path = path.partition("?")[0]
        if struck or method != call[0] or not path.endswith(call[1]):
            return False
        process.send_signal(signal.SIGKILL)
        process.wait()
        struck.append(path)
        return True

    def before(method: str, path: str) -> Refused | None:
        return Refused(502, "nobody is there to read this") if strike(method, path) else None

    if when == "before":
        case.world.answers.append(before)
    else:
        case.world.cut_after = strike
    assert process.wait(120) == -signal.SIGKILL
    case.world.answers.clear()
    case.world.cut_after = lambda method, path: False
    return bool(struck)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("call", [BRANCH, PULL, COMMENT, CHECK], ids=lambda call: call[1])
def test_a_repair_of_an_issue(case: Case, call: Call, when: str) -> None:
    job = on_issue(case)
    assert killed_at(case, job, call, when)
    case.publish(job.id)
    branches = case.repo.git("for-each-ref", "--format=%(refname)", "refs/heads/repair").split()
    assert branches == [f"refs/heads/repair/{job.id}"]
    assert case.repo.git("show", f"{branches[0]}:ledger.py") + "\n" == MENDED
    found = (case.repo.pulls, case.repo.comments, case.repo.checks)
    assert [len(one) for one in found] == [1, 1, 1]
    assert "makes the failing tests pass" in next(iter(case.repo.comments.values()))["body"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_suggestions_on_a_pull_request(case: Case, when: str) -> None:
    job = on_pull(case)
    assert killed_at(case, job, REVIEW, when)
    case.publish(job.id)
    found = (case.repo.pulls, case.repo.reviews, case.repo.comments, case.repo.checks)
    assert [len(one) for one in found] == [1, 1, 1, 1]
    assert case.repo.git("for-each-ref", "refs/heads/repair") == ""

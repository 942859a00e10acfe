"""A service beside a stand-in of GitHub, with a real store, for tests of the whole way."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.testclient import TestClient

from agent.patches.changes import diff_text, unified_diff
from agent.records import (
    Baseline,
    CandidatePatch,
    PlausiblePatch,
    RepairResult,
    Status,
    SuspiciousLine,
    Verdict,
)
from agent.runs.result_file import write_result
from sandbox.source import SourceEdit
from tests.support.github_payloads import labelled
from tests.support.github_stand_in.server import StandIn, running_stand_in
from tests.support.github_stand_in.world import BOT_ID, Repo
from workers.config import ServiceSettings
from workers.forges.forge import Forge
from workers.forges.intake.intake import Intake
from workers.forges.publish.publisher import Publisher
from workers.forges.routes import forge_router
from workers.github.config import GitHubSettings
from workers.github.connection import GitHub, open_github
from workers.records import Job
from workers.store.store import Store, open_store

TOP = Path(__file__).parents[2]
CODE = "def total(numbers):\n    return sum(numbers) - 1\n"
MENDED = "def total(numbers):\n    return sum(numbers)\n"
TESTS = (
    "from ledger import total\n\n\n"
    "def test_total():\n    assert total([1, 2]) == 3\n\n\n"
    "def test_type():\n    assert isinstance(total([]), int)\n"
)
ONE_OF_EACH = {"branch": 1, "pull": 1, "comment": 1, "check": 1}
"""What `published` counts for a repair of an issue."""
FILES = {"ledger.py": CODE, "tests/test_ledger.py": TESTS, "conftest.py": ""}


class ForgeCase:
    """One service, one forge, one repository `acme/ledger` with a fault."""

    role = "write"
    """Of somebody who may push."""

    def __init__(self, stand_in: StandIn, forge: Forge, store: Store, folder: Path) -> None:
        self.stand_in = stand_in
        self.world = stand_in.world
        self.forge = forge
        self.store = store
        self.folder = folder
        self.repo: Repo = self.world.add_repo("acme/ledger", FILES)
        self.dev = self.world.add_user("dev", self.repo, self.role)
        app = FastAPI()
        app.include_router(forge_router(forge))
        self.web = TestClient(app, raise_server_exceptions=True)

    def issue(self, title: str = "Sums are wrong", body: str = "The tests fail.") -> int:
        number: int = self.world.add_issue(self.repo, title, body, "dev")["number"]
        return number

    def deliver(self, event: str, payload: dict[str, Any], **more: Any) -> dict[str, Any]:
        headers, body = self.stand_in.request(event, payload, **more)
        answer = self.web.post(f"/{self.forge.name}/webhook", headers=headers, content=body)
        return {"status_code": answer.status_code, **answer.json()}

    def handle(self) -> None:
        """Work off the inbox."""
        intake = Intake(self.forge)
        for delivery_id in self.forge.inbox.due():
            intake.handle(delivery_id)

    def publish(self, job_id: str | None = None) -> None:
        """Publish what changed, as the service does."""
        publisher = Publisher(self.forge)
        for job in [self.store.job(job_id)] if job_id else self.store.jobs():
            publisher.publish(job.id)

    def job(self) -> Job:
        """The only job there is."""
        (job,) = self.store.jobs()
        return job

    def end(self, job: Job, result: RepairResult | None = None) -> None:
        """A worker ends the job, by default with the patch."""
        claim = self.store.claim(job.id, "test")
        assert claim is not None
        result = result or repaired(job.id)
        path = self.folder / f"{job.id}.json"
        write_result(result, path)
        patch = result.patch.diff if result.patch else None
        self.store.finish(claim, result, path.read_text(), patch)

    def comments(self, number: int) -> list[str]:
        return [one["body"] for one in self.repo.comments.values() if one["issue"] == number]

    def calls(self, method: str, ending: str = "") -> int:
        return sum(m == method and p.endswith(ending) for m, p in self.world.calls)


class Case(ForgeCase):
    """One service and one GitHub."""

    def __init__(self, stand_in: StandIn, github: GitHub, store: Store, folder: Path) -> None:
        super().__init__(stand_in, github, store, folder)
        self.github = github

    def surroundings(self, **more: str) -> dict[str, str]:
        """Environment of a process that shares the service's folders."""
        own = {
            "REPAIR_STATE_DIR": str(self.folder / "state"),
            "REPAIR_GITHUB_FOLDER": str(self.folder / "github"),
            "PYTHONPATH": str(TOP),
            **more,
        }
        return {**os.environ, **own}

    def as_app(self, **more: str) -> dict[str, str]:
        """`surroundings` of a process that is the App of this case."""
        return self.surroundings(
            REPAIR_GITHUB_APP_ID=str(self.world.app_id),
            REPAIR_GITHUB_PRIVATE_KEY=self.world.private_key.replace("\n", "\\n"),
            REPAIR_GITHUB_WEBHOOK_SECRET=self.world.webhook_secret,
            REPAIR_GITHUB_API_URL=self.stand_in.api_url,
            REPAIR_GITHUB_WEB_URL=self.stand_in.url,
            REPAIR_GITHUB_WRITE_INTERVAL_SECONDS="0",
            **more,
        )


def started(case: Case) -> tuple[int, Job]:
    number = case.issue()
    case.deliver("issues", labelled(number))
    case.handle()
    return number, case.job()


def published(repo: Repo) -> dict[str, int]:
    """How many of each side effect there are."""
    branches = repo.git("for-each-ref", "--format=%(refname)", "refs/heads/repair").split()
    return {
        "branch": len(branches),
        "pull": len(repo.pulls),
        "comment": len(repo.comments),
        "check": len(repo.checks),
    }


def repaired(run_id: str, old: str = CODE, new: str = MENDED, **more: Any) -> RepairResult:
    diff = unified_diff({"ledger.py": (old.encode(), new.encode())})
    candidate = CandidatePatch(
        edits=(SourceEdit("ledger.py", 0, len(old), new),),
        proposer="search",
        operator="arithmetic.drop",
        description="`sum(numbers) - 1` → `sum(numbers)` in ledger.py:2",
    )
    verdict = Verdict(
        plausible=True,
        fail_to_pass={"tests/test_ledger.py::test_total": "passed"},
        pass_to_pass={"tests/test_ledger.py::test_type": "passed"},
    )
    patch = PlausiblePatch(candidate=candidate, diff=diff_text(diff), verdict=verdict)
    return RepairResult(
        run_id=run_id,
        status=Status.REPAIRED,
        reason="`sum(numbers) - 1` → `sum(numbers)` in ledger.py:2",
        patch=patch,
        baseline=a_baseline(),
        candidates_tried=12,
        **more,
    )


def not_repaired(run_id: str, status: Status = Status.NOT_REPAIRED) -> RepairResult:
    line = SuspiciousLine(path="ledger.py", line=2, score=0.9, ochiai=0.9, dstar=4.0)
    return RepairResult(
        run_id=run_id,
        status=status,
        reason="everything worth trying was tried",
        baseline=a_baseline(),
        suspicious=(line,),
        candidates_tried=500,
    )


def a_baseline() -> Baseline:
    return Baseline(
        failing=("tests/test_ledger.py::test_total",),
        passing=("tests/test_ledger.py::test_type",),
    )


@contextmanager
def running_case(
    folder: Path, database_url: str = "", public_url: str | None = None, **settings: Any
) -> Iterator[Case]:
    """A service and a stand-in, both of this test's own; on SQLite where no URL is given."""
    (folder / "git").mkdir()
    with running_stand_in(folder / "git") as stand_in:
        world = stand_in.world
        chosen: dict[str, Any] = {
            "folder": folder / "github",
            "app_id": world.app_id,
            "bot_id": BOT_ID,
            "private_key": SecretStr(world.private_key),
            "webhook_secret": SecretStr(world.webhook_secret),
            "api_url": stand_in.api_url,
            "web_url": stand_in.url,
            "write_interval_seconds": 0,
            **settings,
        }
        where = {"database_url": database_url} if database_url else {}
        store = open_store(ServiceSettings(state_dir=folder / "state", **where))
        store.migrate()
        github = open_github(GitHubSettings(**chosen), store, public_url)
        try:
            case = Case(stand_in, github, store, folder)
            with case.web:  # one event loop for all requests, as a server has
                yield case
        finally:
            github.close()
            store.close()


def wait_until(true: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def policy_file(folder: Path, text: str) -> Path:
    path = folder / "policy.toml"
    path.write_text(text)
    return path


def as_json(record: object) -> str:
    return json.dumps(record)

"""What GitHub shows of a job. Lines 58 and 62 of the abuse list."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from agent.records import Status
from tests.support.github_case import (
    FILES,
    MENDED,
    ONE_OF_EACH,
    Case,
    not_repaired,
    published,
    repaired,
    running_case,
    started,
)
from tests.support.github_payloads import labelled
from tests.support.github_stand_in.world import Refused
from workers.forges.errors import AlreadyPublishing, RateLimited, Unreachable
from workers.forges.publish.comment import STAGES
from workers.forges.publish.publisher import Publisher
from workers.github.api.tokens import PlainToken
from workers.records import STAGE_KIND, NewEvent, Topic
from workers.store.clock import database_now
from workers.store.database import reading
from workers.store.outbox import STAGE_PAUSE_SECONDS
from workers.store.store import Store
from workers.store.tables import outbox


def clone(case: Case, branch: str, into: Path) -> None:
    words = ["git", "clone", "--quiet", "--branch", branch, str(case.repo.folder), str(into)]
    subprocess.run(words, check=True)


def test_a_repair_becomes_a_draft_pull_request_that_is_green(
    any_case: Case, tmp_path: Path
) -> None:
    number, job = started(any_case)
    any_case.publish()
    assert "Waiting for a worker, number 1 in line" in any_case.comments(number)[0]
    any_case.end(job)
    any_case.publish()
    assert published(any_case.repo) == ONE_OF_EACH
    (opened,) = any_case.repo.pulls.values()
    assert opened["draft"]
    assert opened["base"]["ref"] == "main"
    assert f"For #{number}" in opened["body"], "no test was made of the issue"
    assert "**Not checked**" in opened["body"]
    assert "tests/test_ledger.py::test_total" in opened["body"]
    (comment,) = any_case.comments(number)
    assert f"#{opened['number']}" in comment
    (check,) = any_case.repo.checks.values()
    assert (check["status"], check["conclusion"]) == ("completed", "neutral")
    assert '"schema": "repair-result/1"' in check["output"]["text"]
    assert f"/acme/ledger/runs/{check['id']})" in opened["body"]
    clone(any_case, opened["head"]["ref"], tmp_path / "clone")
    assert (tmp_path / "clone" / "ledger.py").read_text() == MENDED
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    assert subprocess.run(run, cwd=tmp_path / "clone", check=False).returncode == 0


def test_publishing_again_changes_nothing(case: Case) -> None:
    _, job = started(case)
    case.end(job)
    for _ in range(3):
        case.publish()
    assert published(case.repo) == ONE_OF_EACH
    assert case.calls("PUSH") == 1


class Killed(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", range(4))
def test_a_crash_around_a_side_effect_leaves_one_of_each(
    case: Case, impatient: None, monkeypatch: pytest.MonkeyPatch, step: int, when: str
) -> None:
    """`before`: recorded and not done; `after`: done and not recorded."""
    _, job = started(case)
    case.end(job)
    name = "begin" if when == "before" else "complete"
    inner: Callable[..., Any] = getattr(Store, name)
    calls = 0

    def dying(self: Store, *arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if when == "before":
            inner(self, *arguments)
        if calls == step + 1:
            raise Killed
        return inner(self, *arguments)

    monkeypatch.setattr(Store, name, dying)
    with pytest.raises(Killed):
        case.publish()
    monkeypatch.setattr(Store, name, inner)
    case.publish()
    assert published(case.repo) == ONE_OF_EACH


@pytest.mark.parametrize(
    ("method", "ending"),
    [("POST", "/pulls"), ("POST", "/comments"), ("POST", "/check-runs"), ("PUSH", "receive-pack")],
)
def test_an_answer_that_is_lost_leaves_one_of_each(
    case: Case, impatient: None, method: str, ending: str
) -> None:
    _, job = started(case)
    case.end(job)
    case.world.cut_after = lambda m, p: (m == method) and p.endswith(ending)
    with pytest.raises(Unreachable):
        case.publish()
    case.world.cut_after = lambda m, p: False
    case.publish()
    assert published(case.repo) == ONE_OF_EACH


def test_two_processes_publish_at_once(any_case: Case) -> None:
    _, job = started(any_case)
    any_case.end(job)

    def publish(_: int) -> None:
        with suppress(AlreadyPublishing):
            Publisher(any_case.github).publish(job.id)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(publish, range(4)))
    any_case.publish()
    assert published(any_case.repo) == ONE_OF_EACH


def test_a_token_that_expired_before_the_pull_request_is_minted_again(case: Case) -> None:
    _, job = started(case)
    case.end(job)

    def expire(method: str, path: str) -> Refused | None:
        if method == "POST" and path.endswith("/pulls") and case.calls("POST", "/pulls") == 1:
            case.world.expire_tokens()
        return None

    case.world.answers.append(expire)
    case.publish()
    assert published(case.repo) == ONE_OF_EACH
    assert case.calls("POST", "/pulls") == 2


def test_a_token_that_expired_before_the_push_is_minted_again(case: Case) -> None:
    _, job = started(case)
    case.end(job)
    pushes = 0

    def expire(method: str, path: str) -> Refused | None:
        nonlocal pushes
        if method == "GIT" and "info/refs" in path:
            pushes += 1
            if pushes == 1:
                case.world.expire_tokens()
                return Refused(401, "", headers={"WWW-Authenticate": "Basic"})
        return None

    case.world.answers.append(expire)
    case.publish()
    assert published(case.repo) == ONE_OF_EACH


def test_tokens_are_narrowed_to_the_repository_and_what_is_needed(case: Case) -> None:
    case.world.add_repo("acme/other", {"a.py": ""})
    _, job = started(case)
    case.end(job)
    case.publish()
    for token in case.world.tokens.values():
        assert token.repositories == {"acme/ledger"}
        assert "administration" not in token.permissions
    assert any(t.permissions.get("contents") == "read" for t in case.world.tokens.values())


def test_a_rate_limit_is_waited_for(case: Case) -> None:
    _, job = started(case)
    case.end(job)
    limit = Refused(403, "You have exceeded a secondary rate limit", headers={"Retry-After": "7"})
    case.world.answers.append(lambda m, p: limit if m == "POST" and p.endswith("/pulls") else None)
    with pytest.raises(RateLimited) as limited:
        case.publish()
    assert limited.value.retry_after_seconds == 7
    before = len(case.world.calls)
    with pytest.raises(RateLimited):
        case.publish()
    assert case.calls("POST", "/pulls") == 1, "not even tried while limited"
    assert len(case.world.calls) - before <= 20


@pytest.mark.parametrize(
    "status",
    [
        Status.NOT_REPAIRED,
        Status.BUDGET_EXHAUSTED,
        Status.FLAKY,
        Status.NO_TESTS,
        Status.ENVIRONMENT_BROKEN,
        Status.NOT_REPRODUCED,
        Status.NOTHING_TO_FIX,
    ],
)
def test_what_is_no_repair_says_what_was_found(case: Case, status: Status) -> None:
    number, job = started(case)
    case.end(job, not_repaired(job.id, status))
    case.publish()
    (comment,) = case.comments(number)
    assert "ledger.py:2" in comment
    assert "500 candidates" in comment
    assert case.repo.pulls == {}
    (check,) = case.repo.checks.values()
    assert check["conclusion"] == ("success" if status is Status.NOTHING_TO_FIX else "neutral")


def test_where_there_are_no_drafts_it_is_a_plain_pull_request(case: Case) -> None:
    case.world.drafts = False
    number, job = started(case)
    case.end(job)
    for _ in range(2):
        case.publish()
        assert published(case.repo) == ONE_OF_EACH
        (opened,) = case.repo.pulls.values()
        assert not opened["draft"]
        assert f"\nPull request: #{opened['number']}\n" in case.comments(number)[0]


@pytest.mark.parametrize(("status", "error"), [(502, Unreachable), (403, None)])
def test_no_name_is_taken_for_a_word_about_drafts(
    case: Case, impatient: None, status: int, error: type[Exception] | None
) -> None:
    name = "draft/draft-js"
    repo = case.world.add_repo(name, FILES)
    case.world.add_user("dev", repo, "write")
    number = case.world.add_issue(repo, "Sums are wrong", "The tests fail.", "dev")["number"]
    case.deliver("issues", labelled(number, name=name))
    case.handle()
    case.end(case.job())
    fault = Refused(status, f"no pull request from {name}")
    case.world.answers.append(lambda m, p: fault if m == "POST" and p.endswith("/pulls") else None)
    with pytest.raises(error) if error else nullcontext():
        case.publish()
    assert case.calls("POST", "/pulls") == 1
    assert repo.pulls == {}
    case.world.answers.clear()
    case.publish()
    (opened,) = repo.pulls.values()
    assert opened["draft"]
    (comment,) = (one["body"] for one in repo.comments.values())
    assert f"Draft pull request: #{opened['number']}" in comment


def test_a_plain_token_serves_one_repository(tmp_path: Path) -> None:
    nothing = {"app_id": None, "private_key": None, "bot_id": None}
    with running_case(tmp_path, token="to be replaced", **nothing) as case:
        rights = {
            "contents": "write",
            "issues": "write",
            "metadata": "read",
            "pull_requests": "write",
        }
        value = case.world.add_personal_token("keeper", case.repo, rights)
        object.__setattr__(case.github, "tokens", PlainToken(SecretStr(value)))
        _, job = started(case)
        case.end(job)
        case.publish()
        assert published(case.repo) == {**ONE_OF_EACH, "check": 0}


def test_hostile_words_are_shown_and_nothing_else(case: Case) -> None:
    """Line 46: what the repository says mentions nobody, closes nothing and leaks nothing."""
    number, job = started(case)
    token = "ghs_" + "a1" * 18
    hostile = f"@everyone fixes #1 `` ``` <img src=x> \x1b[31m \u202e {token}"
    result = repaired(job.id)
    assert result.patch is not None
    verdict = dataclasses.replace(result.patch.verdict, fail_to_pass={hostile: "passed"})
    candidate = dataclasses.replace(result.patch.candidate, description=hostile)
    patch = dataclasses.replace(
        result.patch, verdict=verdict, candidate=candidate, cautions=(hostile,)
    )
    case.end(job, dataclasses.replace(result, reason=hostile, patch=patch))
    case.publish()
    (opened,) = case.repo.pulls.values()
    message = case.repo.git("log", "-1", "--format=%B", opened["head"]["ref"])
    for text in (opened["title"], message):
        assert "@everyone" not in text
        assert "#1" not in text
    for text in (opened["title"], message, opened["body"], *case.comments(number)):
        assert token not in text
        assert "\x1b" not in text
        assert "\u202e" not in text


def test_a_huge_result_fits(case: Case) -> None:
    number, job = started(case)
    result = repaired(job.id)
    names = tuple(f"tests/test_ledger.py::test_{'x' * 280}_{n}" for n in range(5000))
    baseline = dataclasses.replace(result.baseline, failing=names, passing=names)
    case.end(job, dataclasses.replace(result, baseline=baseline))
    case.publish()
    (opened,) = case.repo.pulls.values()
    assert len(opened["body"]) <= 65_536
    assert all(len(body) <= 65_536 for body in case.comments(number))


def test_no_token_is_in_any_address(case: Case) -> None:
    _, job = started(case)
    case.end(job)
    case.publish()
    assert not any(token in path for token in case.world.tokens for _, path in case.world.calls)


def test_the_comment_and_the_check_follow_the_stages_and_lead_to_the_page(tmp_path: Path) -> None:
    with running_case(tmp_path, public_url="https://repair.example.org") as case:
        number, job = started(case)
        case.publish()
        claim = case.store.claim(job.id, "test")
        assert claim is not None
        for stage in ("baseline", "propose"):
            case.store.append(claim, [NewEvent(kind=STAGE_KIND, data={"stage": stage})])
            case.publish()
            (comment,) = case.comments(number)
            assert STAGES[stage] in comment
            assert f"(https://repair.example.org/jobs/{job.id})" in comment
            (check,) = case.repo.checks.values()
            assert (check["status"], check["output"]["summary"]) == ("in_progress", STAGES[stage])


def test_a_new_stage_of_a_job_of_github_is_published_in_a_moment(any_case: Case) -> None:
    _, job = started(any_case)
    store = any_case.store
    claim = store.claim(job.id, "test")
    assert claim is not None
    for entry in store.unpublished(Topic.PUBLISH):
        taken = store.take_publishing(entry.job_id)
        assert taken is not None
        store.append(claim, [NewEvent(kind=STAGE_KIND, data={"stage": "prepare"})])
        store.settle(taken)
    assert store.unpublished(Topic.PUBLISH) == [], "not at once"
    with reading(store.engine) as connection:
        query = select(outbox.c.due_at, database_now()).where(outbox.c.topic == Topic.PUBLISH)
        due_at, clock = connection.execute(query).one()
    assert due_at - clock <= timedelta(seconds=STAGE_PAUSE_SECONDS)


def test_an_open_pull_request_with_the_same_patch_is_pointed_to(case: Case) -> None:
    case.world.commit(case.repo, "by-hand", {"ledger.py": MENDED}, "Mine", start="main")
    theirs = case.world.add_pull(case.repo, head="by-hand", base="main", author="dev")["number"]
    number, job = started(case)
    case.end(job)
    case.publish()
    case.publish()
    assert len(case.repo.pulls) == 1
    assert case.repo.tip(f"repair/{job.id}") is None
    (comment,) = case.comments(number)
    assert f"holds the same patch already: #{theirs}" in comment


@pytest.mark.parametrize("other", ["closed", "more", "base"])
def test_another_pull_request_is_not_taken_for_the_same(case: Case, other: str) -> None:
    files = {"ledger.py": MENDED} | ({"more.py": "x = 1\n"} if other == "more" else {})
    case.world.commit(case.repo, "release", {"r.py": ""}, "Release", start="main")
    case.world.commit(case.repo, "by-hand", files, "Mine", start="main")
    base = "release" if other == "base" else "main"
    theirs = case.world.add_pull(case.repo, head="by-hand", base=base, author="dev")
    theirs["state"] = "closed" if other == "closed" else "open"
    number, job = started(case)
    case.end(job)
    case.publish()
    assert len(case.repo.pulls) == 2
    assert "same patch already" not in case.comments(number)[0]


def test_two_issues_of_one_fault_get_one_pull_request(case: Case) -> None:
    _, first = started(case)
    case.end(first)
    case.publish(first.id)
    number = case.issue("The same fault")
    case.deliver("issues", labelled(number))
    case.handle()
    (second,) = (job for job in case.store.jobs() if job.id != first.id)
    case.end(second)
    case.publish(second.id)
    (opened,) = case.repo.pulls.values()
    assert f"#{opened['number']}" in case.comments(number)[0]

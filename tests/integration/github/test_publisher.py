"""What GitHub shows of a job. Lines 58 and 62 of the abuse list."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from github_case import CODE, MENDED, Case, not_repaired, repaired, running_case
from github_payloads import commented, labelled, pull
from github_stand_in.world import Refused, Repo
from pydantic import SecretStr

from agent.job import Status
from workers.github.errors import PublishingElsewhere, RateLimited, Unreachable
from workers.github.publisher import Publisher
from workers.github.tokens import PlainToken
from workers.job import Job
from workers.store.store import Store

BROKEN = CODE + "\n\ndef mean(numbers):\n    return total(numbers) / 2\n"


def started(case: Case) -> tuple[int, Job]:
    number = case.issue()
    case.deliver("issues", labelled(number))
    case.handle()
    return number, case.job()


def clone(case: Case, branch: str, into: Path) -> None:
    words = ["git", "clone", "--quiet", "--branch", branch, str(case.repo.folder), str(into)]
    subprocess.run(words, check=True)


def published(repo: Repo) -> dict[str, int]:
    """How many of each side effect there are."""
    branches = repo.git("for-each-ref", "--format=%(refname)", "refs/heads/repair").split()
    return {
        "branch": len(branches),
        "pull": len(repo.pulls),
        "comment": len(repo.comments),
        "check": len(repo.checks),
    }


ONE_OF_EACH = {"branch": 1, "pull": 1, "comment": 1, "check": 1}


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
    assert f"Fixes #{number}" in opened["body"]
    assert "tests/test_ledger.py::test_total" in opened["body"]
    assert '"schema": "repair-result/1"' in opened["body"]
    (comment,) = any_case.comments(number)
    assert f"#{opened['number']}" in comment
    (check,) = any_case.repo.checks.values()
    assert (check["status"], check["conclusion"]) == ("completed", "neutral")
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
        with suppress(PublishingElsewhere):
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


def test_a_target_that_moved_is_said_so(case: Case) -> None:
    number, job = started(case)
    case.end(job)
    head = case.world.commit(case.repo, "main", {"other.py": "x = 1\n"}, "Meanwhile")
    case.publish()
    assert published(case.repo) == ONE_OF_EACH
    (comment,) = case.comments(number)
    (opened,) = case.repo.pulls.values()
    for said in (comment, opened["body"]):
        assert f"`main` is at `{head}` now" in said
        assert f"All this is about `{job.request.repair.at}`" in said
        assert f"`/repair` in #{number} looks at the newest commit" in said
    assert "run the tests before you merge" in opened["body"]


def test_a_patch_whose_target_moved_is_judged_again_on_the_same_pull_request(
    open_case: Case,
) -> None:
    case = open_case
    number, job = started(case)
    case.end(job)
    head = case.world.commit(case.repo, "main", {"other.py": "x = 1\n"}, "Meanwhile")
    case.publish()
    case.publish()
    assert "Another job tries the patch there" in case.comments(number)[0]
    case.handle()
    second, first = case.store.jobs()
    asked = second.request.repair
    assert first.id == job.id
    assert asked.at == head
    assert asked.first_try == case.store.result(job.id).patch  # type: ignore[union-attr]
    assert asked.problem_statement == job.request.repair.problem_statement
    case.end(second)
    case.world.commit(case.repo, "main", {"other.py": "x = 2\n"}, "And again")
    case.publish(second.id)
    (opened,) = case.repo.pulls.values()
    assert case.repo.git("log", "-1", "--format=%P", opened["head"]["ref"]) == head
    assert second.id in opened["body"]
    case.handle()
    assert len(case.store.jobs()) == 2, "a busy branch moves for ever"


def test_a_target_that_is_gone_is_said_so(case: Case) -> None:
    number, job = started(case)
    case.end(job)
    case.repo.git("update-ref", "-d", "refs/heads/main")
    case.publish()
    (comment,) = case.comments(number)
    assert "`main` is gone now" in comment
    assert "No pull request could be made" in comment
    assert "```diff" in comment, "the patch is shown there instead"
    assert case.repo.pulls == {}


def test_a_branch_somebody_else_changed_is_left_alone(case: Case) -> None:
    number, job = started(case)
    case.end(job)
    theirs = case.world.commit(case.repo, f"repair/{job.id}", {"x.py": ""}, "Mine", start="main")
    case.publish()
    assert case.repo.tip(f"repair/{job.id}") == theirs
    assert "changed by somebody else" in case.comments(number)[0]


def on_pull(case: Case, *, fork: str | None = None) -> tuple[int, Job]:
    case.world.commit(case.repo, "feature", {"ledger.py": BROKEN}, "Mean", start="main")
    number = case.world.add_pull(case.repo, head="feature", base="main", author="dev", fork=fork)[
        "number"
    ]
    case.deliver("issue_comment", commented("/repair", number, on_pull=True))
    case.handle()
    return number, case.job()


def test_a_patch_on_a_pull_requests_own_lines_becomes_suggestions(case: Case) -> None:
    number, job = on_pull(case)
    mended = BROKEN.replace("/ 2", "/ len(numbers)")
    case.end(job, repaired(job.id, BROKEN, mended))
    case.publish()
    case.publish()
    (review,) = case.repo.reviews.values()
    (suggestion,) = review["comments"]
    assert (suggestion["path"], suggestion["line"]) == ("ledger.py", 6)
    assert suggestion["body"] == "```suggestion\n    return total(numbers) / len(numbers)\n```"
    assert len(case.repo.pulls) == 1
    assert "suggestions" in case.comments(number)[0]


def test_a_patch_elsewhere_becomes_a_pull_request_onto_the_branch(case: Case) -> None:
    case.world.commit(case.repo, "feature", {"other.py": "x = 1\n"}, "Other", start="main")
    pull = case.world.add_pull(case.repo, head="feature", base="main", author="dev")
    number = pull["number"]
    case.deliver("issue_comment", commented("/repair", number, on_pull=True))
    case.handle()
    job = case.job()
    case.end(job)
    case.publish()
    opened = case.repo.pulls[max(case.repo.pulls)]
    assert (opened["base"]["ref"], opened["head"]["ref"]) == ("feature", f"repair/{job.id}")
    assert f"For #{number}" in opened["body"]
    assert case.repo.reviews == {}


def test_a_fork_gets_words_and_no_branch(case: Case) -> None:
    number, job = on_pull(case, fork="mallory/ledger")
    case.end(job, repaired(job.id, BROKEN, "# far away\n" + BROKEN))
    case.world.commit(case.repo, "feature", {"z.py": ""}, "Moves")
    case.publish()
    assert case.repo.git("for-each-ref", "refs/heads/repair") == ""
    assert case.repo.reviews == {}
    assert "```diff" in case.comments(number)[-1]


def test_a_review_starts_another_round_on_the_same_branch(open_case: Case) -> None:
    case = open_case
    _, job = started(case)
    case.end(job)
    case.publish()
    (opened,) = case.repo.pulls.values()
    branch, first = opened["head"]["ref"], case.repo.tip(opened["head"]["ref"])
    review = {"id": 5, "state": "changes_requested", "body": "Keep the type"}
    payload = pull("submitted", opened["number"], ref=branch, sha=first, review=review)
    case.deliver("pull_request_review", payload)
    case.handle()
    second = case.store.jobs()[0]
    assert second.id != job.id
    assert second.request.repair.at == job.request.repair.at
    assert "Keep the type" in (second.request.repair.problem_statement or "")
    assert "-    return sum(numbers) - 1" in (second.request.repair.problem_statement or "")
    other = MENDED.replace("sum(numbers)", "int(sum(numbers))")
    case.end(second, repaired(second.id, CODE, other))
    case.publish(second.id)
    assert case.repo.git("show", f"{branch}:ledger.py") + "\n" == other
    assert len(case.repo.pulls) == 1
    assert second.id in case.repo.pulls[opened["number"]]["body"]


def test_a_branch_with_commits_of_others_gets_no_second_round(open_case: Case) -> None:
    case = open_case
    _, job = started(case)
    case.end(job)
    case.publish()
    (opened,) = case.repo.pulls.values()
    case.world.commit(case.repo, opened["head"]["ref"], {"mine.py": ""}, "Mine")
    review = {"id": 5, "state": "changes_requested", "body": "More"}
    payload = pull("submitted", opened["number"], ref=opened["head"]["ref"], review=review)
    case.deliver("pull_request_review", payload)
    case.handle()
    case.job()
    assert "commits of others" in case.comments(opened["number"])[0]


def test_where_there_are_no_drafts_it_is_a_plain_pull_request(case: Case) -> None:
    case.world.drafts = False
    _, job = started(case)
    case.end(job)
    case.publish()
    assert published(case.repo) == ONE_OF_EACH


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

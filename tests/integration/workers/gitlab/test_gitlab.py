"""From a delivery of GitLab to a draft merge request, and what stands in the way."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.github_case import CODE, MENDED, not_repaired, repaired
from tests.support.gitlab_case import GitLabCase
from tests.support.gitlab_payloads import (
    issue_labelled,
    issue_noted,
    pipeline,
    request_noted,
    user,
)
from tests.support.gitlab_stand_in.world import BOT, BOT_ID
from workers.forges.api.repository import Thread
from workers.forges.errors import NotVisible, Unreachable
from workers.forges.intake.inbox import Outcome
from workers.records import Job, Topic


def started(case: GitLabCase) -> tuple[int, Job]:
    number = case.issue()
    assert case.deliver("Issue Hook", issue_labelled(number))["status_code"] == 202
    case.handle()
    return number, case.job()


def made(case: GitLabCase) -> dict[str, int]:
    branches = case.repo.git("for-each-ref", "--format=%(refname)", "refs/heads/repair").split()
    return {
        "branch": len(branches),
        "request": len(case.repo.pulls),
        "note": len(case.repo.comments),
        "status": len(case.gitlab_world.statuses),
    }


ONE_OF_EACH = {"branch": 1, "request": 1, "note": 1, "status": 1}


def test_a_repair_becomes_a_draft_merge_request(case: GitLabCase, tmp_path: Path) -> None:
    number, job = started(case)
    assert job.request.origin == "gitlab"
    assert job.request.owner == "gitlab:dev"
    assert job.request.repository.endswith("/acme/ledger")
    case.publish()
    (note,) = case.notes("issues", number)
    assert "Waiting for a worker" in note["body"]
    assert case.gitlab_world.statuses[0]["status"] == "pending"
    case.end(job)
    case.publish()
    assert made(case) == ONE_OF_EACH
    (request,) = case.repo.pulls.values()
    assert request["title"].startswith("Draft: Repair")
    assert request["draft"]
    assert request["target_branch"] == "main"
    assert f"For #{number}" in request["description"], "no test was made of the issue"
    (note,) = case.notes("issues", number)
    assert f"Draft merge request: !{request['iid']}" in note["body"]
    (status,) = case.gitlab_world.statuses
    assert (status["status"], status["name"]) == ("success", "Repair")
    assert status["target_url"] == f"https://repair.example.com/jobs/{job.id}"
    assert case.gitlab_world.quick_actions == []
    clone = ["git", "clone", "--quiet", "--branch", request["source_branch"]]
    subprocess.run([*clone, str(case.repo.folder), str(tmp_path / "clone")], check=True)
    assert (tmp_path / "clone" / "ledger.py").read_text() == MENDED


def test_publishing_again_changes_nothing(case: GitLabCase) -> None:
    _, job = started(case)
    case.publish()
    case.publish()
    case.end(job)
    for _ in range(3):
        case.publish()
    assert made(case) == ONE_OF_EACH
    assert case.calls("PUSH") == 1
    assert case.calls("POST", f"/statuses/{job.request.repair.at}") == 2, "pending, success"


@pytest.mark.parametrize(
    ("method", "ending"),
    [("POST", "/merge_requests"), ("POST", "/notes"), ("PUSH", "receive-pack")],
)
def test_an_answer_that_is_lost_leaves_one_of_each(
    case: GitLabCase, impatient: None, method: str, ending: str
) -> None:
    _, job = started(case)
    case.end(job)
    case.world.cut_after = lambda m, p: (m == method) and p.endswith(ending)
    with pytest.raises(Unreachable):
        case.publish()
    case.world.cut_after = lambda m, p: False
    case.publish()
    assert made(case) == ONE_OF_EACH


def test_publishings_are_found_by_their_forge(case: GitLabCase) -> None:
    _, job = started(case)
    of_gitlab = case.store.unpublished(Topic.PUBLISH, origin="gitlab")
    assert [entry.job_id for entry in of_gitlab] == [job.id]
    assert case.store.unpublished(Topic.PUBLISH, origin="github") == []


def strangers(case: GitLabCase) -> dict[str, int]:
    """Login → id of accounts that may not push."""
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    case.gitlab_world.ends["gone"] = yesterday
    case.gitlab_world.states["blocked"] = "blocked"
    roles = {"reporter": "reporter", "gone": "owner", "blocked": "maintainer", "nobody": None}
    return {login: case.world.add_user(login, case.repo, role) for login, role in roles.items()}


@pytest.mark.parametrize("login", ["reporter", "gone", "blocked", "nobody"])
def test_who_may_not_push_may_not_ask(case: GitLabCase, login: str) -> None:
    who = user(login, strangers(case)[login])
    number = case.issue()
    note = case.gitlab.repository(f"{case.gitlab.settings.server}/acme/ledger")
    note_id = note.comment(Thread(number), "stands for theirs")
    case.deliver("Note Hook", issue_noted("/repair", number, who=who, id=note_id))
    case.handle()
    assert case.store.jobs() == []
    (entry,) = case.forge.inbox.newest()
    assert entry.outcome is Outcome.REFUSED
    (comment,) = case.notes("issues", number)
    assert [one["name"] for one in comment["awards"]] == ["thumbsdown"]


def test_a_name_that_another_account_took_may_not_ask(case: GitLabCase) -> None:
    """Permission is asked for by id."""
    case.deliver("Issue Hook", issue_labelled(case.issue(), who=user("dev", 999)))
    case.handle()
    assert case.store.jobs() == []


def test_the_service_does_not_listen_to_itself(case: GitLabCase) -> None:
    case.deliver("Issue Hook", issue_labelled(case.issue(), who=user(BOT, BOT_ID)))
    case.handle()
    (entry,) = case.forge.inbox.newest()
    assert (entry.outcome, entry.reason) == (Outcome.IGNORED, "this service did that itself")


def test_help_is_answered_where_it_was_asked_for(case: GitLabCase) -> None:
    request = case.world.add_pull(case.repo, head="main", base="main", author="dev")
    case.deliver("Note Hook", request_noted("/repair help", request["iid"]))
    case.handle()
    (note,) = case.notes("merge_requests", request["iid"])
    assert "at the head of this merge request" in note["body"]
    assert case.gitlab_world.quick_actions == []


def test_commits_of_a_fork_are_never_pushed(case: GitLabCase) -> None:
    case.world.commit(case.repo, "feature", {"other.py": "x = 1\n"}, "Theirs", start="main")
    request = case.world.add_pull(
        case.repo, head="feature", base="main", author="dev", fork="eve/ledger"
    )
    case.deliver("Note Hook", request_noted("/repair", request["iid"]))
    case.handle()
    case.end(case.job())
    case.publish()
    assert case.calls("PUSH") == 0
    assert len(case.repo.pulls) == 1
    (note,) = case.notes("merge_requests", request["iid"])
    assert "The merge request comes from a fork" in note["body"]
    assert "```diff" in note["body"]


def test_on_a_merge_request_the_draft_goes_onto_its_branch(case: GitLabCase) -> None:
    case.world.commit(case.repo, "feature", {"other.py": "x = 1\n"}, "Ours", start="main")
    request = case.world.add_pull(case.repo, head="feature", base="main", author="dev")
    case.deliver("Note Hook", request_noted("/repair", request["iid"]))
    case.handle()
    case.end(case.job())
    case.publish()
    draft = case.repo.pulls[2]
    assert draft["target_branch"] == "feature"
    assert "For !1" in draft["description"]


def test_an_open_merge_request_with_the_same_patch_is_pointed_to(case: GitLabCase) -> None:
    number, job = started(case)
    case.world.commit(case.repo, "mine", {"ledger.py": MENDED}, "Mend", start="main")
    other = case.world.add_pull(case.repo, head="mine", base="main", author="dev")
    case.end(job)
    case.publish()
    (note,) = case.notes("issues", number)
    assert f"An open merge request holds the same patch already: !{other['iid']}" in note["body"]
    assert len(case.repo.pulls) == 1


def test_a_comment_on_a_line_of_the_draft_begins_another_round(open_case: GitLabCase) -> None:
    case = open_case
    _, job = started(case)
    case.end(job)
    case.publish()
    (request,) = case.repo.pulls.values()
    request["draft"], request["title"] = False, "ready"
    payload = request_noted(
        "Not like this",
        request["iid"],
        branch=request["source_branch"],
        position={"new_path": "ledger.py", "new_line": 2},
    )
    case.deliver("Note Hook", payload)
    case.handle()
    second = next(one for one in case.store.jobs() if one.id != job.id)
    assert "ledger.py:2: Not like this" in (second.request.repair.problem_statement or "")
    case.end(second, repaired(second.id, CODE, MENDED.replace("sum", "0 + sum")))
    case.publish(second.id)
    (request,) = case.repo.pulls.values()
    assert second.id in request["description"]
    assert not request["draft"], "somebody marked it as ready"
    (note,) = case.notes("merge_requests", request["iid"])
    assert "The patch of this merge request was replaced" in note["body"]


def test_a_failed_pipeline_starts_a_repair_where_the_policy_says_so(open_case: GitLabCase) -> None:
    case = open_case
    tip = case.repo.tip("main")
    assert tip is not None
    case.deliver("Pipeline Hook", pipeline(sha=tip))
    case.handle()
    assert case.job().request.repair.at == tip
    case.publish()
    assert case.repo.comments == {}, "nobody asked"


def test_what_was_found_without_a_patch_is_no_order_to_gitlab(case: GitLabCase) -> None:
    number, job = started(case)
    case.end(job, not_repaired(job.id))
    case.publish()
    (note,) = case.notes("issues", number)
    assert "No patch was found" in note["body"]
    assert case.repo.pulls == {}
    assert case.gitlab_world.statuses[-1]["status"] == "success", "advice, not a gate"


def test_quick_actions_are_taken_apart(case: GitLabCase) -> None:
    number = case.issue()
    repository = case.gitlab.repository(f"{case.gitlab.settings.server}/acme/ledger")
    comment_id = repository.comment(Thread(number), "/close\n```\n  /approve\n```\na / b")
    repository.edit_comment(Thread(number), comment_id, "/merge")
    assert case.gitlab_world.quick_actions == []
    assert repository.comment_with(Thread(number), "merge") == comment_id


def test_a_job_of_another_server_is_not_shown_on_this_one(case: GitLabCase) -> None:
    with pytest.raises(NotVisible):
        case.gitlab.repository("other.example.com/acme/ledger")


def test_the_secret_is_asked_for_over_http(case: GitLabCase) -> None:
    headers, body = case.stand_in.request("Issue Hook", issue_labelled())
    answer = case.web.post(
        "/gitlab/webhook", headers={**headers, "x-gitlab-token": "x"}, content=body
    )
    assert answer.status_code == 401
    assert case.forge.inbox.newest() == []


def test_a_delivery_that_comes_twice_starts_one_job(case: GitLabCase) -> None:
    payload: dict[str, Any] = issue_labelled(case.issue())
    answers = [case.deliver("Issue Hook", payload)["status"] for _ in range(2)]
    assert answers == ["accepted", "known"]
    case.handle()
    assert len(case.store.jobs()) == 1


def test_the_token_is_in_no_file_of_the_service(case: GitLabCase) -> None:
    _, job = started(case)
    case.end(job)
    case.publish()
    token = case.gitlab_world.token.encode()
    secret = case.gitlab_world.webhook_secret.encode()
    folders = (case.folder / "gitlab", case.folder / "state")
    files = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 3
    for path in files:
        content = path.read_bytes()
        assert token not in content, path
        assert secret not in content, path

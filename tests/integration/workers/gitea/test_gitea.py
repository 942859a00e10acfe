"""From a delivery of Gitea to a draft pull request, and what stands in the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.gitea_case import GiteaCase, running_gitea_case
from tests.support.gitea_payloads import labelled, rejected
from tests.support.github_case import CODE, FILES, MENDED, policy_file, repaired
from tests.support.github_payloads import commented, sender
from workers.forges.errors import Unreachable
from workers.forges.intake.inbox import Outcome
from workers.records import Job
from workers.store import effects


@pytest.fixture
def case(tmp_path: Path) -> Iterator[GiteaCase]:
    policy = policy_file(tmp_path, '[defaults]\ntriggers = ["label", "command", "review"]\n')
    with running_gitea_case(tmp_path, policy=policy) as running:
        yield running


def started(case: GiteaCase) -> tuple[int, Job]:
    number = case.issue()
    assert case.deliver("issues", labelled(number))["status_code"] == 202
    case.handle()
    return number, case.job()


def made(case: GiteaCase) -> tuple[int, int, int, list[str]]:
    """Branches, pull requests, comments; states of the commit."""
    branches = case.repo.git("for-each-ref", "--format=%(refname)", "refs/heads/repair").split()
    states = [one["status"] for one in case.gitea_world.statuses]
    return len(branches), len(case.repo.pulls), len(case.repo.comments), states


def test_a_repair_becomes_a_draft_pull_request(case: GiteaCase) -> None:
    number, job = started(case)
    assert (job.request.origin, job.request.owner) == ("gitea", "gitea:dev")
    case.publish()
    case.publish()
    case.end(job)
    for _ in range(3):
        case.publish()
    assert made(case) == (1, 1, 1, ["pending", "success"])
    assert case.calls("PUSH") == 1
    (opened,) = case.repo.pulls.values()
    assert opened["title"].startswith("WIP: Repair")
    assert opened["draft"]
    assert f"For #{number}" in opened["body"], "no test was made of the issue"
    (comment,) = case.comments(number)
    assert f"Draft pull request: #{opened['number']}" in comment
    assert case.repo.git("show", f"{opened['head']['ref']}:ledger.py") == MENDED.strip()
    status = case.gitea_world.statuses[-1]
    assert status["context"] == "Repair"
    assert status["target_url"] == f"https://repair.example.com/jobs/{job.id}"


@pytest.mark.parametrize(
    ("method", "ending"), [("POST", "/pulls"), ("POST", "/comments"), ("PUSH", "receive-pack")]
)
def test_an_answer_that_is_lost_leaves_one_of_each(
    case: GiteaCase, monkeypatch: pytest.MonkeyPatch, method: str, ending: str
) -> None:
    monkeypatch.setattr(effects, "MAX_EFFECT_SECONDS", -1.0)
    _, job = started(case)
    case.end(job)
    case.world.cut_after = lambda m, p: (m == method) and p.endswith(ending)
    with pytest.raises(Unreachable):
        case.publish()
    case.world.cut_after = lambda m, p: False
    case.publish()
    assert made(case) == (1, 1, 1, ["success"])


@pytest.mark.parametrize("login", ["reader", "nobody", "dev"])
def test_who_may_not_push_may_not_ask(case: GiteaCase, login: str) -> None:
    """`dev` has another account's id."""
    case.world.add_user("reader", case.repo, "read")
    number = case.issue()
    who = sender(login, case.world.users.get(login, 500) + (login == "dev"))
    case.deliver("issue_comment", commented("/repair", number, who=who))
    case.handle()
    assert case.store.jobs() == []
    (entry,) = case.forge.inbox.newest()
    assert entry.outcome is Outcome.REFUSED
    assert case.repo.reactions == {("issues", 9, "-1")}


def test_the_service_does_not_listen_to_itself(case: GiteaCase) -> None:
    own = sender("repair-bot", case.gitea.own_id)
    case.deliver("issues", labelled(case.issue(), who=own))
    case.handle()
    assert case.store.jobs() == []


def test_commits_of_a_fork_are_never_pushed(case: GiteaCase) -> None:
    case.world.commit(case.repo, "feature", {"other.py": "x = 1\n"}, "Theirs", start="main")
    opened = case.world.add_pull(
        case.repo, head="feature", base="main", author="dev", fork="eve/ledger"
    )
    case.deliver("issue_comment", commented("/repair", opened["number"], on_pull=True))
    case.handle()
    case.end(case.job())
    case.publish()
    assert case.calls("PUSH") == 0
    assert "comes from a fork" in case.comments(opened["number"])[0]


def test_an_open_pull_request_with_the_same_patch_is_pointed_to(case: GiteaCase) -> None:
    number, job = started(case)
    case.world.commit(case.repo, "mine", {"ledger.py": MENDED}, "Mend", start="main")
    other = case.world.add_pull(case.repo, head="mine", base="main", author="dev")
    case.end(job)
    case.publish()
    assert f"holds the same patch already: #{other['number']}" in case.comments(number)[0]
    assert len(case.repo.pulls) == 1


def test_the_files_of_a_pull_request_are_told_apart(case: GiteaCase) -> None:
    files = {"ledger.py": MENDED, "new.py": "--- a/x\n@@ -1 +1 @@\n", "weiß.py": "x\n"}
    case.world.commit(case.repo, "mine", files, "Mend", start="main")
    opened = case.world.add_pull(case.repo, head="mine", base="main", author="dev")
    server = case.gitea.settings.server
    changed = case.gitea.repository(f"{server}/acme/ledger").changed_files(opened["number"])
    assert {"ledger.py", "new.py"} < changed.keys()
    assert len(changed) == 3
    assert "--- a/x" in (changed["new.py"] or "")
    assert FILES["ledger.py"] == CODE


def test_a_review_that_rejects_the_draft_begins_another_round(case: GiteaCase) -> None:
    _, job = started(case)
    case.end(job)
    case.publish()
    (opened,) = case.repo.pulls.values()
    head = opened["head"]
    payload = rejected(opened["number"], head["ref"], head["sha"], "Not like this")
    case.deliver("pull_request_rejected", payload)
    case.handle()
    second = next(one for one in case.store.jobs() if one.id != job.id)
    assert "Not like this" in (second.request.repair.problem_statement or "")
    case.end(second, repaired(second.id, CODE, MENDED.replace("sum", "0 + sum")))
    case.publish(second.id)
    (opened,) = case.repo.pulls.values()
    assert second.id in opened["body"]
    assert opened["title"].startswith("WIP: Repair"), "it is a draft still, and once"
    assert opened["title"].count("WIP") == 1


def test_the_signature_is_asked_for_over_http(case: GiteaCase) -> None:
    headers, body = case.stand_in.request("issues", labelled())
    answer = case.web.post("/gitea/webhook", headers=headers, content=body + b" ")
    assert answer.status_code == 401
    assert case.forge.inbox.newest() == []

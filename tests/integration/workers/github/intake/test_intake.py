"""From deliveries to jobs. Lines 39, 41 to 45 of the abuse list."""

from __future__ import annotations

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import update

from tests.support.github_case import Case, policy_file, running_case
from tests.support.github_payloads import commented, labelled, pull, sender, suite
from tests.support.github_stand_in.world import Refused
from workers.errors import StoreUnavailable
from workers.forges.errors import NotConfigured
from workers.forges.intake.inbox import MAX_ATTEMPTS, Outcome
from workers.forges.loop import ask_by_clock
from workers.forges.policy import PolicyBook, RepositoryPolicy
from workers.forges.tables import deliveries
from workers.forges.webhook.trigger import Cause
from workers.records import JobState, Queue
from workers.store.clock import database_now
from workers.store.scheduling.limits import Limits
from workers.store.store import Store


def outcomes(case: Case) -> list[tuple[Outcome, str]]:
    return [(one.outcome, one.reason) for one in reversed(case.github.inbox.newest())]


def test_a_label_becomes_a_job_on_the_pinned_commit(case: Case) -> None:
    number = case.issue()
    assert case.deliver("issues", labelled(number))["status_code"] == 202
    case.handle()
    job = case.job()
    assert job.state is JobState.QUEUED
    assert job.request.repair.at == case.repo.tip("main")
    assert job.request.repair.problem_statement == "Sums are wrong\n\nThe tests fail."
    assert (job.request.origin, job.request.owner) == ("github", "github:dev")
    assert job.request.queue is Queue.INTERACTIVE
    assert outcomes(case) == [(Outcome.STARTED, "")]


def test_the_worker_gets_a_folder_and_no_token(case: Case) -> None:
    case.deliver("issues", labelled(case.issue()))
    case.handle()
    folder = Path(case.job().request.repair.target)
    tokens = list(case.world.tokens)
    assert tokens
    for path in folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert not any(token.encode() in content for token in tokens), path


@pytest.mark.parametrize("secret", [None, SecretStr(""), SecretStr("  ")])
def test_without_a_secret_nothing_starts(tmp_path: Path, secret: SecretStr | None) -> None:
    with (
        pytest.raises(NotConfigured, match="secret"),
        running_case(tmp_path, webhook_secret=secret),
    ):
        pass


def test_the_same_delivery_makes_one_job_however_often_it_comes(any_case: Case) -> None:
    payload, delivery_id = labelled(any_case.issue()), str(uuid.uuid4())
    headers, body = any_case.stand_in.request("issues", payload, delivery_id=delivery_id)
    barrier = threading.Barrier(20)

    def send(_: int) -> int:
        barrier.wait()
        return any_case.web.post("/github/webhook", headers=headers, content=body).status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(send, range(20))) == {202}
    assert any_case.deliver("issues", payload, delivery_id=delivery_id)["status"] == "known"
    any_case.handle()
    any_case.handle()
    any_case.job()
    assert len(any_case.github.inbox.newest()) == 1


def test_a_replayed_body_under_a_new_id_is_known(case: Case) -> None:
    payload = labelled(case.issue())
    assert case.deliver("issues", payload)["status"] == "accepted"
    assert case.deliver("issues", payload)["status"] == "known"


def test_two_deliveries_for_one_issue_make_one_live_job(any_case: Case) -> None:
    number = any_case.issue()
    any_case.deliver("issues", labelled(number))
    any_case.deliver("issue_comment", commented("/repair", number))
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: any_case.handle(), range(2)))
    any_case.job()
    assert sorted(outcome for outcome, _ in outcomes(any_case)) == [Outcome.JOINED, Outcome.STARTED]


def test_after_a_job_ended_a_person_may_ask_again(case: Case) -> None:
    number = case.issue()
    case.deliver("issues", labelled(number))
    case.handle()
    case.end(case.job())
    case.deliver("issue_comment", commented("/repair", number))
    case.handle()
    assert len(case.store.jobs()) == 2


@pytest.mark.parametrize("event", ["check_suite", "workflow_run"])
def test_a_failed_check_of_another_commit_than_the_branch_holds(
    open_case: Case, event: str
) -> None:
    """A payload does not always tell a fork's run; its commit is never worked on."""
    open_case.deliver(event, suite(sha="b" * 40, event=event))
    open_case.handle()
    assert open_case.store.jobs() == []


def test_a_check_of_a_commit_that_was_tried_starts_nothing(open_case: Case) -> None:
    sha = open_case.repo.tip("main") or ""
    open_case.deliver("check_suite", suite(sha=sha))
    open_case.handle()
    assert open_case.job().request.queue is Queue.BACKGROUND
    open_case.end(open_case.job())
    open_case.deliver("workflow_run", suite(sha=sha, event="workflow_run"))
    open_case.handle()
    open_case.job()


@pytest.mark.parametrize("role", [None, "read", "triage"])
def test_an_outsider_is_refused_with_a_sign(case: Case, role: str | None) -> None:
    who = sender("mallory", case.world.add_user("mallory", case.repo, role))
    case.deliver("issue_comment", commented("/repair", case.issue(), who=who, comment_id=31))
    case.handle()
    assert case.store.jobs() == []
    assert outcomes(case) == [(Outcome.REFUSED, "mallory has no write permission")]
    assert case.repo.reactions == {("issues", 31, "-1")}


@pytest.mark.parametrize("role", ["write", "maintain", "admin"])
def test_a_private_member_is_let_in_by_the_permission_api(case: Case, role: str) -> None:
    who = sender("member", case.world.add_user("member", case.repo, role))
    payload = commented("/repair", case.issue(), who=who)
    payload["comment"]["author_association"] = "NONE"  # private membership is not seen there
    case.deliver("issue_comment", payload)
    case.handle()
    assert case.job().request.origin == "github"


def test_the_own_account_is_known_by_asking_when_no_setting_says_it(tmp_path: Path) -> None:
    with running_case(tmp_path, bot_id=None) as case:
        number = case.issue()
        bot = sender("repair-test[bot]", case.world.users["repair-test[bot]"])
        case.repo.permissions["repair-test[bot]"] = "admin"
        case.deliver("issue_comment", commented("/repair", number, who=bot))
        case.handle()
        assert case.store.jobs() == []
        assert outcomes(case) == [(Outcome.IGNORED, "this service did that itself")]


def test_a_fork_that_moves_after_the_label_is_taken_at_the_pinned_commit(case: Case) -> None:
    case.world.commit(case.repo, "theirs", {"new.py": "x = 1\n"}, "Work", start="main")
    number = case.world.add_pull(
        case.repo, head="theirs", base="main", author="dev", fork="mallory/ledger"
    )["number"]
    pinned = case.repo.tip("theirs") or ""
    evil = case.world.commit(case.repo, "theirs", {"conftest.py": "import os"}, "Evil")
    label = {"id": 3, "name": "repair"}
    case.deliver("pull_request", pull("labeled", number, sha=pinned, ref="theirs", label=label))
    case.handle()
    assert evil != pinned
    assert case.job().request.repair.at == pinned


def test_a_commit_that_is_gone_is_said_so(case: Case) -> None:
    case.world.commit(case.repo, "work", {"a.py": ""}, "Work", start="main")
    number = case.world.add_pull(case.repo, head="work", base="main", author="dev")["number"]
    label = {"id": 3, "name": "repair"}
    case.deliver("pull_request", pull("labeled", number, sha="d" * 40, ref="work", label=label))
    case.handle()
    assert case.store.jobs() == []
    comment = case.comments(number)[0]
    assert "cannot be fetched" in comment
    assert "Nothing is started: `" in comment, "errors of others are not rendered"
    assert not any((case.folder / "github" / "sources").glob("*"))


def test_cancel_status_and_help(case: Case) -> None:
    number = case.issue()
    case.deliver("issue_comment", commented("/repair status", number, comment_id=1))
    case.deliver("issues", labelled(number))
    case.handle()
    case.deliver("issue_comment", commented("/repair status", number, comment_id=2))
    case.deliver("issue_comment", commented("/repair help", number, comment_id=3))
    case.deliver("issue_comment", commented("/repair cancel", number, comment_id=4))
    case.handle()
    said = case.comments(number)
    assert "no job here" in said[0]
    assert case.job().id in said[1]
    assert "number 1 in line" in said[1]
    assert "/repair cancel" in said[2]
    assert case.job().state is JobState.CANCELLED
    assert case.repo.reactions == {("issues", 4, "+1")}


def test_what_cannot_be_reached_now_is_tried_again(any_case: Case) -> None:
    any_case.deliver("issues", labelled(any_case.issue()))
    any_case.world.answers.append(lambda method, path: Refused(502, "Bad gateway"))
    any_case.handle()
    assert any_case.store.jobs() == []
    (entry,) = any_case.github.inbox.newest()
    assert (entry.outcome, entry.attempts) == (Outcome.WAITING, 1)
    any_case.world.answers.clear()
    any_case.github.inbox.put_off(entry.delivery_id, "", 0.0)
    any_case.handle()
    any_case.job()


def handle_to_the_end(case: Case) -> None:
    """Every attempt at what is waiting, without the pauses between them."""
    for _ in range(MAX_ATTEMPTS):
        with case.store.transaction() as connection:
            waiting = deliveries.c.due_at.is_not(None)
            connection.execute(update(deliveries).where(waiting).values(due_at=database_now()))
        case.handle()


def test_at_the_limit_nothing_is_fetched_and_at_last_it_is_said(any_case: Case) -> None:
    case = any_case
    case.store.limits = Limits(max_jobs_per_repository=1)
    case.deliver("issues", labelled(case.issue()))
    case.handle()
    fetches, number = case.calls("GIT"), case.issue("Another fault")
    assert fetches > 0
    case.deliver("issues", labelled(number))
    case.handle()
    assert outcomes(case)[1][0] is Outcome.WAITING
    assert case.comments(number) == []
    handle_to_the_end(case)
    assert outcomes(case)[1][0] is Outcome.FAILED
    assert case.calls("GIT") == fetches
    (comment,) = case.comments(number)
    assert "Nothing is started: `acme/ledger has 1 live jobs, which is the limit" in comment
    case.store.cancel(case.job().id, "dev")
    case.deliver("issue_comment", commented("/repair", number))
    case.handle()
    assert len(case.store.jobs()) == 2


def test_a_job_is_joined_without_a_fetch(case: Case) -> None:
    number = case.issue()
    case.deliver("issues", labelled(number))
    case.handle()
    fetches = case.calls("GIT")
    case.deliver("issue_comment", commented("/repair", number))
    case.handle()
    assert case.calls("GIT") == fetches
    assert outcomes(case)[1][0] is Outcome.JOINED


def test_what_stays_out_of_reach_is_said_to_whoever_may_ask(case: Case) -> None:
    unreachable = Refused(502, "Bad gateway")
    case.world.answers.append(lambda method, _: unreachable if method == "GIT" else None)
    outsider = sender("mallory", case.world.add_user("mallory", case.repo, "read"))
    asked = [(case.issue(), sender()), (case.issue(), outsider)]
    for number, who in asked:
        case.deliver("issue_comment", commented("/repair", number, who=who))
    handle_to_the_end(case)
    assert [outcome for outcome, _ in outcomes(case)] == [Outcome.FAILED, Outcome.REFUSED]
    (comment,) = case.comments(asked[0][0])
    assert "Nothing is started: `the commit" in comment
    assert case.comments(asked[1][0]) == []


def test_a_database_that_fails_is_not_described(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise StoreUnavailable("no connection to 10.1.2.3")

    number = case.issue()
    case.deliver("issues", labelled(number))
    monkeypatch.setattr(Store, "submit_in", fail)
    handle_to_the_end(case)
    (comment,) = case.comments(number)
    assert "operator" in comment
    assert "10.1.2.3" not in comment


def test_the_clock_asks_once_a_period(open_case: Case) -> None:
    rules = RepositoryPolicy(triggers=frozenset({Cause.SCHEDULE}), schedule_hours=24)
    object.__setattr__(
        open_case.github, "policies", PolicyBook(repositories={"acme/ledger": rules})
    )
    for now in (86_400.0 * 5, 86_400.0 * 5 + 3600, 86_400.0 * 6 - 1):
        ask_by_clock(open_case.github, now)
    assert len(open_case.github.inbox.due()) == 1
    open_case.handle()
    assert open_case.job().request.repair.at == open_case.repo.tip("main")
    ask_by_clock(open_case.github, 86_400.0 * 6)
    assert len(open_case.github.inbox.due()) == 1


def test_what_costs_time_without_anybody_asking_is_off_and_costs_nothing(tmp_path: Path) -> None:
    policy = policy_file(tmp_path, '[repositories."acme/ledger"]\nschedule_hours = 1\n')
    with running_case(tmp_path, policy=policy) as case:
        number, sha = a_pull(case)
        for event, payload in (
            ("check_suite", suite(sha=sha)),
            ("workflow_run", suite(sha=sha, event="workflow_run")),
            ("pull_request", pull("opened", number, sha=sha)),
        ):
            answer = case.deliver(event, payload)
            assert (answer["status_code"], answer["status"]) == (200, "ignored")
            assert "is off for this repository" in answer["reason"]
        ask_by_clock(case.github, 86_400.0)
        case.handle()
        assert case.store.jobs() == []
        assert case.world.calls == [], "GitHub was not even asked"
        assert not case.github.sources.exists()


def test_policies_name_repositories_and_limits(tmp_path: Path) -> None:
    path = tmp_path / "p.toml"
    path.write_text(
        "[defaults]\nmax_seconds = 60\n"
        '[repositories."Acme/Ledger"]\nlabel = "fix"\ntest = "pytest"\n'
    )
    with running_case(tmp_path, policy=path) as case:
        case.deliver("issues", labelled(case.issue(), label="fix"))
        case.handle()
        repair = case.job().request.repair
        assert (repair.test, repair.budget.max_seconds) == ("pytest", 60)


def a_pull(case: Case) -> tuple[int, str]:
    sha = case.world.commit(case.repo, "feature", {"x.py": "x = 1\n"}, "Work", start="main")
    made = case.world.add_pull(case.repo, head="feature", base="main", author="dev")
    return made["number"], sha


def test_a_failed_workflow_run_becomes_a_job_at_its_commit(open_case: Case) -> None:
    sha = open_case.repo.tip("main") or ""
    open_case.deliver("workflow_run", suite(sha=sha, event="workflow_run"))
    open_case.handle()
    job = open_case.job()
    assert (job.request.repair.at, job.request.queue) == (sha, Queue.BACKGROUND)


@pytest.mark.parametrize("action", ["opened", "synchronize", "reopened"])
def test_a_pull_request_becomes_a_job_at_its_head(open_case: Case, action: str) -> None:
    number, sha = a_pull(open_case)
    open_case.deliver("pull_request", pull(action, number, sha=sha))
    open_case.handle()
    assert open_case.job().request.repair.at == sha


@pytest.mark.parametrize("on_pull", [False, True])
def test_a_command_with_tests_becomes_a_job_for_these_tests(case: Case, on_pull: bool) -> None:
    number, at = a_pull(case) if on_pull else (case.issue(), case.repo.tip("main"))
    case.deliver("issue_comment", commented("/repair tests/test_x.py", number, on_pull=on_pull))
    case.handle()
    repair = case.job().request.repair
    assert (repair.only, repair.at) == (("tests/test_x.py",), at)

"""Which deliveries of GitLab ask for work, and which are left alone."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.gitlab_payloads import (
    HEAD,
    REPAIR,
    issue_labelled,
    issue_noted,
    pipeline,
    request_changed,
    request_noted,
)
from workers.forges.errors import DeliveryRefused
from workers.forges.policy import PolicyBook, RepositoryPolicy
from workers.forges.webhook.comment_command import Action
from workers.forges.webhook.trigger import Cause, IgnoredDelivery, PullEnded, Trigger
from workers.gitlab.delivery import GitLabDelivery
from workers.gitlab.events import trigger_of

EVERYTHING = PolicyBook(defaults=RepositoryPolicy(triggers=frozenset(Cause)))
SHIPPED = PolicyBook()
NAME = "gitlab.example.com/acme/ledger"
OTHER = {"title": "later"}


def read(
    event: str, payload: dict[str, Any], policies: PolicyBook = EVERYTHING
) -> Trigger | IgnoredDelivery:
    delivery = GitLabDelivery(
        delivery_id="x" * 8, event=event, data=payload, digest="", server="gitlab.example.com"
    )
    return trigger_of(delivery, policies)


def test_a_label_that_was_added_asks_for_a_repair() -> None:
    assert read("Issue Hook", issue_labelled(12), SHIPPED) == Trigger(
        cause=Cause.LABEL,
        repository=NAME,
        number=12,
        actor="dev",
        actor_id=101,
        statement="Sums are wrong\n\nThe tests fail.",
    )


def test_an_issue_that_is_opened_with_the_label_asks_for_a_repair() -> None:
    payload = issue_labelled(12, action="open") | {"changes": {}}
    assert isinstance(read("Issue Hook", payload, SHIPPED), Trigger)


@pytest.mark.parametrize(
    "payload",
    [
        issue_labelled(previous=[REPAIR], current=[REPAIR, OTHER]),
        issue_labelled(previous=[REPAIR], current=[]),
        issue_labelled(current=[OTHER]),
        issue_labelled() | {"changes": {}},
        issue_labelled(state="closed"),
        issue_labelled(confidential=True),
    ],
)
def test_other_changes_of_an_issue_ask_for_nothing(payload: dict[str, Any]) -> None:
    assert isinstance(read("Issue Hook", payload), IgnoredDelivery)


def test_a_comment_on_a_merge_request_asks_for_certain_tests_at_its_head() -> None:
    found = read("Note Hook", request_noted("Please\r\n/repair tests/test_x.py", 3), SHIPPED)
    assert isinstance(found, Trigger)
    assert (found.cause, found.target, found.is_pull) == (Cause.COMMAND, "!3", True)
    assert found.tests == ("tests/test_x.py",)
    assert (found.commit, found.comment_id, found.statement) == (None, 1241, None)


def test_an_issue_and_a_merge_request_of_one_number_are_two_targets() -> None:
    on_issue = read("Note Hook", issue_noted("/repair", 3))
    on_request = read("Note Hook", request_noted("/repair", 3))
    assert isinstance(on_issue, Trigger)
    assert isinstance(on_request, Trigger)
    assert (on_issue.target, on_request.target) == ("#3", "!3")


@pytest.mark.parametrize(
    "payload",
    [
        issue_noted("/repair", system=True),
        issue_noted("/repair", internal=True),
        issue_noted("/repair", action="update"),
        issue_noted("/repair", noteable_type="Commit"),
        issue_noted("/repair") | {"issue": {"iid": 1, "confidential": True}},
        issue_noted("/repair") | {"issue": {"iid": 1, "state": "closed"}},
        issue_noted("> /repair"),
        issue_noted(None),
        request_noted("/repair", request={"state": "merged"}),
        request_noted("looks good", branch="repair/20261130-1"),
    ],
)
def test_other_comments_ask_for_nothing(payload: dict[str, Any]) -> None:
    assert isinstance(read("Note Hook", payload), IgnoredDelivery)


@pytest.mark.parametrize("kind", ["Confidential Note Hook", "Confidential Issue Hook"])
def test_what_is_confidential_starts_nothing(kind: str) -> None:
    payload = issue_noted("/repair") if "Note" in kind else issue_labelled()
    assert isinstance(read(kind, payload), IgnoredDelivery)


def test_a_comment_on_a_line_of_our_merge_request_asks_for_another_round() -> None:
    position = {"new_path": "ledger.py", "new_line": 2}
    payload = request_noted("Why?", 4, branch="repair/20261130-1", position=position)
    found = read("Note Hook", payload)
    assert isinstance(found, Trigger)
    assert (found.cause, found.branch) == (Cause.REVIEW, "repair/20261130-1")
    assert found.statement == "ledger.py:2: Why?"
    status = read("Note Hook", payload, SHIPPED)
    assert isinstance(status, IgnoredDelivery), "the trigger is off unless it is switched on"


@pytest.mark.parametrize(
    ("action", "state", "merged"),
    [("merge", "merged", True), ("close", "closed", False), ("reopen", "opened", None)],
)
def test_what_became_of_our_merge_request(action: str, state: str, merged: bool | None) -> None:
    ours = request_changed(action, branch="repair/20261130-1", state=state)
    found = read("Merge Request Hook", ours, PolicyBook())
    assert isinstance(found, PullEnded)
    assert (found.job_id, found.merged) == ("20261130-1", merged)
    fork = request_changed(action, branch="repair/20261130-1", state=state, source_project_id=2)
    assert not isinstance(read("Merge Request Hook", fork), PullEnded)


def test_a_failed_pipeline_of_a_branch_is_a_failed_check() -> None:
    found = read("Pipeline Hook", pipeline(sha="b" * 40))
    assert isinstance(found, Trigger)
    assert (found.cause, found.target, found.commit) == (Cause.CHECK, "branch main", "b" * 40)
    assert found.actor is None


@pytest.mark.parametrize(
    "payload",
    [
        pipeline("success"),
        pipeline(ref="repair/20261130-1"),
        pipeline(
            merge_request={
                "iid": 1,
                "source_branch": "main",
                "source_project_id": 2,
                "target_project_id": 1,
            }
        ),
        pipeline(object_attributes={"ref": "v1", "tag": True, "sha": HEAD, "status": "failed"}),
    ],
)
def test_other_pipelines_start_nothing(payload: dict[str, Any]) -> None:
    assert isinstance(read("Pipeline Hook", payload), IgnoredDelivery)


@pytest.mark.parametrize(
    ("payload", "is_asked"),
    [
        (request_changed(), True),
        (request_changed("update", oldrev="c" * 40), True),
        (request_changed("update"), False),
        (request_changed("merge", state="merged"), False),
        (request_changed(branch="repair/20261130-1"), False),
    ],
)
def test_new_commits_of_a_merge_request(payload: dict[str, Any], is_asked: bool) -> None:
    found = read("Merge Request Hook", payload)
    assert isinstance(found, Trigger) is is_asked
    if isinstance(found, Trigger):
        assert (found.cause, found.commit, found.target) == (Cause.PULL_REQUEST, HEAD, "!1")


def test_commands_of_everybody_are_read() -> None:
    found = read("Note Hook", issue_noted("/repair status"))
    assert isinstance(found, Trigger)
    assert found.action is Action.STATUS


@pytest.mark.parametrize(
    "path", ["acme", "../secrets", "acme/../../x", "acme/led ger", "acme/x\n", "-x/y", "a//b"]
)
def test_a_path_that_is_none_is_refused(path: str) -> None:
    with pytest.raises(DeliveryRefused) as refused:
        read("Issue Hook", issue_labelled(path=path))
    assert refused.value.status_code == 422


@pytest.mark.parametrize("part", ["user", "project", "object_attributes"])
def test_a_payload_with_parts_missing_is_refused(part: str) -> None:
    payload = issue_labelled()
    del payload[part]
    with pytest.raises(DeliveryRefused):
        read("Issue Hook", payload)

"""Which deliveries ask for work, and which are left alone."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.github_payloads import (
    commented,
    labelled,
    octokit_examples,
    pull,
    repository,
    sender,
    suite,
)
from workers.forges.errors import DeliveryRefused
from workers.forges.policy import PolicyBook, RepositoryPolicy
from workers.forges.webhook.comment_command import Action
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import Cause, IgnoredDelivery, PullEnded, Trigger
from workers.github.api.app_identity import AppIdentity
from workers.github.webhook.events import trigger_of

MYSELF = AppIdentity(app_id=77, bot_id=4242)
EVERYTHING = PolicyBook(defaults=RepositoryPolicy(triggers=frozenset(Cause)))
SHIPPED = PolicyBook()


def read(
    event: str, payload: dict[str, Any], policies: PolicyBook = EVERYTHING
) -> Trigger | IgnoredDelivery:
    delivery = Delivery(delivery_id="x" * 8, event=event, data=payload, digest="")
    return trigger_of(delivery, MYSELF, policies)


def test_a_labelled_issue_asks_for_a_repair() -> None:
    assert read("issues", labelled(12), SHIPPED) == Trigger(
        cause=Cause.LABEL,
        repository="acme/ledger",
        number=12,
        actor="dev",
        actor_id=101,
        statement="Sums are wrong\n\nThe tests fail.",
    )


def test_a_comment_on_a_pull_request_asks_for_certain_tests() -> None:
    payload = commented(
        "Please\r\n/repair tests/test_x.py tests/test_y.py::test_z", 3, on_pull=True
    )
    found = read("issue_comment", payload, SHIPPED)
    assert isinstance(found, Trigger)
    assert (found.cause, found.number, found.is_pull) == (Cause.COMMAND, 3, True)
    assert found.tests == ("tests/test_x.py", "tests/test_y.py::test_z")
    assert found.statement is None


def test_a_failed_check_names_branch_and_commit() -> None:
    for event in ("check_suite", "workflow_run"):
        found = read(event, suite(event=event, branch="dev"))
        assert isinstance(found, Trigger)
        assert (found.cause, found.branch, found.commit) == (Cause.CHECK, "dev", "a" * 40)
        assert found.actor is None


def test_a_review_of_our_pull_request_is_feedback() -> None:
    review = {"id": 5, "state": "changes_requested", "body": "Handle zero, too"}
    found = read("pull_request_review", pull("submitted", ref="repair/1", review=review))
    assert isinstance(found, Trigger)
    assert (found.cause, found.statement) == (Cause.REVIEW, "Handle zero, too")
    comment = {"id": 6, "body": "Why?", "path": "a.py", "line": 3}
    found = read("pull_request_review_comment", pull("created", ref="repair/1", comment=comment))
    assert isinstance(found, Trigger)
    assert found.statement == "a.py:3: Why?"


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("issue_comment", commented("/repair", who=sender("repair-test[bot]", 4242))),
        ("issue_comment", commented("/repair", app_id=77)),
        ("issues", labelled(who=sender("renamed", 4242))),
        ("check_suite", suite(app_id=77)),
        ("check_suite", suite(branch="repair/20260101-1")),
        ("pull_request", pull(ref="repair/20260101-1")),
        ("pull_request", pull(who=sender("x[bot]", 4242))),
        ("push", {"ref": "refs/heads/repair/1", "repository": repository(), "sender": sender()}),
    ],
)
def test_what_this_service_did_itself_starts_nothing(event: str, payload: dict[str, Any]) -> None:
    assert isinstance(read(event, payload), IgnoredDelivery)


@pytest.mark.parametrize(
    ("action", "said", "merged"),
    [
        ("closed", {"state": "closed", "merged": True}, True),
        ("closed", {"state": "closed", "merged": False}, False),
        ("closed", {"state": "closed"}, False),
        ("reopened", {"merged": False}, None),
    ],
)
def test_what_became_of_our_pull_request(
    action: str, said: dict[str, Any], merged: bool | None
) -> None:
    payload = pull(action, ref="repair/20260101-1")
    payload["pull_request"] |= said
    found = read("pull_request", payload, SHIPPED)
    assert isinstance(found, PullEnded)
    assert (found.job_id, found.merged) == ("20260101-1", merged)


def test_a_branch_of_a_fork_that_has_our_name_is_not_ours() -> None:
    for home in (repository("eve/ledger"), None):
        payload = pull("closed", ref="repair/20260101-1")
        payload["pull_request"] |= {"merged": True, "state": "closed"}
        payload["pull_request"]["head"]["repo"] = home
        assert not isinstance(read("pull_request", payload), PullEnded)
    assert not isinstance(read("pull_request", pull("closed", ref="feature")), PullEnded)


def test_an_account_that_only_looks_like_ours_is_not_ours() -> None:
    found = read("issue_comment", commented("/repair", who=sender("repair-test[bot]", 999)))
    assert isinstance(found, Trigger)


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("check_suite", suite()),
        ("workflow_run", suite(event="workflow_run")),
        ("pull_request", pull()),
        (
            "pull_request_review",
            pull(
                "submitted",
                ref="repair/1",
                review={"id": 1, "state": "changes_requested", "body": "x"},
            ),
        ),
    ],
)
def test_what_nobody_asked_for_by_hand_is_off_by_default(
    event: str, payload: dict[str, Any]
) -> None:
    found = read(event, payload, SHIPPED)
    assert isinstance(found, IgnoredDelivery)
    assert "off" in found.reason


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ("issues", labelled(label="bug")),
        ("issues", labelled(state="closed")),
        ("issue_comment", commented("> /repair")),
        ("issue_comment", commented("Look:\n```\n/repair\n```")),
        ("issue_comment", commented("<!--\n/repair\n-->")),
        ("issue_comment", commented("I would /repair this")),
        ("issue_comment", commented("/usr/bin/env")),
        ("issue_comment", commented("/remind me tomorrow")),
        ("issue_comment", commented(None)),
        ("check_suite", suite("success")),
        ("check_suite", suite(branch=None)),
        (
            "pull_request_review",
            pull("submitted", review={"id": 1, "state": "changes_requested", "body": "x"}),
        ),
        (
            "pull_request_review",
            pull("submitted", ref="repair/1", review={"id": 1, "state": "approved", "body": "x"}),
        ),
        ("star", {"action": "created"}),
        ("ping", {"zen": "Keep it logically awesome."}),
    ],
)
def test_what_asks_for_nothing_is_ignored_with_a_reason(
    event: str, payload: dict[str, Any]
) -> None:
    found = read(event, payload)
    assert isinstance(found, IgnoredDelivery)
    assert found.reason


@pytest.mark.parametrize(
    ("said", "action", "tests"),
    [
        ("/repair", Action.REPAIR, ()),
        ("/repair status", Action.STATUS, ()),
        ("  /repair cancel  ", Action.CANCEL, ()),
        ("/repair help", Action.HELP, ()),
        ("/Repair", Action.REPAIR, ()),
        ("/REPAIR\r\n\r\nSent from my phone", Action.REPAIR, ()),
        ("/repair, please!", Action.REPAIR, ()),
        ("/repair fix the build please", Action.REPAIR, ()),
        ("/repair tests/test_x.py, e.g. on 3.12.", Action.REPAIR, ("tests/test_x.py",)),
        ("/repair Status please", Action.STATUS, ()),
        ("/repair cancel. Thanks", Action.CANCEL, ()),
        ("Hello\r\n/repair cancel\r\n-- \r\nAnn", Action.CANCEL, ()),
        ("/repair please look at ../../x.py", Action.HELP, ()),
        ("/repair --help", Action.HELP, ()),
        ("/repair -p no:cacheprovider", Action.HELP, ()),
        ("/repair ../../etc/passwd.py", Action.HELP, ()),
        ("/repair /etc/x.py", Action.HELP, ()),
        ("/repair $(reboot).py", Action.HELP, ()),
        ("/repair tests/test_a.py::test_b[1-x]", Action.REPAIR, ("tests/test_a.py::test_b[1-x]",)),
    ],
)
def test_commands(said: str, action: Action, tests: tuple[str, ...]) -> None:
    found = read("issue_comment", commented(said))
    assert isinstance(found, Trigger)
    assert (found.action, found.tests) == (action, tests)


@pytest.mark.parametrize("missing", ["repository", "sender", "issue", "label"])
def test_a_payload_with_a_part_missing_or_null_is_refused(missing: str) -> None:
    for payload in (
        {k: v for k, v in labelled().items() if k != missing},
        {**labelled(), missing: None},
        {**labelled(), missing: {"number": "1", "id": True, "name": 5}},
    ):
        with pytest.raises(DeliveryRefused) as refused:
            read("issues", payload)
        assert refused.value.status_code == 422


def test_every_octokit_example_is_understood_or_ignored() -> None:
    kinds: dict[str, int] = {}
    for event, path in octokit_examples():
        found = read(event, json.loads(path.read_bytes()))
        kinds[type(found).__name__] = kinds.get(type(found).__name__, 0) + 1
        assert isinstance(found, Trigger) or found.reason
    assert sum(kinds.values()) == 273
    assert kinds["Trigger"] >= 5


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=15,
)
EVENTS = st.sampled_from(
    ["issues", "issue_comment", "check_suite", "workflow_run", "pull_request",
     "pull_request_review", "pull_request_review_comment"]
)  # fmt: skip
SAMPLES = [
    labelled(), commented("/repair"), suite(), pull(),
    pull("submitted", review={"id": 1, "state": "changes_requested", "body": "x"}),
]  # fmt: skip


@given(EVENTS, st.sampled_from(SAMPLES), st.data())
@settings(max_examples=300, deadline=None)
def test_a_payload_with_anything_anywhere_is_answered(
    event: str, sample: dict[str, Any], data: st.DataObject
) -> None:
    payload = json.loads(json.dumps(sample))
    place = payload
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and place[key] and data.draw(st.booleans()):
            place = place[key]
            continue
        place[key] = data.draw(JSON)
        break
    with suppress(DeliveryRefused):
        assert isinstance(read(event, payload), Trigger | IgnoredDelivery)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("/repiar", "`/repair`"),
        ("/repairs tests/test_x.py", "`/repair`"),
        ("/repair stauts", "`/repair status`"),
        ("/repair cancle", "`/repair cancel`"),
    ],
)
def test_a_typo_is_asked_back(said: str, meant: str) -> None:
    found = read("issue_comment", commented(said))
    assert isinstance(found, Trigger)
    assert found.action is Action.HELP
    assert meant in found.hint


def test_a_failed_check_on_no_branch_of_ours_starts_nothing() -> None:
    """Gitea names the branch of a fork's run so."""
    for event in ("check_suite", "workflow_run"):
        assert isinstance(read(event, suite(event=event, branch="")), IgnoredDelivery)

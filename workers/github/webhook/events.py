"""From a delivery to a trigger: pure functions over payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workers.forges.policy import PolicyBook, RepositoryPolicy
from workers.forges.webhook.comment_command import Action, read_command
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.reading import allowed, clean, statement
from workers.forges.webhook.trigger import (
    BRANCH_PREFIX,
    Cause,
    IgnoredDelivery,
    Trigger,
    pull_ended,
)
from workers.github.api.app_identity import AppIdentity
from workers.github.api.payloads import (
    Commented,
    Labelled,
    Payload,
    PullChanged,
    PullLabelled,
    ReviewCommented,
    Reviewed,
    RunEnded,
    Suite,
    SuiteEnded,
)

FAILED_CONCLUSIONS = frozenset(("failure", "timed_out"))


def trigger_of(
    delivery: Delivery, myself: AppIdentity, policies: PolicyBook
) -> Trigger | IgnoredDelivery:
    """What the delivery asks for. Raises DeliveryRefused(422) for a payload with parts missing."""
    reader = _READERS.get((delivery.event, delivery.action))
    if reader is None:
        return IgnoredDelivery(f"nothing is done about {delivery.event}.{delivery.action or '-'}")

    def read() -> Trigger | IgnoredDelivery:
        common = Payload.model_validate(delivery.data)
        if myself.acted(common.sender.id):
            return IgnoredDelivery("this service did that itself")
        policy = policies.of(common.repository.full_name)
        return reader(_Reading(delivery.data, myself, policy))

    return allowed(read, policies)


@dataclass(frozen=True)
class _Reading:
    """One payload under the rules for its repository; a method an event."""

    data: Mapping[str, Any]
    myself: AppIdentity
    policy: RepositoryPolicy

    def issue_labelled(self) -> Trigger | IgnoredDelivery:
        payload = Labelled.model_validate(self.data)
        if payload.label.name != self.policy.label:
            return IgnoredDelivery("another label")
        if payload.issue.state != "open":
            return IgnoredDelivery("the issue is closed")
        return Trigger(
            cause=Cause.LABEL,
            number=payload.issue.number,
            statement=statement(payload.issue.title, payload.issue.body),
            **_asked_by(payload),
        )

    def pull_labelled(self) -> Trigger | IgnoredDelivery:
        """A label on a pull request comes as an event of its own."""
        payload = PullLabelled.model_validate(self.data)
        if payload.label.name != self.policy.label:
            return IgnoredDelivery("another label")
        if payload.pull_request.state != "open":
            return IgnoredDelivery("the pull request is closed")
        return Trigger(cause=Cause.LABEL, **_pull(payload), **_asked_by(payload))

    def commented(self) -> Trigger | IgnoredDelivery:
        payload = Commented.model_validate(self.data)
        if self.myself.made(payload.comment.performed_via_github_app):
            return IgnoredDelivery("this service wrote that itself")
        command = read_command(payload.comment.body or "")
        if command is None:
            return IgnoredDelivery("no command")
        if payload.issue.state != "open" and command.action is Action.REPAIR:
            return IgnoredDelivery("the issue or pull request is closed")
        is_pull = payload.issue.pull_request is not None
        return Trigger(
            cause=Cause.COMMAND,
            action=command.action,
            number=payload.issue.number,
            is_pull=is_pull,
            tests=command.tests,
            hint=command.hint,
            # The text of a pull request says what it changes, not what is broken.
            statement=None if is_pull else statement(payload.issue.title, payload.issue.body),
            comment_id=payload.comment.id,
            **_asked_by(payload),
        )

    def suite_ended(self) -> Trigger | IgnoredDelivery:
        payload = SuiteEnded.model_validate(self.data)
        return self._failed(payload, payload.check_suite)

    def run_ended(self) -> Trigger | IgnoredDelivery:
        payload = RunEnded.model_validate(self.data)
        return self._failed(payload, payload.workflow_run)

    def _failed(self, payload: Payload, suite: Suite) -> Trigger | IgnoredDelivery:
        if suite.conclusion not in FAILED_CONCLUSIONS:
            return IgnoredDelivery("the check did not fail")
        if self.myself.made(suite.app):
            return IgnoredDelivery("a check of this service itself")
        branch = suite.head_branch
        if not branch or _is_on_fork(suite, payload):
            return IgnoredDelivery("the check ran on a branch of a fork, or of none")
        if branch.startswith(BRANCH_PREFIX):
            return IgnoredDelivery("a branch of this service itself")
        if not self.policy.covers(branch):
            return IgnoredDelivery("the policy leaves this branch out")
        pulls = suite.pull_requests or []
        return Trigger(
            cause=Cause.CHECK,
            number=pulls[0].number if pulls else None,
            is_pull=bool(pulls),
            branch=branch,
            commit=suite.head_sha,
            repository=payload.repository.full_name,
        )

    def pull_changed(self) -> Trigger | IgnoredDelivery:
        payload = PullChanged.model_validate(self.data)
        if payload.pull_request.head.ref.startswith(BRANCH_PREFIX):
            if payload.action == "reopened" and _is_own(payload):
                return pull_ended(payload.pull_request.head.ref, merged=None)
            return IgnoredDelivery("a branch of this service itself")
        return Trigger(cause=Cause.PULL_REQUEST, **_pull(payload), **_asked_by(payload))

    def pull_closed(self) -> IgnoredDelivery:
        payload = PullChanged.model_validate(self.data)
        pull = payload.pull_request
        if not _is_own(payload):
            return IgnoredDelivery("the pull request is closed")
        return pull_ended(pull.head.ref, merged=bool(pull.merged))

    def reviewed(self) -> Trigger | IgnoredDelivery:
        payload = Reviewed.model_validate(self.data)
        if payload.review.state != "changes_requested":
            return IgnoredDelivery("the review asks for no change")
        return _feedback(payload, payload.review.body, None)

    def review_commented(self) -> Trigger | IgnoredDelivery:
        payload = ReviewCommented.model_validate(self.data)
        if self.myself.made(payload.comment.performed_via_github_app):
            return IgnoredDelivery("this service wrote that itself")
        position = f"{payload.comment.path or ''}:{payload.comment.line or '?'}"
        body = payload.comment.body
        return _feedback(payload, f"{position}: {body}" if body else None, payload.comment.id)


def _is_own(payload: PullChanged) -> bool:
    """Whether its branch is one of this service's, in the repository itself and not in a fork."""
    head = payload.pull_request.head
    home = head.repo.full_name.lower() if head.repo is not None else ""
    return head.ref.startswith(BRANCH_PREFIX) and home == payload.repository.full_name.lower()


def _is_on_fork(suite: Suite, payload: Payload) -> bool:
    home = suite.head_repository
    return home is not None and home.full_name != payload.repository.full_name


def _feedback(
    payload: Reviewed | ReviewCommented, text: str | None, comment_id: int | None
) -> Trigger | IgnoredDelivery:
    if not payload.pull_request.head.ref.startswith(BRANCH_PREFIX):
        return IgnoredDelivery("not a pull request of this service")
    if payload.pull_request.state != "open":
        return IgnoredDelivery("the pull request is closed")
    if not text or not text.strip():
        return IgnoredDelivery("nothing is asked for")
    return Trigger(
        cause=Cause.REVIEW,
        statement=clean(text),
        comment_id=comment_id,
        **_pull(payload),
        **_asked_by(payload),
    )


def _pull(payload: PullChanged | Reviewed | ReviewCommented) -> dict[str, Any]:
    pull = payload.pull_request
    return {
        "number": pull.number,
        "is_pull": True,
        "commit": pull.head.sha,
        "branch": pull.head.ref,
    }


def _asked_by(payload: Payload) -> dict[str, Any]:
    return {
        "repository": payload.repository.full_name,
        "actor": payload.sender.login,
        "actor_id": payload.sender.id,
    }


_READERS: Mapping[tuple[str, str], Callable[[_Reading], Trigger | IgnoredDelivery]] = {
    ("issues", "labeled"): _Reading.issue_labelled,
    ("issue_comment", "created"): _Reading.commented,
    ("check_suite", "completed"): _Reading.suite_ended,
    ("workflow_run", "completed"): _Reading.run_ended,
    ("pull_request", "opened"): _Reading.pull_changed,
    ("pull_request", "reopened"): _Reading.pull_changed,
    ("pull_request", "synchronize"): _Reading.pull_changed,
    ("pull_request", "closed"): _Reading.pull_closed,
    ("pull_request", "labeled"): _Reading.pull_labelled,
    ("pull_request_review", "submitted"): _Reading.reviewed,
    ("pull_request_review_comment", "created"): _Reading.review_commented,
}

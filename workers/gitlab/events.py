"""From a delivery of GitLab to a trigger: pure functions over payloads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from workers.forges.policy import PolicyBook, RepositoryPolicy
from workers.forges.webhook.comment_command import Action, Command, read_command
from workers.forges.webhook.reading import allowed, clean, statement
from workers.forges.webhook.trigger import (
    BRANCH_PREFIX,
    Cause,
    IgnoredDelivery,
    Trigger,
    pull_ended,
)
from workers.gitlab.delivery import GitLabDelivery
from workers.gitlab.payloads import (
    IssueChanged,
    Label,
    MergeRequest,
    MergeRequestChanged,
    Note,
    Noted,
    Payload,
    PipelineChanged,
)

PULL_SIGN = "!"
"""Merge requests are counted apart from issues."""
OPENING = frozenset({"open", "reopen"})
MERGED: Mapping[str | None, bool | None] = {"merge": True, "close": False, "reopen": None}
"""Action on a merge request → whether it is merged; None where it is open again."""


def trigger_of(delivery: GitLabDelivery, policies: PolicyBook) -> Trigger | IgnoredDelivery:
    """What the delivery asks for. Raises DeliveryRefused(422) for a payload with parts missing.

    What is confidential comes under other names, and starts nothing: a merge request is public.
    """
    reader = _READERS.get(delivery.event)
    if reader is None:
        return IgnoredDelivery(f"nothing is done about {delivery.event}")

    def read() -> Trigger | IgnoredDelivery:
        Payload.model_validate(delivery.data)
        policy = policies.of(delivery.repository)
        return reader(_Reading(delivery.data, delivery.repository, policy))

    return allowed(read, policies)


@dataclass(frozen=True)
class _Reading:
    """One payload under the rules for its project; a method an event."""

    data: Mapping[str, Any]
    repository: str
    policy: RepositoryPolicy

    def issue_changed(self) -> Trigger | IgnoredDelivery:
        payload = IssueChanged.model_validate(self.data)
        issue = payload.object_attributes
        if issue.confidential:
            return IgnoredDelivery("the issue is confidential")
        if not self._is_labelled(payload, issue.action):
            return IgnoredDelivery("the label was not added")
        if issue.state != "opened":
            return IgnoredDelivery("the issue is closed")
        return Trigger(
            cause=Cause.LABEL,
            number=issue.iid,
            statement=statement(issue.title, issue.description),
            **self._asked_by(payload),
        )

    def merge_request_changed(self) -> Trigger | IgnoredDelivery:
        payload = MergeRequestChanged.model_validate(self.data)
        request = payload.object_attributes
        if request.action in MERGED and _is_own(request):
            return pull_ended(request.source_branch, merged=MERGED[request.action])
        if request.state != "opened":
            return IgnoredDelivery("the merge request is closed")
        if self._is_labelled(payload, request.action):
            cause = Cause.LABEL
        elif request.source_branch.startswith(BRANCH_PREFIX):
            return IgnoredDelivery("a branch of this service itself")
        elif request.action in OPENING or request.oldrev:
            cause = Cause.PULL_REQUEST
        else:
            return IgnoredDelivery("neither its commits nor the label changed")
        return Trigger(cause=cause, **_place(request), **self._asked_by(payload))

    def noted(self) -> Trigger | IgnoredDelivery:
        payload = Noted.model_validate(self.data)
        note = payload.object_attributes
        if note.system or note.internal or note.action != "create":
            return IgnoredDelivery("not a new comment that everybody sees")
        command = read_command(note.note or "")
        request = payload.merge_request if note.noteable_type == "MergeRequest" else None
        if request is not None:
            return self._noted_on_request(payload, note, request, command)
        issue = payload.issue if note.noteable_type == "Issue" else None
        if issue is None or issue.confidential:
            return IgnoredDelivery("neither on a merge request nor on an open issue")
        if command is None:
            return IgnoredDelivery("no command")
        if issue.state != "opened" and command.action is Action.REPAIR:
            return IgnoredDelivery("the issue is closed")
        text = statement(issue.title, issue.description)
        return self._command(payload, command, number=issue.iid, statement=text)

    def _noted_on_request(
        self, payload: Noted, note: Note, request: MergeRequest, command: Command | None
    ) -> Trigger | IgnoredDelivery:
        is_open, place = request.state == "opened", _place(request)
        if command is not None:
            if not is_open and command.action is Action.REPAIR:
                return IgnoredDelivery("the merge request is closed")
            # The head of the moment is taken, as the comment means it, and not that of the payload.
            number = {name: place[name] for name in ("number", "is_pull", "sign")}
            return self._command(payload, command, **number)
        if note.position is None or not _is_own(request):
            return IgnoredDelivery("no command")
        if not is_open or not (note.note or "").strip():
            return IgnoredDelivery("nothing is asked for")
        line = f"{note.position.get('new_path') or ''}:{note.position.get('new_line') or '?'}"
        return Trigger(
            cause=Cause.REVIEW,
            statement=clean(f"{line}: {note.note}"),
            comment_id=note.id,
            **place,
            **self._asked_by(payload),
        )

    def pipeline_changed(self) -> Trigger | IgnoredDelivery:
        payload = PipelineChanged.model_validate(self.data)
        pipeline, request = payload.object_attributes, payload.merge_request
        if pipeline.status != "failed":
            return IgnoredDelivery("the pipeline did not fail")
        if request is not None and request.source_project_id != request.target_project_id:
            return IgnoredDelivery("the pipeline ran for a fork")
        branch = request.source_branch if request is not None else pipeline.ref
        if not branch or pipeline.tag:
            return IgnoredDelivery("the pipeline ran on no branch")
        if branch.startswith(BRANCH_PREFIX):
            return IgnoredDelivery("a branch of this service itself")
        if not self.policy.covers(branch):
            return IgnoredDelivery("the policy leaves this branch out")
        return Trigger(
            cause=Cause.CHECK,
            number=request.iid if request is not None else None,
            is_pull=request is not None,
            sign=PULL_SIGN if request is not None else "#",
            branch=branch,
            commit=pipeline.sha,
            repository=self.repository,
        )

    def _command(self, payload: Noted, command: Command, **place: Any) -> Trigger:
        return Trigger(
            cause=Cause.COMMAND,
            action=command.action,
            tests=command.tests,
            hint=command.hint,
            comment_id=payload.object_attributes.id,
            **place,
            **self._asked_by(payload),
        )

    def _is_labelled(self, payload: Payload, action: str | None) -> bool:
        """Whether this very event added the label."""
        change = payload.changes.labels if payload.changes else None
        if change is not None:
            return self._has_label(change.current) and not self._has_label(change.previous)
        return action == "open" and self._has_label(payload.labels or [])

    def _has_label(self, labels: list[Label]) -> bool:
        return any(label.title == self.policy.label for label in labels)

    def _asked_by(self, payload: Payload) -> dict[str, Any]:
        return {
            "repository": self.repository,
            "actor": payload.user.username,
            "actor_id": payload.user.id,
        }


def _is_own(request: MergeRequest) -> bool:
    """Whether its branch is one of this service's, in the project itself and not in a fork."""
    is_fork = request.source_project_id != request.target_project_id
    return request.source_branch.startswith(BRANCH_PREFIX) and not is_fork


def _place(request: MergeRequest) -> dict[str, Any]:
    return {
        "number": request.iid,
        "is_pull": True,
        "sign": PULL_SIGN,
        "commit": request.last_commit.id,
        "branch": request.source_branch,
    }


_READERS: Mapping[str, Callable[[_Reading], Trigger | IgnoredDelivery]] = {
    "Issue Hook": _Reading.issue_changed,
    "Merge Request Hook": _Reading.merge_request_changed,
    "Note Hook": _Reading.noted,
    "Pipeline Hook": _Reading.pipeline_changed,
}

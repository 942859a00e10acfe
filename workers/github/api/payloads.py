"""The parts of webhook payloads that are read. Everything else in them is left alone.

Strict models of whole payloads refuse real deliveries (fields are null or absent where the
schema says otherwise), so only what is used is named here, with its type checked.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import StringConstraints

from workers.forges.webhook.reading import CommitId, Number, PayloadModel

RepositoryName = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}$")
]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,100}(?:\[bot\])?$")]


class User(PayloadModel):
    id: Number
    login: Login


class App(PayloadModel):
    id: Number


class RepositoryPayload(PayloadModel):
    full_name: RepositoryName
    default_branch: str = "main"


class Label(PayloadModel):
    name: str


class Issue(PayloadModel):
    number: Number
    title: str = ""
    body: str | None = None
    state: str = "open"
    pull_request: dict[str, Any] | None = None
    performed_via_github_app: App | None = None


class Comment(PayloadModel):
    id: Number
    body: str | None = None
    path: str | None = None
    line: int | None = None
    performed_via_github_app: App | None = None


class Head(PayloadModel):
    ref: str
    sha: CommitId
    repo: RepositoryPayload | None = None
    """None when the fork is gone."""


class PullRequest(PayloadModel):
    number: Number
    state: str = "open"
    merged: bool | None = None
    head: Head
    base: Head


class PullNumber(PayloadModel):
    number: Number


class Suite(PayloadModel):
    """A check suite or a workflow run: what ran, where, and how it ended."""

    id: Number
    head_branch: str | None = None
    head_sha: CommitId
    conclusion: str | None = None
    pull_requests: list[PullNumber] | None = None
    head_repository: RepositoryPayload | None = None
    app: App | None = None


class Review(PayloadModel):
    id: Number
    body: str | None = None
    state: str = ""


class Payload(PayloadModel):
    """One delivery; which parts are there depends on the event."""

    action: str | None = None
    repository: RepositoryPayload
    sender: User


class Labelled(Payload):
    issue: Issue
    label: Label


class Commented(Payload):
    issue: Issue
    comment: Comment


class SuiteEnded(Payload):
    check_suite: Suite


class RunEnded(Payload):
    workflow_run: Suite


class PullChanged(Payload):
    pull_request: PullRequest


class PullLabelled(PullChanged):
    label: Label


class Reviewed(Payload):
    pull_request: PullRequest
    review: Review


class ReviewCommented(Payload):
    pull_request: PullRequest
    comment: Comment

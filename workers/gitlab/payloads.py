"""The parts of GitLab's webhook payloads that are read. Everything else is left alone.

https://docs.gitlab.com/user/project/integrations/webhook_events/
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, StringConstraints

from workers.forges.webhook.reading import CommitId, Number, PayloadModel

_SEGMENT = r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}"
ProjectPath = Annotated[str, StringConstraints(pattern=rf"^{_SEGMENT}(?:/{_SEGMENT}){{1,20}}$")]
Login = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,255}$")]


class User(PayloadModel):
    id: Number
    username: Login


class Project(PayloadModel):
    id: Number
    path_with_namespace: ProjectPath


class Label(PayloadModel):
    title: str


class LabelChange(PayloadModel):
    previous: list[Label] = Field(default_factory=list)
    current: list[Label] = Field(default_factory=list)


class Changes(PayloadModel):
    labels: LabelChange | None = None


class Issue(PayloadModel):
    iid: Number
    title: str = ""
    description: str | None = None
    state: str = "opened"
    confidential: bool = False
    action: str | None = None


class Commit(PayloadModel):
    id: CommitId


class MergeRequest(PayloadModel):
    iid: Number
    state: str = "opened"
    source_branch: str
    source_project_id: int | None = None
    """None when the fork is gone."""
    target_project_id: Number
    last_commit: Commit
    action: str | None = None
    oldrev: str | None = None
    """Of an update that brought commits."""


class Note(PayloadModel):
    id: Number
    note: str | None = None
    noteable_type: str
    action: str = "create"
    """Absent before GitLab 16.11, which told of new notes only."""
    system: bool = False
    internal: bool = False
    position: dict[str, Any] | None = None
    """Of a note on a line of a merge request."""


class PipelineRequest(PayloadModel):
    """The merge request of a pipeline."""

    iid: Number
    source_branch: str
    source_project_id: int | None = None
    target_project_id: Number


class Pipeline(PayloadModel):
    ref: str | None = None
    tag: bool = False
    sha: CommitId
    status: str


class Payload(PayloadModel):
    """One delivery; which parts are there depends on the event."""

    user: User
    project: Project
    labels: list[Label] | None = None
    changes: Changes | None = None


class IssueChanged(Payload):
    object_attributes: Issue


class MergeRequestChanged(Payload):
    object_attributes: MergeRequest


class Noted(Payload):
    object_attributes: Note
    issue: Issue | None = None
    merge_request: MergeRequest | None = None


class PipelineChanged(Payload):
    object_attributes: Pipeline
    merge_request: PipelineRequest | None = None

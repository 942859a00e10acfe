"""Small payloads of GitLab, shaped by the public documentation of webhooks."""

from __future__ import annotations

from typing import Any

HEAD = "a" * 40
REPAIR = {"id": 205, "title": "repair", "color": "#123123", "type": "ProjectLabel"}


def user(login: str = "dev", number: int = 101) -> dict[str, Any]:
    return {"id": number, "name": login, "username": login, "email": "[REDACTED]"}


def _common(kind: str, who: dict[str, Any] | None, path: str) -> dict[str, Any]:
    project = {"id": 1, "name": "Ledger", "path_with_namespace": path, "default_branch": "main"}
    return {"object_kind": kind, "event_type": kind, "user": who or user(), "project": project}


def issue_labelled(
    number: int = 1,
    *,
    previous: list[dict[str, Any]] | None = None,
    current: list[dict[str, Any]] | None = None,
    who: dict[str, Any] | None = None,
    path: str = "acme/ledger",
    **attributes: Any,
) -> dict[str, Any]:
    """An `Issue Hook`: the label was added."""
    labels = [REPAIR] if current is None else current
    return {
        **_common("issue", who, path),
        "object_attributes": {
            "id": 301,
            "iid": number,
            "title": "Sums are wrong",
            "description": "The tests fail.",
            "state": "opened",
            "confidential": False,
            "action": "update",
            **attributes,
        },
        "labels": labels,
        "changes": {"labels": {"previous": previous or [], "current": labels}},
    }


def issue_noted(
    text: str | None, number: int = 1, *, who: dict[str, Any] | None = None, **attributes: Any
) -> dict[str, Any]:
    """A `Note Hook` about an issue."""
    return {
        **_noted(text, "Issue", who, attributes),
        "issue": {"id": 92, "iid": number, "title": "t", "description": "b", "state": "opened"},
    }


def request_noted(
    text: str | None,
    number: int = 1,
    *,
    branch: str = "feature",
    who: dict[str, Any] | None = None,
    request: dict[str, Any] | None = None,
    **attributes: Any,
) -> dict[str, Any]:
    """A `Note Hook` about a merge request."""
    return {
        **_noted(text, "MergeRequest", who, attributes),
        "merge_request": {**_request(number, branch), **(request or {})},
    }


def _noted(
    text: str | None, kind: str, who: dict[str, Any] | None, attributes: dict[str, Any]
) -> dict[str, Any]:
    note = {"id": 1241, "note": text, "noteable_type": kind, "system": False, "action": "create"}
    return {**_common("note", who, "acme/ledger"), "object_attributes": {**note, **attributes}}


def _request(number: int, branch: str) -> dict[str, Any]:
    return {
        "id": 7,
        "iid": number,
        "title": "t",
        "state": "opened",
        "source_branch": branch,
        "target_branch": "main",
        "source_project_id": 1,
        "target_project_id": 1,
        "last_commit": {"id": HEAD, "message": "m"},
    }


def request_changed(
    action: str = "open", number: int = 1, *, branch: str = "feature", **attributes: Any
) -> dict[str, Any]:
    """A `Merge Request Hook`."""
    return {
        **_common("merge_request", None, "acme/ledger"),
        "object_attributes": {**_request(number, branch), "action": action, **attributes},
        "labels": [],
        "changes": {},
    }


def pipeline(
    status: str = "failed", ref: str = "main", *, sha: str = HEAD, **more: Any
) -> dict[str, Any]:
    """A `Pipeline Hook`."""
    attributes = {"id": 31, "ref": ref, "tag": False, "sha": sha, "status": status}
    common = _common("pipeline", None, "acme/ledger")
    return {**common, "object_attributes": attributes, "merge_request": None, **more}

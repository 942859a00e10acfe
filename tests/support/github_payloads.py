"""Small payloads, shaped by the public documentation of webhooks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

OCTOKIT = "REPAIR_TEST_OCTOKIT_WEBHOOKS"
"""Variable that names a checkout of octokit/webhooks, whose examples are real deliveries."""

HEAD = "a" * 40


def octokit_examples() -> Iterator[tuple[str, Path]]:
    """(event, file) of every example for github.com."""
    folder = os.environ.get(OCTOKIT)
    if folder is None:
        pytest.skip(f"set {OCTOKIT} to a checkout of github.com/octokit/webhooks")
    root = Path(folder) / "payload-examples" / "api.github.com"
    for path in sorted(root.glob("*/*.json")):
        yield path.parent.name, path


def sender(login: str = "dev", number: int = 101) -> dict[str, Any]:
    return {"login": login, "id": number, "type": "User"}


def repository(name: str = "acme/ledger") -> dict[str, Any]:
    return {"id": 1, "full_name": name, "default_branch": "main", "private": True}


def _common(action: str, name: str, who: dict[str, Any] | None) -> dict[str, Any]:
    return {
        "action": action,
        "repository": repository(name),
        "sender": who or sender(),
        "installation": {"id": 55},
    }


def labelled(
    number: int = 1, label: str = "repair", name: str = "acme/ledger", **issue: Any
) -> dict[str, Any]:
    said = {"number": number, "title": "Sums are wrong", "body": "The tests fail.", "state": "open"}
    return {
        **_common("labeled", name, issue.pop("who", None)),
        "issue": {**said, **issue},
        "label": {"id": 3, "name": label},
    }


def commented(
    body: str | None,
    number: int = 1,
    name: str = "acme/ledger",
    *,
    on_pull: bool = False,
    who: dict[str, Any] | None = None,
    comment_id: int = 9,
    app_id: int | None = None,
) -> dict[str, Any]:
    issue: dict[str, Any] = {"number": number, "title": "t", "body": "b", "state": "open"}
    if on_pull:
        issue["pull_request"] = {"url": "https://example.org"}
    app = None if app_id is None else {"id": app_id}
    return {
        **_common("created", name, who),
        "issue": issue,
        "comment": {"id": comment_id, "body": body, "performed_via_github_app": app},
    }


def pull(
    action: str = "opened",
    number: int = 2,
    name: str = "acme/ledger",
    *,
    ref: str = "feature",
    sha: str = HEAD,
    who: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    return {
        **_common(action, name, who),
        "number": number,
        "pull_request": {
            "number": number,
            "state": "open",
            "head": {"ref": ref, "sha": sha, "repo": repository(name)},
            "base": {"ref": "main", "sha": "b" * 40, "repo": repository(name)},
        },
        **more,
    }


def suite(
    conclusion: str = "failure",
    branch: str | None = "main",
    name: str = "acme/ledger",
    *,
    sha: str = HEAD,
    app_id: int = 15368,
    event: str = "check_suite",
) -> dict[str, Any]:
    return {
        **_common("completed", name, None),
        event: {
            "id": 7,
            "head_branch": branch,
            "head_sha": sha,
            "conclusion": conclusion,
            "pull_requests": [],
            "app": {"id": app_id},
        },
    }

"""Small payloads of Gitea: those of GitHub with Gitea's own actions and parts."""

from __future__ import annotations

from typing import Any

from tests.support import github_payloads


def labelled(
    number: int = 1, labels: tuple[str, ...] = ("repair",), **issue: Any
) -> dict[str, Any]:
    """`issues`: the labels changed. Which of them was added is not said."""
    payload = github_payloads.labelled(number, labels=[{"name": name} for name in labels], **issue)
    del payload["label"]
    return payload | {"action": "label_updated", "number": number}


def told(payload: dict[str, Any], *added: str) -> dict[str, Any]:
    """The same of a newer version, which says what was added."""
    changes = {"added_labels": [{"name": name} for name in added], "removed_labels": []}
    return payload | {"changes": changes}


def rejected(number: int, branch: str, sha: str, text: str) -> dict[str, Any]:
    """`pull_request_rejected`: a review asks for changes."""
    review = {"type": "pull_request_review_rejected", "content": text}
    return github_payloads.pull("reviewed", number, ref=branch, sha=sha, review=review)

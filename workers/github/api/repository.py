"""One repository on GitHub: what is asked of it and said in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from workers.forges.api.repository import MAX_OPEN_PULLS, LineReviews, Pull, Thread
from workers.forges.api.source import Source
from workers.forges.errors import Forbidden, NotVisible, Rejected, Unauthorized
from workers.github.api.app_identity import AppIdentity
from workers.github.api.client import GitHubClient
from workers.github.api.tokens import (
    COMMENT_PERMISSIONS,
    PUBLISH_PERMISSIONS,
    READ_PERMISSIONS,
    Permissions,
    Tokens,
)

WRITE_ROLES = frozenset(("admin", "maintain", "write"))
NO_DRAFTS_SIGNS = ("draft pull request", "for 'draft'")
"""What GitHub says where it takes no drafts. No name of an account or a branch has a space."""

T = TypeVar("T")


class GitHubRepository:
    """Calls with the right token, renewed once when GitHub does not know it any more."""

    def __init__(
        self, client: GitHubClient, tokens: Tokens, name: str, myself: AppIdentity
    ) -> None:
        self.name = name
        self._client = client
        self._tokens = tokens
        self._myself = myself

    # -- what is asked ------------------------------------------------------------------

    def may_write(self, login: str, account_id: int | None) -> bool:  # noqa: ARG002
        """Whether GitHub gives this account write or admin permission, however it came by it.

        `author_association` in payloads does not see private memberships of organisations.
        """
        try:
            permission = self._get(f"/collaborators/{quote(login)}/permission")
        except NotVisible:
            return False
        return (
            permission.get("role_name") in WRITE_ROLES
            or permission.get("permission") in WRITE_ROLES
        )

    def default_branch(self) -> str:
        return str(self._get("")["default_branch"])

    def head_of(self, branch: str) -> str | None:
        """Commit at the tip of a branch; None when there is no such branch."""
        try:
            reference = self._get(f"/git/ref/heads/{quote(branch)}")
        except NotVisible:
            return None
        # Asked for a prefix, older servers answer with a list of matching branches.
        return str(reference["object"]["sha"]) if isinstance(reference, dict) else None

    def pull(self, number: int) -> Pull:
        return _pull(self._get(f"/pulls/{number}"), self.name)

    def pull_of_branch(self, branch: str) -> Pull | None:
        """The pull request from a branch of this repository, open or closed."""
        owner = self.name.partition("/")[0]
        query = f"/pulls?state=all&head={quote(owner)}:{quote(branch)}"
        pulls = [_pull(pull, self.name) for pull in self._pages(query)]
        return next(
            (pull for pull in pulls if pull.head_branch == branch and not pull.is_fork), None
        )

    def open_pulls(self, base: str) -> list[Pull]:
        """The open pull requests onto a branch, newest first; of many the first MAX_OPEN_PULLS."""
        pulls = self._get(f"/pulls?state=open&base={quote(base)}&per_page={MAX_OPEN_PULLS}")
        return [_pull(pull, self.name) for pull in pulls[:MAX_OPEN_PULLS]]

    def changed_files(self, number: int) -> dict[str, str | None]:
        """Path → the part of the pull request's diff; None where GitHub leaves it out."""
        files = self._pages(f"/pulls/{number}/files")
        return {str(file["filename"]): file.get("patch") or None for file in files}

    def changed_lines(self, number: int) -> dict[str, str]:
        """`changed_files` without those that are too large for a diff."""
        return {path: patch for path, patch in self.changed_files(number).items() if patch}

    # -- what is said -------------------------------------------------------------------

    def comment_with(self, thread: Thread, marker: str) -> int | None:
        """Id of our own comment that holds the marker."""
        return self._own(self._pages(f"/issues/{thread.number}/comments"), marker)

    def comment(self, thread: Thread, body: str) -> int:
        path = f"/issues/{thread.number}/comments"
        return int(self._change("POST", path, {"body": body}, COMMENT_PERMISSIONS)["id"])

    def edit_comment(self, thread: Thread, comment_id: int, body: str) -> None:  # noqa: ARG002
        self._change("PATCH", f"/issues/comments/{comment_id}", {"body": body}, COMMENT_PERMISSIONS)

    def react(
        self,
        thread: Thread,  # noqa: ARG002
        comment_id: int,
        content: str,
        *,
        in_review: bool = False,
    ) -> None:
        """Add a reaction; GitHub keeps one of a kind for an account."""
        kind = "pulls" if in_review else "issues"
        path = f"/{kind}/comments/{comment_id}/reactions"
        self._change("POST", path, {"content": content}, COMMENT_PERMISSIONS)

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> Pull:
        """Open a draft, or where there are none a pull request that is ready."""
        wish = {"title": title, "body": body, "head": head, "base": base}
        path = "/pulls"
        try:
            answer = self._change("POST", path, {**wish, "draft": True}, PUBLISH_PERMISSIONS)
        except (Forbidden, Rejected) as error:
            if not any(sign in error.words.lower() for sign in NO_DRAFTS_SIGNS):
                raise
            # Private repositories of free plans have no drafts.
            answer = self._change("POST", path, wish, PUBLISH_PERMISSIONS)
        return _pull(answer, self.name)

    def edit_pull(self, number: int, *, title: str, body: str) -> Pull:
        wish = {"title": title, "body": body}
        answer = self._change("PATCH", f"/pulls/{number}", wish, PUBLISH_PERMISSIONS)
        return _pull(answer, self.name)

    def check_with(self, commit: str, check: Mapping[str, Any]) -> int | None:
        """Id of our check run with the same external id on a commit."""
        external_id = check["external_id"]
        path = f"/commits/{commit}/check-runs?filter=all"
        for run in self._pages(path, key="check_runs"):
            if run.get("external_id") == external_id and self._is_own(run):
                return int(run["id"])
        return None

    def create_check(self, commit: str, check: Mapping[str, Any]) -> int:
        wish = {**check, "head_sha": commit}
        return int(self._change("POST", "/check-runs", wish, PUBLISH_PERMISSIONS)["id"])

    def update_check(
        self,
        check_id: str,
        commit: str,  # noqa: ARG002
        check: Mapping[str, Any],
    ) -> None:
        self._change("PATCH", f"/check-runs/{check_id}", check, PUBLISH_PERMISSIONS)

    def review_with(self, number: int, marker: str) -> int | None:
        return self._own(self._pages(f"/pulls/{number}/reviews"), marker)

    def review(
        self, number: int, commit: str, body: str, comments: Iterable[Mapping[str, Any]]
    ) -> int:
        """Comments on lines of a pull request, all of them or none."""
        wish = {
            "commit_id": commit,
            "body": body,
            "event": "COMMENT",
            "comments": [dict(comment) for comment in comments],
        }
        return int(
            self._change("POST", f"/pulls/{number}/reviews", wish, COMMENT_PERMISSIONS)["id"]
        )

    @property
    def line_reviews(self) -> LineReviews:
        return self

    # -- git ----------------------------------------------------------------------------

    def fetch(self, source: Source, commit: str) -> None:
        self._with_token(READ_PERMISSIONS, lambda token: source.fetch(commit, token))

    def push(self, source: Source, commit: str, branch: str, old_commit: str | None) -> None:
        self._with_token(
            PUBLISH_PERMISSIONS, lambda token: source.push(commit, branch, old_commit, token)
        )

    # -- how ----------------------------------------------------------------------------

    def _with_token(self, permissions: Permissions, work: Callable[[str], T]) -> T:
        """Do `work` with a token; when GitHub does not know it any more, once with a new one."""
        try:
            return work(self._tokens.token(self.name, permissions).get_secret_value())
        except Unauthorized:
            self._tokens.forget(self.name)
            return work(self._tokens.token(self.name, permissions).get_secret_value())

    def _get(self, path: str) -> Any:
        url = f"/repos/{self.name}{path}"
        return self._with_token(
            READ_PERMISSIONS, lambda token: self._client.get(url, f"Bearer {token}")
        )

    def _pages(self, path: str, key: str | None = None) -> Iterator[Any]:
        url = f"/repos/{self.name}{path}"
        # A list, so that a token refused in the middle starts the list again.
        yield from self._with_token(
            READ_PERMISSIONS, lambda token: list(self._client.pages(url, f"Bearer {token}", key))
        )

    def _change(self, method: str, path: str, body: object, permissions: Permissions) -> Any:
        url = f"/repos/{self.name}{path}"
        return self._with_token(
            permissions,
            lambda token: self._client.change(method, url, f"Bearer {token}", body),
        )

    def _own(self, items: Iterable[Any], marker: str) -> int | None:
        for item in items:
            if marker in (item.get("body") or "") and self._is_own(item):
                return int(item["id"])
        return None

    def _is_own(self, item: Mapping[str, Any]) -> bool:
        """Others can copy a marker; the id of the account or the App they cannot."""
        app = item.get("performed_via_github_app") or item.get("app") or {}
        user = item.get("user") or {}
        own_app = self._myself.app_id is not None and app.get("id") == self._myself.app_id
        return own_app or self._myself.acted(user.get("id"))


def _pull(document: Mapping[str, Any], repository: str) -> Pull:
    home = document["head"].get("repo") or {}
    return Pull(
        number=int(document["number"]),
        is_open=document["state"] == "open",
        head=str(document["head"]["sha"]),
        head_branch=str(document["head"]["ref"]),
        is_fork=str(home.get("full_name", "")).lower() != repository.lower(),
        is_draft=bool(document.get("draft")),
    )

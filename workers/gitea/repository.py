"""One repository on Gitea or Forgejo: what is asked of it and said in it.

https://docs.gitea.com/api/ ; every server has its own description under `/api/swagger`.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from workers.forges.api.client import ApiClient
from workers.forges.api.repository import MAX_OPEN_PULLS, Pull, Thread
from workers.forges.api.token_repository import CHECK_NAME, FINAL_STATE, TokenRepository
from workers.forges.errors import NotVisible

WRITE_PERMISSIONS = frozenset({"write", "admin", "owner"})
DRAFT_PREFIX = "WIP: "
"""What a draft's title begins with, on a server that was not told otherwise."""
MAX_EXAMINED_PULLS = 300
"""Of the list, which cannot be asked for a branch."""
_FILE = re.compile(r"^diff --git ", re.MULTILINE)
_PATH = re.compile(r"^\+\+\+ b/(.*?)\t?$|^--- a/(.*?)\t?\n\+\+\+ /dev/null$", re.MULTILINE)


class GiteaClient(ApiClient):
    """A connection to the API of one Gitea."""

    title = "Gitea"
    headers: ClassVar[Mapping[str, str]] = {"accept": "application/json"}
    page_parameter = "limit"


class GiteaRepository(TokenRepository):
    """One repository."""

    _status_name = "context"

    # -- what is asked ------------------------------------------------------------------

    def may_write(self, login: str, account_id: int | None) -> bool:
        """Whether the account may push, however it came by that; Gitea tells that to admins of the
        repository. It is asked by name, and the answer has to be about the same account."""
        try:
            answer = self._get(f"/collaborators/{quote(login, safe='')}/permission")
        except NotVisible:
            return False
        is_same = account_id is not None and answer["user"]["id"] == account_id
        return is_same and answer["permission"] in WRITE_PERMISSIONS

    def default_branch(self) -> str:
        return str(self._get("")["default_branch"])

    def head_of(self, branch: str) -> str | None:
        try:
            return str(self._get(f"/branches/{quote(branch)}")["commit"]["id"])
        except NotVisible:
            return None

    def pull(self, number: int) -> Pull:
        return self._pull(self._get(f"/pulls/{number}"))

    def pull_of_branch(self, branch: str) -> Pull | None:
        newest = self._pages(f"/pulls?{urlencode({'state': 'all', 'sort': 'recentupdate'})}")
        pulls = map(self._pull, itertools.islice(newest, MAX_EXAMINED_PULLS))
        return next((one for one in pulls if one.head_branch == branch and not one.is_fork), None)

    def open_pulls(self, base: str) -> list[Pull]:
        query = {"state": "open", "sort": "recentupdate", "limit": MAX_OPEN_PULLS}
        pulls = self._get(f"/pulls?{urlencode(query)}")
        return [self._pull(one) for one in pulls if one["base"]["ref"] == base]

    def changed_files(self, number: int) -> dict[str, str | None]:
        """A file whose name git quotes stands under the head of its part, and is no file."""
        parts = _FILE.split(str(self._get(f"/pulls/{number}.diff") or ""))[1:]
        return dict(map(_file, parts))

    # -- what is said -------------------------------------------------------------------

    def comment_with(self, thread: Thread, marker: str) -> int | None:
        """Others can copy a marker; the id of the account they cannot."""
        for comment in self._get(f"/issues/{thread.number}/comments"):
            if marker in comment["body"] and comment["user"]["id"] == self._own_id:
                return int(comment["id"])
        return None

    def comment(self, thread: Thread, body: str) -> int:
        path = f"/issues/{thread.number}/comments"
        return int(self._change("POST", path, {"body": body})["id"])

    def edit_comment(self, thread: Thread, comment_id: int, body: str) -> None:  # noqa: ARG002
        self._change("PATCH", f"/issues/comments/{comment_id}", {"body": body})

    def react(
        self,
        thread: Thread,  # noqa: ARG002
        comment_id: int,
        content: str,
        *,
        in_review: bool = False,  # noqa: ARG002
    ) -> None:
        self._change("POST", f"/issues/comments/{comment_id}/reactions", {"content": content})

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> Pull:
        wish = {"title": f"{DRAFT_PREFIX}{title}", "body": body, "head": head, "base": base}
        return self._pull(self._change("POST", "/pulls", wish))

    def edit_pull(self, number: int, *, title: str, body: str) -> Pull:
        """The title says whether it is a draft, which stays as it is."""
        prefix = DRAFT_PREFIX if self.pull(number).is_draft else ""
        wish = {"title": f"{prefix}{title}", "body": body}
        return self._pull(self._change("PATCH", f"/pulls/{number}", wish))

    def _state(self, status: str) -> str:
        return FINAL_STATE if status == "completed" else "pending"

    def _statuses(self, commit: str) -> Iterator[Mapping[str, Any]]:
        for status in self._pages(f"/statuses/{commit}"):
            is_own = (status.get("creator") or {}).get("id") == self._own_id
            if is_own and status["context"] == CHECK_NAME:
                yield status

    # -- how ----------------------------------------------------------------------------

    def _url(self, path: str) -> str:
        return f"/repos/{self.name}{path}"

    def _pull(self, document: Mapping[str, Any]) -> Pull:
        home = document["head"].get("repo") or {}
        return Pull(
            number=int(document["number"]),
            is_open=document["state"] == "open",
            head=str(document["head"]["sha"]),
            head_branch=str(document["head"]["ref"]),
            is_fork=str(home.get("full_name", "")).lower() != self.name.lower(),
            # Before Gitea 1.22 the title alone says so.
            is_draft=bool(document.get("draft", document["title"].startswith(DRAFT_PREFIX))),
        )


def _file(part: str) -> tuple[str, str | None]:
    """Path and lines of one file's part of a diff."""
    head, separator, lines = part.partition("\n@@ ")
    match = _PATH.search(head)
    path = (match[1] or match[2]) if match else f"diff --git {head}"
    return path, f"@@ {lines}" if separator else None

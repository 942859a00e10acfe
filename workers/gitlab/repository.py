"""One project on GitLab: what is asked of it and said in it.

https://docs.gitlab.com/api/rest/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from workers.forges.api.client import ApiClient
from workers.forges.api.repository import MAX_OPEN_PULLS, Pull, Thread
from workers.forges.api.token_repository import CHECK_NAME, FINAL_STATE, TokenRepository
from workers.forges.errors import NotVisible

DEVELOPER = 30
"""The least access level that may push."""
DRAFT_PREFIX = "Draft: "
EMOJIS: Mapping[str, str] = {"+1": "thumbsup", "-1": "thumbsdown", "confused": "confused"}
"""GitHub's name of a reaction → GitLab's."""
STATES: Mapping[str, str] = {
    "queued": "pending",
    "in_progress": "running",
    "completed": FINAL_STATE,
}
"""Status of a check run → state of a commit."""
_QUICK_ACTION = re.compile(r"^([ \t]*)/", re.MULTILINE)
_NOTHING = "\N{WORD JOINER}"


class GitLabClient(ApiClient):
    """A connection to the API of one GitLab."""

    title = "GitLab"
    headers: ClassVar[Mapping[str, str]] = {"accept": "application/json"}
    refusals: ClassVar[frozenset[int]] = frozenset({400, 409, 422})


class GitLabRepository(TokenRepository):
    """One project."""

    _status_name = "name"

    # -- what is asked ------------------------------------------------------------------

    def may_write(self, login: str, account_id: int | None) -> bool:  # noqa: ARG002
        """Whether the account is a member, inherited or not, that may push. Asked by id: another
        account can come to have a name."""
        if account_id is None:
            return False
        try:
            member = self._get(f"/members/all/{account_id}")
        except NotVisible:
            return False
        end = member.get("expires_at")
        is_current = end is None or date.fromisoformat(end[:10]) > datetime.now(UTC).date()
        states = (member.get("state"), member.get("membership_state", "active"))
        is_active = all(state == "active" for state in states)
        return is_current and is_active and int(member["access_level"]) >= DEVELOPER

    def default_branch(self) -> str:
        return str(self._get("")["default_branch"])

    def head_of(self, branch: str) -> str | None:
        try:
            found = self._get(f"/repository/branches/{quote(branch, safe='')}")
        except NotVisible:
            return None
        return str(found["commit"]["id"])

    def pull(self, number: int) -> Pull:
        return _pull(self._get(f"/merge_requests/{number}"))

    def pull_of_branch(self, branch: str) -> Pull | None:
        query = urlencode({"state": "all", "source_branch": branch})
        pulls = (_pull(one) for one in self._pages(f"/merge_requests?{query}"))
        return next((one for one in pulls if not one.is_fork), None)

    def open_pulls(self, base: str) -> list[Pull]:
        query = {"state": "opened", "target_branch": base, "per_page": MAX_OPEN_PULLS}
        return [_pull(one) for one in self._get(f"/merge_requests?{urlencode(query)}")]

    def changed_files(self, number: int) -> dict[str, str | None]:
        files = self._pages(f"/merge_requests/{number}/diffs")
        return {str(file["new_path"]): file.get("diff") or None for file in files}

    # -- what is said -------------------------------------------------------------------

    def comment_with(self, thread: Thread, marker: str) -> int | None:
        """Others can copy a marker; the id of the account they cannot."""
        for note in self._pages(f"{_notes(thread)}?sort=desc"):
            if marker in note["body"] and note["author"]["id"] == self._own_id:
                return int(note["id"])
        return None

    def comment(self, thread: Thread, body: str) -> int:
        return int(self._change("POST", _notes(thread), {"body": quiet(body)})["id"])

    def edit_comment(self, thread: Thread, comment_id: int, body: str) -> None:
        self._change("PUT", f"{_notes(thread)}/{comment_id}", {"body": quiet(body)})

    def react(
        self,
        thread: Thread,
        comment_id: int,
        content: str,
        *,
        in_review: bool = False,  # noqa: ARG002
    ) -> None:
        path, name = f"{_notes(thread)}/{comment_id}/award_emoji", EMOJIS[content]
        awards = self._pages(path)  # one that is there already is refused as if nothing were there
        if not any(one["name"] == name and one["user"]["id"] == self._own_id for one in awards):
            self._change("POST", path, {"name": name})

    def open_pull(self, *, title: str, body: str, head: str, base: str) -> Pull:
        wish = {
            "source_branch": head,
            "target_branch": base,
            "title": f"{DRAFT_PREFIX}{title}",
            "description": quiet(body),
        }
        return _pull(self._change("POST", "/merge_requests", wish))

    def edit_pull(self, number: int, *, title: str, body: str) -> Pull:
        """The title says whether it is a draft, which stays as it is."""
        prefix = DRAFT_PREFIX if self.pull(number).is_draft else ""
        wish = {"title": f"{prefix}{title}", "description": quiet(body)}
        return _pull(self._change("PUT", f"/merge_requests/{number}", wish))

    def _state(self, status: str) -> str:
        return STATES[status]

    def _statuses(self, commit: str) -> Iterator[Mapping[str, Any]]:
        for status in self._pages(f"/repository/commits/{commit}/statuses?name={CHECK_NAME}"):
            if (status.get("author") or {}).get("id") == self._own_id:
                yield status

    def _url(self, path: str) -> str:
        return f"/projects/{quote(self.name, safe='')}{path}"


def quiet(text: str) -> str:
    """The text without quick actions: a line that begins with a slash would be an order to GitLab,
    wherever it thinks that code ends."""
    return _QUICK_ACTION.sub(rf"\1{_NOTHING}/", text)


def _notes(thread: Thread) -> str:
    return f"/{'merge_requests' if thread.is_pull else 'issues'}/{thread.number}/notes"


def _pull(document: Mapping[str, Any]) -> Pull:
    return Pull(
        number=int(document["iid"]),
        is_open=document["state"] == "opened",
        head=str(document["sha"]),
        head_branch=str(document["source_branch"]),
        is_fork=document["source_project_id"] != document["target_project_id"],
        is_draft=bool(document["draft"]),
    )

"""What the stand-in of GitLab knows beyond what that of GitHub does."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Any

from tests.support.github_stand_in.world import Refused, Repo, World

BOT = "project_1_bot"
BOT_ID = 5151
LEVELS = {"guest": 10, "reporter": 20, "developer": 30, "maintainer": 40, "owner": 50}
_QUICK_ACTION = re.compile(r"^\s*/[a-z_]+.*$", re.MULTILINE)


class GitLabWorld(World):
    """Projects, members, merge requests; `Repo.permissions` holds roles of members."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.users = {BOT: BOT_ID}
        self.token = f"glpat-{secrets.token_hex(12)}"
        self.states: dict[str, str] = {}
        """Login → state, of accounts that are not active."""
        self.ends: dict[str, str] = {}
        """Login → day on which the membership ends."""
        self.quick_actions: list[str] = []
        """Lines that were taken for orders."""
        self.statuses: list[dict[str, Any]] = []

    def add_repo(self, name: str, files: dict[str, str], *, private: bool = True) -> Repo:
        repo = super().add_repo(name, files, private=private)
        repo.permissions[BOT] = "developer"
        return repo

    def user(self, login: str) -> dict[str, Any]:
        number = self.users.setdefault(login, 100 + len(self.users))
        return {"id": number, "username": login, "name": login}

    def add_issue(self, repo: Repo, title: str, body: str, author: str) -> dict[str, Any]:
        number = 1 + len(repo.issues)
        repo.issues[number] = {
            "iid": number,
            "title": title,
            "description": body,
            "state": "opened",
            "author": self.user(author),
            "number": number,  # for the tests: GitLab has none
        }
        return repo.issues[number]

    def add_pull(
        self, repo: Repo, *, head: str, base: str, author: str, fork: str | None = None
    ) -> dict[str, Any]:
        number = 1 + len(repo.pulls)
        repo.pulls[number] = {
            "iid": number,
            "title": head,
            "description": "",
            "state": "opened",
            "draft": False,
            "author": self.user(author),
            "source_branch": head,
            "target_branch": base,
            "source_project_id": 2 if fork else 1,
            "target_project_id": 1,
        }
        self.refresh_pull(repo, number)
        return repo.pulls[number]

    def refresh_pull(self, repo: Repo, number: int) -> None:
        pull = repo.pulls[number]
        pull["sha"] = repo.tip(pull["source_branch"]) or pull.get("sha", "")
        repo.git("update-ref", f"refs/merge-requests/{number}/head", pull["sha"])

    def obey(self, text: str) -> None:
        """Quick actions of a comment or description; which code hides differs by version."""
        self.quick_actions += _QUICK_ACTION.findall(text)

    def caller(self, authorization: str) -> str:
        kind, _, value = authorization.partition(" ")
        if kind != "Bearer" or value != self.token:
            raise Refused(401, "401 Unauthorized")
        return BOT

    def need(self, value: str, name: str, permission: str, level: str) -> tuple[str, Repo]:
        """For git; the user beside the token may be anybody."""
        login = self.caller(f"Bearer {value}")
        return login, self.project(login, name, "developer" if level == "write" else "reporter")

    def project(self, login: str, path: str, role: str) -> Repo:
        repo = self.repos.get(path.lower())
        level = LEVELS.get(repo.permissions.get(login, ""), 0) if repo else 0
        if repo is None or not level:
            raise Refused(404, "404 Project Not Found")
        if level < LEVELS[role]:
            raise Refused(403, "403 Forbidden")
        return repo

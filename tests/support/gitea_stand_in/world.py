"""What the stand-in of Gitea knows otherwise than that of GitHub does."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Any

from tests.support.github_stand_in.world import Refused, Repo, World

BOT = "repair-bot"
BOT_ID = 6161
LEVELS = {"none": 0, "read": 1, "write": 2, "admin": 3, "owner": 4}


class GiteaWorld(World):
    """`Repo.permissions` holds permissions of accounts."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.users = {BOT: BOT_ID}
        self.token = secrets.token_hex(20)
        self.statuses: list[dict[str, Any]] = []

    def add_repo(self, name: str, files: dict[str, str], *, private: bool = True) -> Repo:
        repo = super().add_repo(name, files, private=private)
        repo.permissions[BOT] = "admin"
        return repo

    def caller(self, authorization: str) -> str:
        kind, _, value = authorization.partition(" ")
        if kind not in ("Bearer", "token") or value != self.token:
            raise Refused(401, "invalid username, password or token")
        return BOT

    def need(self, value: str, name: str, permission: str, level: str) -> tuple[str, Repo]:
        """For git; the user beside the token may be anybody."""
        login = self.caller(f"Bearer {value}")
        return login, self.repository(login, name, level)

    def repository(self, login: str, name: str, level: str) -> Repo:
        repo = self.repos.get(name.lower())
        given = LEVELS[repo.permissions.get(login, "none")] if repo else 0
        if repo is None or not given:
            raise Refused(404, "The target couldn't be found.")
        if given < LEVELS[level]:
            raise Refused(403, "user should have a permission to write to the repo")
        return repo

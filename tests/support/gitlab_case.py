"""A service beside a stand-in of GitLab, with a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.support.github_case import ForgeCase
from tests.support.gitlab_stand_in.server import GitLabStandIn, running_gitlab
from workers.config import ServiceSettings
from workers.gitlab.config import GitLabSettings
from workers.gitlab.connection import GitLab, open_gitlab
from workers.store.store import Store, open_store


class GitLabCase(ForgeCase):
    """One service and one GitLab."""

    role = "developer"

    def __init__(self, stand_in: GitLabStandIn, gitlab: GitLab, store: Store, folder: Path) -> None:
        super().__init__(stand_in, gitlab, store, folder)
        self.gitlab = gitlab
        self.gitlab_world = stand_in.world

    def notes(self, kind: str, number: int) -> list[dict[str, Any]]:
        thread = (kind, number)
        return [one for one in self.repo.comments.values() if one["thread"] == thread]


@contextmanager
def running_gitlab_case(
    folder: Path, public_url: str | None = None, **settings: Any
) -> Iterator[GitLabCase]:
    (folder / "git").mkdir()
    with running_gitlab(folder / "git") as stand_in:
        values: dict[str, Any] = {
            "url": stand_in.url,
            "token": SecretStr(stand_in.world.token),
            "webhook_secret": SecretStr(stand_in.world.webhook_secret),
            "folder": folder / "gitlab",
            "write_interval_seconds": 0,
            **settings,
        }
        store = open_store(ServiceSettings(state_dir=folder / "state"))
        store.migrate()
        gitlab = open_gitlab(GitLabSettings(**values), store, public_url)
        try:
            case = GitLabCase(stand_in, gitlab, store, folder)
            with case.web:
                yield case
        finally:
            gitlab.close()
            store.close()

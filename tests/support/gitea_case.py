"""A service beside a stand-in of Gitea, with a real store."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from tests.support.gitea_stand_in.server import GiteaStandIn, running_gitea
from tests.support.github_case import ForgeCase
from workers.config import ServiceSettings
from workers.gitea.config import GiteaSettings
from workers.gitea.connection import Gitea, open_gitea
from workers.store.store import Store, open_store


class GiteaCase(ForgeCase):
    """One service and one Gitea."""

    def __init__(self, stand_in: GiteaStandIn, gitea: Gitea, store: Store, folder: Path) -> None:
        super().__init__(stand_in, gitea, store, folder)
        self.gitea = gitea
        self.gitea_world = stand_in.world


@contextmanager
def running_gitea_case(folder: Path, **settings: Any) -> Iterator[GiteaCase]:
    (folder / "git").mkdir()
    with running_gitea(folder / "git") as stand_in:
        values: dict[str, Any] = {
            "url": stand_in.url,
            "token": SecretStr(stand_in.world.token),
            "webhook_secret": SecretStr(stand_in.world.webhook_secret),
            "folder": folder / "gitea",
            "write_interval_seconds": 0,
            **settings,
        }
        store = open_store(ServiceSettings(state_dir=folder / "state"))
        store.migrate()
        gitea = open_gitea(GiteaSettings(**values), store, "https://repair.example.com")
        try:
            case = GiteaCase(stand_in, gitea, store, folder)
            with case.web:
                yield case
        finally:
            gitea.close()
            store.close()

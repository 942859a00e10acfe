"""Everything that belongs to one GitHub, put together from the settings."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from workers.github.api.app_identity import AppIdentity, find_self
from workers.github.api.client import GitHubClient
from workers.github.api.repository import Repository
from workers.github.api.source import Source
from workers.github.api.tokens import Tokens, make_tokens
from workers.github.config import GitHubSettings
from workers.github.intake.inbox import Inbox
from workers.github.policy import PolicyBook, read_policies
from workers.store.store import Store


@dataclass(frozen=True)
class GitHub:
    """Safe to use from several threads."""

    settings: GitHubSettings
    policies: PolicyBook
    client: GitHubClient
    tokens: Tokens
    store: Store
    inbox: Inbox
    public_url: str | None = None
    """Of the service's page; None where nobody else reaches it."""
    closing: threading.Event = field(default_factory=threading.Event, compare=False)
    """Set once the process is about to end: fetches and pushes are cut off, and tried again."""

    @cached_property
    def myself(self) -> AppIdentity:
        """The account of this service on GitHub. Raises CallFailed while GitHub cannot be asked."""
        return find_self(self.client, self.tokens, self.settings.app_id, self.settings.bot_id)

    @property
    def configured_self(self) -> AppIdentity:
        """The account of this service as far as the settings say, with no call."""
        return AppIdentity(app_id=self.settings.app_id, bot_id=self.settings.bot_id)

    def repository(self, name: str) -> Repository:
        return Repository(self.client, self.tokens, name, self.myself)

    @property
    def sources(self) -> Path:
        """Folder of all fetched commits."""
        return self.settings.folder / "sources"

    def source(self, repository: str, job_id: str) -> Source:
        """Where a job's commit lies."""
        return Source(
            self.sources / f"{job_id}.git",
            f"{self.settings.web_url.rstrip('/')}/{repository}.git",
            self.closing.is_set,
        )

    def page_of(self, job_id: str) -> str:
        """Address of a job's page; empty where there is none to link to."""
        return f"{self.public_url}/jobs/{job_id}" if self.public_url else ""

    def check_of(self, repository: str, check_id: int | str) -> str:
        """Address of a check run, for people."""
        return f"{self.settings.web_url.rstrip('/')}/{repository}/runs/{check_id}"

    def close(self) -> None:
        self.client.close()


def open_github(settings: GitHubSettings, store: Store, public_url: str | None = None) -> GitHub:
    """Open the connection to GitHub.

    Raises NotConfigured, also without a webhook secret: see `require_secret`.
    """
    settings.require_secret()
    client = GitHubClient(settings.api_url, write_interval_seconds=settings.write_interval_seconds)
    return GitHub(
        settings=settings,
        policies=read_policies(settings.policy_file),
        client=client,
        tokens=make_tokens(settings, client),
        store=store,
        inbox=Inbox(store),
        public_url=public_url,
    )

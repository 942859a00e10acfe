"""Everything that belongs to one GitHub, put together from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from workers.forges.forge import Forge
from workers.forges.intake.inbox import Inbox
from workers.forges.policy import read_policies
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger
from workers.forges.wording import Wording
from workers.github.api.app_identity import AppIdentity, find_self
from workers.github.api.client import GitHubClient
from workers.github.api.repository import GitHubRepository
from workers.github.api.tokens import Tokens, make_tokens
from workers.github.config import GitHubSettings
from workers.github.webhook.events import trigger_of
from workers.github.webhook.request import delivery_of
from workers.store.store import Store


@dataclass(frozen=True, kw_only=True)
class GitHub(Forge):
    """A GitHub, github.com or a server of one's own."""

    name: ClassVar[str] = "github"
    wording: ClassVar[Wording] = Wording()

    settings: GitHubSettings
    client: GitHubClient
    tokens: Tokens

    @cached_property
    def myself(self) -> AppIdentity:
        """The account of this service on GitHub. Raises CallFailed while GitHub cannot be asked."""
        return find_self(self.client, self.tokens, self.settings.app_id, self.settings.bot_id)

    @property
    def configured_self(self) -> AppIdentity:
        """The account of this service as far as the settings say, with no call."""
        return AppIdentity(app_id=self.settings.app_id, bot_id=self.settings.bot_id)

    @property
    def folder(self) -> Path:
        return self.settings.folder

    @property
    def author_email(self) -> str:
        return f"{self.myself.bot_id or 0}+repair@users.noreply.github.com"

    @property
    def has_checks(self) -> bool:
        """The Checks API is for Apps only."""
        return self.myself.app_id is not None

    def read_delivery(self, headers: Mapping[str, str], body: bytes) -> Delivery:
        return delivery_of(headers, body, self.settings.require_secret())

    def trigger_of(self, delivery: Delivery) -> Trigger | IgnoredDelivery:
        return trigger_of(delivery, self.configured_self, self.policies)

    @property
    def own_id(self) -> int | None:
        return self.myself.bot_id

    def repository(self, name: str) -> GitHubRepository:
        return GitHubRepository(self.client, self.tokens, name, self.myself)

    def clone_url(self, repository: str) -> str:
        return f"{self.settings.web_url.rstrip('/')}/{repository}.git"

    def check_of(self, repository: str, check_id: int | str) -> str:
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
        inbox=Inbox(store, GitHub.name),
        public_url=public_url,
    )

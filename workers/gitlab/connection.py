"""Everything that belongs to one GitLab, put together from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr

from workers.forges.api.client import ApiClient
from workers.forges.errors import NotVisible
from workers.forges.forge import Forge
from workers.forges.intake.inbox import Inbox
from workers.forges.policy import read_policies
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger
from workers.forges.wording import Wording
from workers.gitlab.config import GitLabSettings
from workers.gitlab.delivery import GitLabDelivery, delivery_of
from workers.gitlab.events import PULL_SIGN, trigger_of
from workers.gitlab.repository import GitLabClient, GitLabRepository
from workers.store.store import Store


@dataclass(frozen=True, kw_only=True)
class GitLab(Forge):
    """A GitLab, gitlab.com or a server of one's own."""

    name: ClassVar[str] = "gitlab"
    wording: ClassVar[Wording] = Wording("GitLab", "merge request", PULL_SIGN)

    settings: GitLabSettings
    client: ApiClient
    token: SecretStr
    secret: SecretStr

    @cached_property
    def account(self) -> Mapping[str, Any]:
        """Of the token. Raises CallFailed while GitLab cannot be asked."""
        account: Mapping[str, Any] = self.client.get(
            "/user", f"Bearer {self.token.get_secret_value()}"
        )
        return account

    @property
    def folder(self) -> Path:
        return self.settings.own_folder

    @property
    def author_email(self) -> str:
        """The form that GitLab has for accounts that keep their address to themselves."""
        host = urlsplit(self.settings.url).hostname
        return f"{self.account['id']}-{self.account['username']}@users.noreply.{host}"

    @property
    def has_checks(self) -> bool:
        return True

    def read_delivery(self, headers: Mapping[str, str], body: bytes) -> GitLabDelivery:
        return delivery_of(headers, body, self.secret, self.settings.server)

    def trigger_of(self, delivery: Delivery) -> Trigger | IgnoredDelivery:
        assert isinstance(delivery, GitLabDelivery)
        return trigger_of(delivery, self.policies)

    @property
    def own_id(self) -> int:
        return int(self.account["id"])

    def repository(self, name: str) -> GitLabRepository:
        return GitLabRepository(self.client, self.token, self._path(name), self.own_id)

    def clone_url(self, repository: str) -> str:
        return f"{self.settings.url}/{self._path(repository)}.git"

    def check_of(self, repository: str, check_id: int | str) -> str:  # noqa: ARG002
        return ""  # a status has no details

    def close(self) -> None:
        self.client.close()

    def _path(self, repository: str) -> str:
        """The project's path on its server. Raises NotVisible where that is another one."""
        server, path = self.settings.server, repository[len(self.settings.server) + 1 :]
        if repository and repository.lower() != f"{server}/{path}".lower():
            raise NotVisible(f"{repository} is not on {server}")
        return path


def open_gitlab(settings: GitLabSettings, store: Store, public_url: str | None = None) -> GitLab:
    """Open the connection to GitLab. Raises NotConfigured."""
    token, secret = settings.secrets()
    interval = settings.write_interval_seconds
    return GitLab(
        settings=settings,
        policies=read_policies(settings.policy_file, settings.server),
        client=GitLabClient(f"{settings.url}/api/v4", write_interval_seconds=interval),
        token=token,
        secret=secret,
        store=store,
        inbox=Inbox(store, GitLab.name),
        public_url=public_url,
    )

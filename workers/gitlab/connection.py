"""Everything that belongs to one GitLab, put together from the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import urlsplit

from workers.forges.intake.inbox import Inbox
from workers.forges.policy import read_policies
from workers.forges.token_forge import TokenForge
from workers.forges.webhook.delivery import Delivery
from workers.forges.webhook.trigger import IgnoredDelivery, Trigger
from workers.forges.wording import Wording
from workers.gitlab.config import GitLabSettings
from workers.gitlab.delivery import GitLabDelivery, delivery_of
from workers.gitlab.events import PULL_SIGN, trigger_of
from workers.gitlab.repository import GitLabClient, GitLabRepository
from workers.store.store import Store


@dataclass(frozen=True, kw_only=True)
class GitLab(TokenForge):
    """A GitLab, gitlab.com or a server of one's own."""

    name: ClassVar[str] = "gitlab"
    wording: ClassVar[Wording] = Wording(
        "GitLab",
        "merge request",
        PULL_SIGN,
        issue_path="-/issues",
        pull_path="-/merge_requests",
    )

    @property
    def author_email(self) -> str:
        """The form that GitLab has for accounts that keep their address to themselves."""
        host = urlsplit(self.settings.url).hostname
        return f"{self.account['id']}-{self.account['username']}@users.noreply.{host}"

    def read_delivery(self, headers: Mapping[str, str], body: bytes) -> GitLabDelivery:
        return delivery_of(headers, body, self.secret, self.settings.server)

    def trigger_of(self, delivery: Delivery) -> Trigger | IgnoredDelivery:
        assert isinstance(delivery, GitLabDelivery)
        return trigger_of(delivery, self.policies)

    def repository(self, name: str) -> GitLabRepository:
        return GitLabRepository(self.client, self.token, self.path_of(name), self.own_id)


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

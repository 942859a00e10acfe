"""Everything that belongs to one Gitea or Forgejo, put together from the settings."""

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
from workers.gitea.config import GiteaSettings
from workers.gitea.delivery import GiteaDelivery, delivery_of
from workers.gitea.events import trigger_of
from workers.gitea.repository import GiteaClient, GiteaRepository
from workers.store.store import Store


@dataclass(frozen=True, kw_only=True)
class Gitea(TokenForge):
    """A Gitea or a Forgejo."""

    name: ClassVar[str] = "gitea"
    wording: ClassVar[Wording] = Wording("Gitea", pull_path="pulls")

    @property
    def author_email(self) -> str:
        """The form that Gitea has for accounts that keep their address to themselves."""
        return f"{self.account['login']}@noreply.{urlsplit(self.settings.url).hostname}"

    def read_delivery(self, headers: Mapping[str, str], body: bytes) -> GiteaDelivery:
        return delivery_of(headers, body, self.secret, self.settings.server)

    def trigger_of(self, delivery: Delivery) -> Trigger | IgnoredDelivery:
        assert isinstance(delivery, GiteaDelivery)
        return trigger_of(delivery, self.policies)

    def repository(self, name: str) -> GiteaRepository:
        return GiteaRepository(self.client, self.token, self.path_of(name), self.own_id)


def open_gitea(settings: GiteaSettings, store: Store, public_url: str | None = None) -> Gitea:
    """Open the connection to Gitea. Raises NotConfigured."""
    token, secret = settings.secrets()
    interval = settings.write_interval_seconds
    return Gitea(
        settings=settings,
        policies=read_policies(settings.policy_file, settings.server),
        client=GiteaClient(f"{settings.url}/api/v1", write_interval_seconds=interval),
        token=token,
        secret=secret,
        store=store,
        inbox=Inbox(store, Gitea.name),
        public_url=public_url,
    )

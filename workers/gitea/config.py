"""Settings of Gitea or Forgejo, from `REPAIR_GITEA_*`."""

from __future__ import annotations

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from workers.forges.settings import TokenSettings


class GiteaSettings(TokenSettings):
    """Who the service is on a Gitea or a Forgejo: the account of an access token."""

    model_config = SettingsConfigDict(env_prefix="REPAIR_GITEA_")
    forge: ClassVar[str] = "gitea"

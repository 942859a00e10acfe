"""Settings of GitLab, from `REPAIR_GITLAB_*`."""

from __future__ import annotations

from typing import ClassVar

from pydantic_settings import SettingsConfigDict

from workers.forges.settings import TokenSettings


class GitLabSettings(TokenSettings):
    """Who the service is on GitLab: the account of a project, group or personal access token."""

    model_config = SettingsConfigDict(env_prefix="REPAIR_GITLAB_")
    forge: ClassVar[str] = "gitlab"

    url: str = "https://gitlab.com"

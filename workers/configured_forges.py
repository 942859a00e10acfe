"""The forges that the settings name."""

from __future__ import annotations

from workers.forges.forge import Forge
from workers.gitea.config import GiteaSettings
from workers.gitea.connection import open_gitea
from workers.github.config import is_configured, read_github_settings
from workers.github.connection import open_github
from workers.gitlab.config import GitLabSettings
from workers.gitlab.connection import open_gitlab
from workers.store.store import Store


def open_forges(store: Store, public_url: str | None = None) -> list[Forge]:
    """Open the connection to each. Raises NotConfigured where one is set up in part."""
    openers = (_github, _gitlab, _gitea)
    forges = (opener(store, public_url) for opener in openers)
    return [forge for forge in forges if forge is not None]


def _github(store: Store, public_url: str | None) -> Forge | None:
    settings = read_github_settings()
    return open_github(settings, store, public_url) if is_configured(settings) else None


def _gitlab(store: Store, public_url: str | None) -> Forge | None:
    settings = GitLabSettings.read()
    return None if settings is None else open_gitlab(settings, store, public_url)


def _gitea(store: Store, public_url: str | None) -> Forge | None:
    settings = GiteaSettings.read()
    return None if settings is None else open_gitea(settings, store, public_url)
